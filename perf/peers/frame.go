package peers

import "encoding/binary"

// Sizes of the packet dialect, in bytes.
const (
	// HeaderLen is total (4, the whole frame), command (1) and id (8).
	HeaderLen = 13
	// ReplyLen is a header and the result.
	ReplyLen = HeaderLen + 1
	// MaxFrame is the largest frame.
	MaxFrame = 1 << 20
)

// The commands that the product knows are 1 to LastCommand.
const LastCommand = 0x0C

// replyBit is set in the command of a reply.
const replyBit = 0x80

// FrameLen returns the length of the frame that b begins with; 0 as long as the
// length is not wholly there. The error is ErrLength.
func FrameLen(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b)
	if n < HeaderLen || n > MaxFrame {
		return 0, ErrLength
	}
	return int(n), nil
}

// Scan returns where the last complete frame of b ends and how many frames end up
// to there. The error is ErrLength.
func Scan(b []byte) (end, frames int, err error) {
	for {
		n, err := FrameLen(b[end:])
		if err != nil || n == 0 || n > len(b)-end {
			return end, frames, err
		}
		end += n
		frames++
	}
}

// AppendReplies appends the reply to each frame of b: complete frames, as Scan
// finds them.
func AppendReplies(dst, b []byte) []byte {
	for len(b) > 0 {
		dst = append(dst, 0, 0, 0, ReplyLen, b[4]|replyBit)
		dst = append(dst, b[5:HeaderLen]...)
		dst = append(dst, 0) // the result: OK
		b = b[binary.BigEndian.Uint32(b):]
	}
	return dst
}
