package fserror_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"holdfast/biz/fserror"
)

func TestExplain(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, err := range []error{
		os.WriteFile("file", nil, 0o600), os.Mkdir("folder", 0o700),
		os.Symlink("gone", "link"), os.Symlink("loop", "loop"), os.Symlink("folder", "alias"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func(path string) error { _, err := os.ReadFile(path); return err }
	makeFolder := func(path string) error { return os.MkdirAll(path, 0o700) }
	failing := func(err error) func(string) error {
		return func(path string) error { return &fs.PathError{Op: "open", Path: "/secret/temporary", Err: err} }
	}
	long := strings.Repeat("n", 300)
	for _, tt := range []struct {
		name, path string
		try        func(string) error
		want       string
	}{
		{"missing file", "folder/x", open, "folder/x: no such file or directory; create it, or choose another path"},
		{"missing folder", "no/where/x", open, "no/where/x: no such file or directory: no; create it, or choose another path"},
		{"trailing slash", "none/", open, "none/: no such file or directory; create it, or choose another path"},
		{"link to nothing", "link", open, "link: link is a link to gone, which does not exist; create that, remove the link, or choose another path"},
		{"folder through such a link", "link/x", makeFolder, "link/x: link is a link to gone, which does not exist; create that, remove the link, or choose another path"},
		{"such a link for a folder", "link", makeFolder, "link: link is a link to gone, which does not exist; create that, remove the link, or choose another path"},
		{"file for a folder", "file/x", makeFolder, "file/x: file is not a folder; choose another path"},
		{"a file for a folder", "file", makeFolder, "file: it is not a folder; choose another path"},
		{"a file for a folder, with a slash", "file/", makeFolder, "file/: it is not a folder; choose another path"},
		{"a file with a slash", "file/", open, "file/: it is not a folder; choose another path"},
		{"folder for a file", "alias", open, "alias: it is a folder; name a file in it"},
		{"long name", long, open, long + ": the name is too long; choose a shorter one"},
		{"circle", "loop", open, "loop: too many levels of symbolic links; choose another path"},
		{"circle for a folder", "loop", makeFolder, "loop: too many levels of symbolic links; choose another path"},
		{"no permission", "file", failing(syscall.EACCES), "file: permission denied; let this user read and write there, or choose another path"},
		{"not permitted", "file", failing(syscall.EPERM), "file: permission denied; let this user read and write there, or choose another path"},
		{"read-only", "file", failing(syscall.EROFS), "file: the file system is read-only; choose another path"},
		{"full", "file", failing(syscall.ENOSPC), "file: no space left on the device; free some space, or choose another path"},
		{"quota", "file", failing(syscall.EDQUOT), "file: disk quota exceeded; free some space, or choose another path"},
		{"rename", "file", func(string) error { return &os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EXDEV} }, "file: invalid cross-device link; choose another path"},
		{"another error", "file", func(string) error { return errors.New("odd") }, "file: odd; choose another path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.try(tt.path)
			got := fserror.Explain(tt.path, err)
			if err == nil || got.Error() != tt.want || !errors.Is(got, err) {
				t.Errorf("%v\nbecame %v\nwant   %s", err, got, tt.want)
			}
		})
	}
}

func TestExplainCurrentFolderGone(t *testing.T) {
	dir := t.TempDir() + "/gone"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := os.Remove(dir); err != nil {
		t.Skip("skip: this system keeps the current folder: ", err)
	}
	_, err := os.ReadFile("x")
	if want := "x: the current folder no longer exists; change to another folder, or use an absolute path"; fmt.Sprint(fserror.Explain("x", err)) != want {
		t.Errorf("%v, want %s", fserror.Explain("x", err), want)
	}
}

func TestExplainNothing(t *testing.T) {
	if err := fserror.Explain("x", nil); err != nil {
		t.Error(err)
	}
}
