// Package outfile writes the files that commands write: there is one rule for all.
//
// The name "-" is the standard output. A regular file is replaced when its new content is
// complete, so that readers never see half of it and a failure leaves the old one; it
// keeps its permissions. A link stays, and the file that it leads to is replaced. A file
// that can be written and not replaced, because its folder is read-only or because it is
// mounted in a container, gets the new content itself. What is not a regular file, such as a
// pipe or /dev/null, is written to. A disk or another block device is refused.
//
// Goroutine: any, one per file.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"

	"holdfast/biz/fserror"
)

// Stdout is the name of the standard output.
const Stdout = "-"

// IsStdout reports whether name is the standard output: "-", or a name such as /dev/stdout
// if that is a pipe or a regular file.
func IsStdout(name string, stdout io.Writer) bool {
	if name == Stdout {
		return true
	}
	file, isFile := stdout.(interface{ Fd() uintptr })
	if !isFile {
		return false
	}
	named, err := os.Stat(name)
	if err != nil || named.Mode()&fs.ModeDevice != 0 {
		return false
	}
	open, err := os.Stat(fmt.Sprintf("/dev/fd/%d", file.Fd()))
	return err == nil && os.SameFile(named, open)
}

// IsStream reports whether name is the standard output, or something else that is no
// regular file, and so is written to and not replaced.
func IsStream(name string, stdout io.Writer) bool {
	if IsStdout(name, stdout) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Same reports whether Write would replace or continue the content of a when it writes b:
// both are the standard output, or lead to one path or regular file.
func Same(a, b string, stdout io.Writer) bool {
	if IsStdout(a, stdout) || IsStdout(b, stdout) {
		return IsStdout(a, stdout) && IsStdout(b, stdout)
	}
	pathA, errA := follow(a)
	pathB, errB := follow(b)
	if errA == nil && errB == nil && filepath.Clean(pathA) == filepath.Clean(pathB) {
		return !IsStream(a, stdout)
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && infoA.Mode().IsRegular() && os.SameFile(infoA, infoB)
}

// Write writes what the function write writes to the file name, or to stdout if name means
// that. A new file gets the permissions perm, less the umask. An error of the file system
// names the file as given, the cause and the way out; an error of write or stdout is
// returned as it is.
func Write(name string, perm fs.FileMode, stdout io.Writer, write func(io.Writer) error) error {
	if IsStdout(name, stdout) {
		return write(stdout)
	}
	target, exists, err := resolve(name)
	switch {
	case err != nil:
		return err
	case exists:
		return writeThrough(target, name, 0, write)
	}
	return replace(target, name, perm, write)
}

// Check returns the error that Write would return for name, as far as it can be known before
// there is something to write: a command that works for long calls it first.
func Check(name string, stdout io.Writer) error {
	if name == "" || IsStdout(name, stdout) {
		return nil
	}
	target, exists, err := resolve(name)
	if err != nil || exists {
		return err // to open a pipe would wait for its reader
	}
	f, err := pending(target, name, 0o600)
	switch {
	case err == nil:
		return fserror.Explain(name, f.Cleanup())
	case writable(target):
		return nil
	}
	return err
}

// resolve returns the path that is written for name, and whether it exists and is no regular
// file, so that it is not replaced.
func resolve(name string) (target string, exists bool, err error) {
	if target, err = follow(name); err != nil {
		return "", false, fserror.Explain(name, err)
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, false, nil
	case err != nil:
		return "", false, fserror.Explain(name, err)
	case info.IsDir():
		return "", false, fmt.Errorf("%s: it is a folder; name a file in it", name)
	case info.Mode().Type() == fs.ModeDevice:
		return "", false, fmt.Errorf("%s: it is a block device; name a file", name)
	}
	entry, err := os.Lstat(target)
	isFile := err == nil && entry.Mode().IsRegular() // no link of /proc to a file without a name
	return target, !isFile, nil
}

// WriteText is Write for a text.
func WriteText(name string, perm fs.FileMode, stdout io.Writer, text []byte) error {
	return Write(name, perm, stdout, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// maxLinks is how many links follow follows, as Linux.
const maxLinks = 40

// follow returns the path to which the links on name lead; it need not exist.
func follow(name string) (string, error) {
	path := name
	for range maxLinks {
		target, isLink := next(path)
		if !isLink {
			return path, nil
		}
		path = target
	}
	return "", syscall.ELOOP
}

// next returns where the link at path leads. A link of /proc to something without a name,
// such as a pipe, only looks like a path and counts as no link.
func next(path string) (target string, isLink bool) {
	target, err := os.Readlink(path)
	if err != nil {
		return "", false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	leads, err := os.Stat(path)
	if err != nil {
		return target, true // to nothing yet
	}
	found, err := os.Stat(target)
	return target, err == nil && os.SameFile(leads, found)
}

// pending creates a file next to target that is to replace it.
func pending(target, name string, perm fs.FileMode) (*renameio.PendingFile, error) {
	f, err := renameio.NewPendingFile(target, renameio.WithTempDir(filepath.Dir(target)),
		renameio.WithPermissions(perm), renameio.WithExistingPermissions())
	return f, fserror.Explain(name, err)
}

// replace writes a file next to target and renames it to target.
func replace(target, name string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	f, err := pending(target, name, perm)
	switch {
	case err == nil:
	case writable(target):
		return writeThrough(target, name, os.O_TRUNC, write)
	default:
		return err
	}
	defer func() { err = errors.Join(err, fserror.Explain(name, f.Cleanup())) }()
	if err := writeTo(f, name, write); err != nil {
		return err
	}
	err = f.CloseAtomicallyReplace()
	if errors.Is(err, syscall.EBUSY) { // a mounted file
		return writeThrough(target, name, os.O_TRUNC, func(w io.Writer) error { return copyFile(w, f.Name()) })
	}
	return fserror.Explain(name, err)
}

// writable reports whether the file at target exists and can be written.
func writable(target string) bool {
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	return err == nil && f.Close() == nil
}

func copyFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// writeThrough writes to what exists at target. flag is 0 or os.O_TRUNC.
func writeThrough(target, name string, flag int, write func(io.Writer) error) error {
	f, err := os.OpenFile(target, os.O_WRONLY|flag, 0)
	if err != nil {
		return fserror.Explain(name, err)
	}
	err = writeTo(f, name, write)
	return errors.Join(err, fserror.Explain(name, f.Close()))
}

// writeTo calls write and explains an error of w with the name of the file.
func writeTo(w io.Writer, name string, write func(io.Writer) error) error {
	watched := &watchedWriter{w: w}
	err := write(watched)
	if watched.err != nil {
		return fserror.Explain(name, watched.err)
	}
	return err
}

// watchedWriter keeps the first error of its writer.
type watchedWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.w.Write(b)
	w.err = err
	return n, err
}
