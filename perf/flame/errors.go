package flame

import "errors"

var (
	// ErrProfile means that the bytes are not a profile, or that it has no such values.
	ErrProfile = errors.New("flame: not a usable profile")
	// ErrServer means that the pprof port did not send the requested profile.
	ErrServer = errors.New("flame: no profile from the pprof port")
)
