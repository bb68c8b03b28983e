package codec

// Message is a decoded frame. Body aliases the bytes it was decoded from.
type Message struct {
	Command Command
	// ID is the request number of a request or reply: in the packet dialect 8 bytes
	// that the client chose, here as a big-endian integer. In a push it is the push
	// sequence, or 0 for a push outside the sequence. Only its dialect assigns it a
	// meaning; a reply needs the ID of its request.
	ID   uint64
	Body []byte
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
	// Scan returns where the last complete frame of b ends and how many frames there are
	// up to there; it stops after frames. After a bad length it also returns the error
	// of FrameLen; the frames before end are good.
	Scan(b []byte, most, frames int) (end, found int, err error)
	// Next decodes the first message of b into m and returns how many bytes it took. Scan
	// must have found a complete frame there.
	Next(b []byte, m *Message) (used int)
	// AppendReply appends the reply to request m. A nil body is empty.
	AppendReply(dst []byte, m Message, r Result, body Body) []byte
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

// Decode returns the first message of b and how many bytes it took; used is 0 while the
// frame is incomplete. Errors are those of Dialect.FrameLen.
func Decode(d Dialect, b []byte, most int) (m Message, used int, err error) {
	n, err := d.FrameLen(b, most)
	if err != nil || n == 0 || n > len(b) {
		return Message{}, 0, err
	}
	used = d.Next(b, &m)
	return m, used, nil
}
