package config

import "fmt"

// Error is a mistake in the configuration. Its text is one line that starts with the
// place that the user has to change.
type Error struct {
	Origin  string // "serve.json:7", "HOLDFAST_LISTEN", "--listen"
	Problem string // what is wrong there and what would be right
}

// Error implements error.
func (e *Error) Error() string { return e.Origin + ": " + e.Problem }

func mistake(origin, format string, args ...any) *Error {
	return &Error{Origin: origin, Problem: fmt.Sprintf(format, args...)}
}
