package codec

// Body is a message body that knows its size and writes itself into a buffer of
// that size; the types of codec/pb are such.
type Body interface {
	SizeVT() int
	MarshalToSizedBufferVT(b []byte) (int, error)
}

// AppendBody appends a whole frame with body: a push, or a request. A nil body
// is an empty one. It allocates only to grow dst.
func AppendBody(dst []byte, c Command, id uint64, body Body) []byte {
	n := 0
	if body != nil {
		n = body.SizeVT()
	}
	return appendSized(AppendHeader(dst, c, id, n), body, n)
}

// AppendReply appends the reply frame to request m: its result, then body,
// which may be nil.
func AppendReply(dst []byte, m Message, r Result, body Body) []byte {
	n := 0
	if body != nil {
		n = body.SizeVT()
	}
	dst = AppendHeader(dst, m.Command.Reply(), m.ID, 1+n)
	return appendSized(append(dst, byte(r)), body, n)
}

func appendSized(dst []byte, body Body, n int) []byte {
	if n == 0 {
		return dst
	}
	start := len(dst)
	dst = grow(dst, n)
	if _, err := body.MarshalToSizedBufferVT(dst[start:]); err != nil {
		// Only a body that changes between the two calls can fail.
		panic("codec: body changed while it was encoded: " + err.Error())
	}
	return dst
}

func grow(dst []byte, n int) []byte {
	if need := len(dst) + n; need <= cap(dst) {
		return dst[:need]
	}
	return append(dst, make([]byte, n)...)
}
