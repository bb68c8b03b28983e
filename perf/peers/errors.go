package peers

import "errors"

// ErrLength: a frame's length is below a header or above MaxFrame.
var ErrLength = errors.New("peers: impossible frame length")
