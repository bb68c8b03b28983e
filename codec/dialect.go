package codec

// Message is a decoded frame. Body aliases the bytes it was decoded from, or Scratch.
type Message struct {
	Command Command
	// ID is the request number of a request or reply: in the packet dialect 8 bytes
	// that the client chose, here as a big-endian integer. In a push it is the push
	// sequence, or 0 for a push outside the sequence. Only its dialect assigns it a
	// meaning; a reply needs the ID of its request.
	ID   uint64
	Body []byte
	// Scratch is memory for a body that is not in the frame as it is. Dialect.Next may
	// grow it, and uses it again for the next message.
	Scratch []byte
}

// Dialect encodes and decodes the messages of a listener. It is the only place that knows
// a frame's layout: business code and the engine see messages.
//
// Goroutine: any; a dialect is a comparable, immutable value. Decoders do not retain their
// input; encoders append, and allocate only to grow dst.
type Dialect interface {
	// String returns the dialect's name, as settings and logs have it.
	String() string
	// FrameLen returns the length of the frame at the start of b, header included. It is
	// 0 while b is too short to tell, and may be more than len(b). A declared length
	// below a header, or above most bytes, returns ErrTooShort or ErrTooLarge at once,
	// before the content has arrived.
	FrameLen(b []byte, most int) (n int, err error)
	// Next decodes the first message of b into m and returns how many bytes it took. Scan
	// must have found that b is complete frames. An error that wraps ErrBody means that only
	// the body can't be decoded: the message has its command and ID, and can be answered.
	// After any other error it can't.
	Next(b []byte, m *Message) (used int, err error)
	// AppendReply appends the reply to the request with that command and ID. A nil body is
	// empty.
	AppendReply(dst []byte, c Command, id uint64, r Result, body Body) []byte
	// AppendPush appends a message that is not a reply: a push with its sequence number,
	// or a request of a client.
	AppendPush(dst []byte, c Command, id uint64, body Body) []byte
	// Shared reports whether a push has the same bytes for every session, so that it is
	// encoded once for all.
	Shared() bool
	// Ordered reports whether replies must leave in the order of their requests, because
	// they do not identify the request.
	Ordered() bool
}

// Scan returns where the last complete frame of b ends and how many frames there are up to
// there; it stops after frames. After a bad length it also returns the error of FrameLen; the
// frames before end are good.
func Scan(d Dialect, b []byte, most, frames int) (end, found int, err error) {
	_, isPacket := d.(Packet)
	for end < len(b) && found < frames {
		var n int
		if isPacket { // without the interface the main dialect costs some 8 ns less per frame
			n, err = Packet{}.FrameLen(b[end:], most)
		} else {
			n, err = d.FrameLen(b[end:], most)
		}
		if err != nil {
			return end, found, err
		}
		if n == 0 || n > len(b)-end {
			break
		}
		end += n
		found++
	}
	return end, found, nil
}

// Decode returns the first message of b and how many bytes it took; used is 0 while the
// frame is incomplete. Errors are those of Dialect.FrameLen and Dialect.Next.
func Decode(d Dialect, b []byte, most int) (m Message, used int, err error) {
	n, err := d.FrameLen(b, most)
	if err != nil || n == 0 || n > len(b) {
		return Message{}, 0, err
	}
	used, err = d.Next(b[:n], &m)
	return m, used, err
}
