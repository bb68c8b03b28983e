//go:build unix

package outfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/perf/outfile"
)

// must ends a test whose preparation failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// write writes "new" to a file.
func write(name string) error {
	return outfile.WriteText(name, 0o640, io.Discard, []byte("new"))
}

// wantContent checks a regular file, or a link to one, and that nothing else is in its folder
// but the names in others.
func wantContent(t *testing.T, name, content string, others ...string) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil || string(got) != content {
		t.Errorf("%s: %q, %v; want %q", name, got, err, content)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	must(t, err)
	if len(entries) != 1+len(others) {
		t.Errorf("the folder of %s has %v", name, entries)
	}
}

func TestNewFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new")
	must(t, write(name))
	wantContent(t, name, "new")
	if info, err := os.Stat(name); err != nil || info.Mode()&^0o640 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestPermissionsOfAnExistingFile(t *testing.T) {
	for _, perm := range []fs.FileMode{0o600, 0o644, 0o666} {
		name := filepath.Join(t.TempDir(), "old")
		must(t, os.WriteFile(name, []byte("old, and longer"), 0o600), os.Chmod(name, perm), write(name))
		wantContent(t, name, "new")
		if info, err := os.Stat(name); err != nil || info.Mode() != perm {
			t.Errorf("mode %v, %v; want %v", info.Mode(), err, perm)
		}
	}
}

// TestFailureLeavesTheOldFile: an error of the caller is returned as it is.
func TestFailureLeavesTheOldFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "old")
	must(t, os.WriteFile(name, []byte("old"), 0o600))
	broken := errors.New("broken")
	err := outfile.Write(name, 0o600, nil, func(w io.Writer) error {
		fmt.Fprint(w, "half of")
		return broken
	})
	if !errors.Is(err, broken) || err.Error() != "broken" {
		t.Errorf("error %v, want the caller's own", err)
	}
	wantContent(t, name, "old")
}

func TestLinksStay(t *testing.T) {
	for name, target := range map[string]string{"relative": "target", "absolute": "/", "to nothing": "gone", "chain": "middle"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			link, file := filepath.Join(dir, "links", "link"), filepath.Join(dir, "files", "target")
			must(t, os.Mkdir(filepath.Dir(link), 0o700), os.Mkdir(filepath.Dir(file), 0o700))
			switch target {
			case "/":
				target = file
			case "middle":
				must(t, os.Symlink("../files/target", filepath.Join(dir, "links", "middle")))
			default:
				target = "../files/target"
			}
			if name != "to nothing" {
				must(t, os.WriteFile(file, []byte("old"), 0o600))
			}
			must(t, os.Symlink(target, link), write(link))
			wantContent(t, file, "new")
			if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
				t.Errorf("the link is %v, %v", info, err)
			}
		})
	}
}

func TestPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(name, 0o600))
	read := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(name)
		read <- fmt.Sprintf("%s %v", text, err)
	}()
	if !outfile.IsStream(name, nil) {
		t.Error("a pipe is no stream")
	}
	must(t, write(name))
	if got := <-read; got != "new <nil>" {
		t.Errorf("read %s", got)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", info, err)
	}
}

// device makes a device node, or skips the test.
func device(t *testing.T, kind uint32, major, minor uint32) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "device")
	if err := unix.Mknod(name, kind|0o600, int(unix.Mkdev(major, minor))); err != nil {
		t.Skip("skip: mknod needs root: ", err)
	}
	if f, err := os.OpenFile(name, os.O_WRONLY, 0); errors.Is(err, fs.ErrPermission) && kind == unix.S_IFCHR {
		t.Skip("skip: this file system has no devices: ", err)
	} else if err == nil {
		f.Close()
	}
	return name
}

// TestDevices: a device is written to, and never replaced. The numbers are those of Linux.
func TestDevices(t *testing.T) {
	for _, tt := range []struct {
		name         string
		kind         uint32
		major, minor uint32
		problem      string
	}{
		{"null", unix.S_IFCHR, 1, 3, ""},
		{"full", unix.S_IFCHR, 1, 7, ": no space left on the device; free some space, or choose another path"},
		{"disk", unix.S_IFBLK, 7, 200, ": it is a block device; name a file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := device(t, tt.kind, tt.major, tt.minor)
			before, err := os.Lstat(name)
			must(t, err)
			err = write(name)
			if tt.problem == "" && err != nil || tt.problem != "" && (err == nil || err.Error() != name+tt.problem) {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
			if after, err := os.Lstat(name); err != nil || !os.SameFile(before, after) {
				t.Errorf("the device is now %v, %v", after, err)
			}
		})
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.Mkdir("folder", 0o700), os.WriteFile("file", nil, 0o600), os.Symlink("loop", "loop"), os.Symlink("none/x", "link"))
	for name, problem := range map[string]string{
		"folder":    "it is a folder; name a file in it",
		"none/x":    "no such file or directory: none; create it, or choose another path",
		"file/x":    "file is not a folder; choose another path",
		"loop":      "too many levels of symbolic links; choose another path",
		"link":      "link is a link to none/x, which does not exist; create that, remove the link, or choose another path",
		"folder/":   "it is a folder; name a file in it",
		"none/":     "no such file or directory; create it, or choose another path",
		"/dev/full": "no space left on the device; free some space, or choose another path",
	} {
		if err := write(name); err == nil || err.Error() != name+": "+problem {
			t.Errorf("%s: %v", name, err)
		}
		if err := outfile.Check(name, nil); name != "/dev/full" && (err == nil || err.Error() != name+": "+problem) {
			t.Errorf("%s is found right before: %v", name, err)
		}
	}
	if long := strings.Repeat("n", 300); write(long) == nil || write(long).Error() != long+": the name is too long; choose a shorter one" {
		t.Errorf("%v", write(long))
	}
}

func TestSame(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("old", nil, 0o600), os.Symlink("old", "link"), os.Symlink("new", "to-new"), os.Link("old", "twin"))
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"new", "new", true}, {"new", "./new", true}, {"new", "to-new", true}, {"old", "link", true}, {"old", "twin", true},
		{"-", "-", true}, {"new", "new2", false}, {"old", "new", false}, {"-", "old", false}, {"", "old", false},
		{os.DevNull, os.DevNull, false},
	} {
		if outfile.Same(tt.a, tt.b, io.Discard) != tt.want || outfile.Same(tt.b, tt.a, io.Discard) != tt.want {
			t.Errorf("%q and %q: want %v", tt.a, tt.b, tt.want)
		}
	}
}

func TestCheckChangesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("old", []byte("old"), 0o600), os.Symlink("old", "link"), unix.Mkfifo("pipe", 0o600))
	for _, name := range []string{"old", "link", "pipe", "new", "-", "", os.DevNull} {
		if err := outfile.Check(name, io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantContent(t, "old", "old", "link", "pipe")
}

func TestStandardOutput(t *testing.T) {
	var stdout bytes.Buffer
	if err := outfile.WriteText("-", 0o600, &stdout, []byte("new")); err != nil || stdout.String() != "new" {
		t.Errorf("%q, %v", &stdout, err)
	}
	closed, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	must(t, err, closed.Close())
	if err := outfile.WriteText("-", 0o600, closed, []byte("new")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: error %v", err)
	}
}

// TestNamesOfTheStandardOutput: a regular file or pipe that is also the standard output is
// not replaced, because what the program prints later would be lost with the old file.
func TestNamesOfTheStandardOutput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	stdout, err := os.Create(name)
	must(t, err)
	defer stdout.Close()
	fd := fmt.Sprintf("/proc/self/fd/%d", stdout.Fd())
	if _, err := os.Stat(fd); err != nil {
		t.Skip("skip: needs /proc: ", err)
	}
	for _, also := range []string{name, fd} {
		if !outfile.IsStdout(also, stdout) {
			t.Errorf("%s is not the standard output", also)
		}
		must(t, outfile.WriteText(also, 0o600, stdout, []byte("new")))
	}
	fmt.Fprint(stdout, " and later")
	wantContent(t, name, "newnew and later")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	must(t, err)
	defer null.Close()
	if outfile.IsStdout(os.DevNull, null) {
		t.Error("a device is the standard output: what is printed beside the file would leave it")
	}
	if outfile.IsStdout(filepath.Dir(name), stdout) || outfile.IsStdout(os.DevNull, stdout) || outfile.IsStdout(name, io.Discard) {
		t.Error("other names are the standard output, too")
	}
}

// TestOpenFileWithoutName: /proc names open files, also those without a name.
func TestOpenFileWithoutName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "removed")
	f, err := os.Create(name)
	must(t, err, os.Remove(name))
	defer f.Close()
	fd := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(fd); err != nil {
		t.Skip("skip: needs /proc: ", err)
	}
	must(t, write(fd))
	b := make([]byte, 10)
	if n, err := f.ReadAt(b, 0); string(b[:n]) != "new" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) > 0 {
		t.Errorf("created %v, %v", left, err)
	}
}
