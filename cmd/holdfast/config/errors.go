package config

import (
	"fmt"

	"holdfast/biz/fserror"
)

// Error is a mistake in the configuration. Its text is one line that starts with the
// place that the user has to change.
type Error struct {
	Origin  string // "serve.json:7", "HOLDFAST_LISTEN", "--listen"
	Problem string // what is wrong there and what would be right

	cause error // of Unreadable
}

// Error implements error.
func (e *Error) Error() string { return e.Origin + ": " + e.Problem }

// Unwrap returns the error of the file system, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Unreadable returns the error for a file that a setting or a flag names, and that cannot
// be read because of err, which it wraps.
func Unreadable(path string, err error) *Error {
	return &Error{Origin: path, Problem: "cannot be read: " + fserror.Cause(path, err), cause: err}
}

func mistake(origin, format string, args ...any) *Error {
	return &Error{Origin: origin, Problem: fmt.Sprintf(format, args...)}
}
