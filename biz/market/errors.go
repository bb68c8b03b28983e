package market

import (
	"errors"
	"fmt"
)

var (
	// ErrBadInstrument means that New refuses an instrument; the error's text says which one
	// and why.
	ErrBadInstrument = errors.New("market: bad instrument")
	// ErrBadRules means that Rules are wrong; the error's text says which one and why.
	ErrBadRules = errors.New("market: bad rules")
	// ErrBadClock means a clock with a wrong mode or speed.
	ErrBadClock = errors.New("market: bad clock")
	// ErrBadPreset means a preset that does not exist.
	ErrBadPreset = errors.New("market: unknown preset")
)

// FieldError says which field of an instrument or of rules is wrong. It wraps
// ErrBadInstrument or ErrBadRules.
type FieldError struct {
	// Field is the key of the field in a seed file.
	Field   string
	Value   any
	Problem string

	kind error
}

// Error returns field, value and problem.
func (e *FieldError) Error() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("%s %q: %s", e.Field, s, e.Problem)
	}
	return fmt.Sprintf("%s %v: %s", e.Field, e.Value, e.Problem)
}

// Unwrap returns ErrBadInstrument or ErrBadRules.
func (e *FieldError) Unwrap() error { return e.kind }

func badInstrument(field string, value any, problem string) error {
	return &FieldError{Field: field, Value: value, Problem: problem, kind: ErrBadInstrument}
}

func badRules(field string, value any, problem string) error {
	return &FieldError{Field: field, Value: value, Problem: problem, kind: ErrBadRules}
}
