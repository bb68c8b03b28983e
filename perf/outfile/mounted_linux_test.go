package outfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/perf/outfile"
)

// TestMountedFile: a container may mount a single file, which can't be replaced.
func TestMountedFile(t *testing.T) {
	dir := t.TempDir()
	outside, name := filepath.Join(dir, "outside"), filepath.Join(dir, "inside", "file")
	must(t, os.WriteFile(outside, []byte("old, and longer"), 0o600), os.Mkdir(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600))
	if err := unix.Mount(outside, name, "", unix.MS_BIND, ""); err != nil {
		t.Skip("skip: mount needs root: ", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(name, 0)) })
	must(t, outfile.Check(name, nil), write(name))
	wantContent(t, name, "new")
	wantContent(t, outside, "new", "inside")
}
