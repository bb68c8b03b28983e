package peers

import "encoding/binary"

// Sizes of the packet dialect, in bytes.
const (
	// HeaderLen is the length of total (4, of the complete frame), command (1) and id
	// (8).
	HeaderLen = 13
	// ReplyLen is the length of a header and the result.
	ReplyLen = HeaderLen + 1
	// MaxFrame is the length of the largest frame.
	MaxFrame = 1 << 20
)

// LastCommand: the commands of holdfast are 1 to LastCommand.
const LastCommand = 0x0C

// replyBit is set in the command of a reply.
const replyBit = 0x80

// FrameLen returns the length of the frame that b starts with, 0 if b does not yet have
// the complete length field. The error is ErrLength.
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

// Scan returns the end of the last complete frame in b and the number of complete frames.
// The error is ErrLength.
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

// AppendReplies appends the reply to each frame of b, which must be complete frames.
func AppendReplies(dst, b []byte) []byte {
	for len(b) > 0 {
		dst = append(dst, 0, 0, 0, ReplyLen, b[4]|replyBit)
		dst = append(dst, b[5:HeaderLen]...)
		dst = append(dst, 0) // the result: OK
		b = b[binary.BigEndian.Uint32(b):]
	}
	return dst
}
