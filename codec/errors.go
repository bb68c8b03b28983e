package codec

import "errors"

// A peer's bytes can cause only these errors.
var (
	// ErrTooShort means that the length field declares a frame that is smaller
	// than its own header (or negative).
	ErrTooShort = errors.New("codec: declared length is below the smallest frame")
	// ErrTooLarge means that the length field declares a frame above the maximum.
	ErrTooLarge = errors.New("codec: declared length is above the maximum frame")
	// ErrMessage means that a frame is no message of the dialect.
	ErrMessage = errors.New("codec: not a message")
	// ErrBody means that a message has a body which does not fit its command.
	ErrBody = errors.New("codec: the body does not fit the command")
	// ErrLength means that a frame to be appended has a length which its length
	// field can't carry.
	ErrLength = errors.New("codec: length does not fit the length field")
)

// ErrConfig means that a LengthField describes no possible frame.
var ErrConfig = errors.New("codec: impossible length field")
