package checkpoint

import "errors"

var (
	// ErrDamaged means that a file is incomplete or altered.
	ErrDamaged = errors.New("checkpoint: damaged file")
	// ErrVersion means that another release wrote the file.
	ErrVersion = errors.New("checkpoint: file of another release")
	// ErrTooLarge means that a section exceeds MaxSection.
	ErrTooLarge = errors.New("checkpoint: section too large")
)
