// Package fserror explains errors of files and folders that a user named: it says which
// one, why, and what to do.
//
// It changes nothing on the disk; it looks at the path only to explain an error.
// Goroutine: any.
package fserror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Explain returns an error that starts with path, as the user wrote it, and then says the
// cause of err and the way out. It wraps err. A nil err is nil.
func Explain(path string, err error) error {
	if err == nil {
		return nil
	}
	return &explained{text: path + ": " + Cause(path, err), err: err}
}

// Cause returns the text of Explain without the path at its start.
func Cause(path string, err error) string {
	cause, wayOut := causeAndWayOut(path, err)
	return cause + "; " + wayOut
}

type explained struct {
	text string
	err  error
}

// Error implements error.
func (e *explained) Error() string { return e.text }

// Unwrap returns the error of the file system.
func (e *explained) Unwrap() error { return e.err }

// another is the way out that always exists.
const another = "choose another path"

func causeAndWayOut(path string, err error) (cause, wayOut string) {
	for _, kind := range []struct {
		is            error
		cause, wayOut string
	}{
		{fs.ErrPermission, "permission denied", "let this user read and write there, or " + another},
		{syscall.EROFS, "the file system is read-only", another},
		{syscall.ENOSPC, "no space left on the device", "free some space, or " + another},
		{syscall.EDQUOT, "disk quota exceeded", "free some space, or " + another},
		{syscall.ENAMETOOLONG, "the name is too long", "choose a shorter one"},
		{syscall.EISDIR, "it is a folder", "name a file in it"},
	} {
		if errors.Is(err, kind.is) {
			return kind.cause, kind.wayOut
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		if cause, wayOut := obstacle(filepath.Clean(path), path); cause != "" {
			return cause, wayOut
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "it is not a folder", another
		}
	}
	return causeOf(err), another
}

// causeOf returns the text of err without the operation and the path.
func causeOf(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	case errors.As(err, &call):
		return call.Err.Error()
	}
	return err.Error()
}

// obstacle returns what is missing or in the way on part, which is path or a folder above
// it; "" if nothing is.
func obstacle(part, path string) (cause, wayOut string) {
	if _, err := os.Getwd(); err != nil && !filepath.IsAbs(part) {
		return "the current folder no longer exists", "change to another folder, or use an absolute path"
	}
	if parent := filepath.Dir(part); parent != part {
		if cause, wayOut := obstacle(parent, path); cause != "" {
			return cause, wayOut
		}
		if info, err := os.Stat(parent); err == nil && !info.IsDir() {
			return parent + " is not a folder", another
		}
	}
	_, err := os.Stat(part)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return causeOf(err), another
	case !errors.Is(err, fs.ErrNotExist):
		return "", ""
	}
	if target, err := os.Readlink(part); err == nil {
		return fmt.Sprintf("%s is a link to %s, which does not exist", part, target), "create that, remove the link, or " + another
	}
	cause = "no such file or directory"
	if part != filepath.Clean(path) {
		cause += ": " + part
	}
	return cause, "create it, or " + another
}
