package scenario

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoPush means that an expected push did not come in time.
	ErrNoPush = errors.New("no such push came")
	// ErrInstruments means that the account can afford too few instruments.
	ErrInstruments = errors.New("too few instruments that trade in hundreds, of which the account can buy 1,000 shares each")
	// ErrName means that two scenarios of a run have the same name.
	ErrName = errors.New("scenario: two scenarios have the same name")
)

// Error is a mistake in a scenario file.
type Error struct {
	File    string
	Line    int
	Problem string
}

// Error returns "FILE:LINE: PROBLEM".
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }

// Errors are all mistakes of a file, in the order of their lines.
type Errors []*Error

// Error returns a line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, 0, len(e))
	for _, one := range e {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}
