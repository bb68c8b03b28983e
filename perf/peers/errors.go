package peers

import "errors"

// ErrLength means that a frame's length is below HeaderLen or above MaxFrame.
var ErrLength = errors.New("peers: impossible frame length")
