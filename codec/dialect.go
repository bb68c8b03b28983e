package codec

// Message is a decoded frame. Body aliases the bytes it was decoded from.
type Message struct {
	Command Command
	// ID is the request number of a request or reply: in the packet dialect 8 bytes
	// that the client chose, here as a big-endian integer. In a push it is the push
	// sequence, or 0 for a push outside the sequence. Only its dialect gives it a
	// meaning; a reply needs the ID of its request.
	ID   uint64
	Body []byte
}

// Dialect is how a listener's messages are written as bytes. It is the only place
// that knows a header: business code and the engine see messages.
//
// Goroutine: any; a dialect is a comparable value without changing state. Decoders keep
// nothing of their input, encoders append and allocate only to grow dst.
type Dialect interface {
	// String returns the dialect's name, as settings and logs have it.
	String() string
	// FrameLen returns the length of the frame that b begins with, header included.
	// It is 0 until enough of b is there to tell, and may be more than len(b). A
	// declared length that is too short for a frame, or above most bytes, is
	// ErrTooShort or ErrTooLarge at once, before any of the content has arrived.
	FrameLen(b []byte, most int) (n int, err error)
	// Scan returns where the last whole frame of b ends and how many frames end up
	// to there, at most frames of them. With a bad length it also returns the error of
	// FrameLen; what comes before end is still good.
	Scan(b []byte, most, frames int) (end, found int, err error)
	// Next decodes the first message of b, which begins with a frame that Scan has
	// passed, into m and returns how many bytes it took.
	Next(b []byte, m *Message) (used int)
	// AppendReply appends the reply to request m. A nil body is an empty one.
	AppendReply(dst []byte, m Message, r Result, body Body) []byte
	// AppendPush appends a message that answers nothing: a push with its sequence
	// number, or what a client asks.
	AppendPush(dst []byte, c Command, id uint64, body Body) []byte
	// Shared reports whether a push is the same bytes for every session, so that one
	// encoding serves all of them.
	Shared() bool
	// Ordered reports whether replies must leave in the order of their requests
	// because nothing in them names the request.
	Ordered() bool
}

// Decode returns the first message of b and how many bytes it took; used is 0 while
// the frame is not whole. Errors are those of Dialect.FrameLen.
func Decode(d Dialect, b []byte, most int) (m Message, used int, err error) {
	n, err := d.FrameLen(b, most)
	if err != nil || n == 0 || n > len(b) {
		return Message{}, 0, err
	}
	used = d.Next(b, &m)
	return m, used, nil
}
