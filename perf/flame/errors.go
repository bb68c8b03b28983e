package flame

import "errors"

var (
	// ErrProfile: the bytes are no profile, or have no such values.
	ErrProfile = errors.New("flame: not a usable profile")
	// ErrServer: the pprof port answered something else than what was asked for.
	ErrServer = errors.New("flame: the pprof port gave no profile")
)
