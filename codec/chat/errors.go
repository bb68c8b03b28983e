package chat

import (
	"fmt"

	"holdfast/codec"
)

// What Dialect.Next and ParseFrame return for a frame that is no message. All wrap
// codec.ErrMessage.
var (
	// ErrParts means that FAddr and FPort are longer than the frame.
	ErrParts = fmt.Errorf("%w: FAddr and FPort are longer than the frame", codec.ErrMessage)
	// ErrType means that clients can't send frames of this type.
	ErrType = fmt.Errorf("%w: unknown type of frame", codec.ErrMessage)
	// ErrText means that the text is not UTF-8, or has more than MaxTextBytes.
	ErrText = fmt.Errorf("%w: the text is not UTF-8 or too long", codec.ErrMessage)
)
