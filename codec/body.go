package codec

// Body is a message body that knows its size and encodes itself into a buffer of that
// size. The types of codec/pb implement it.
type Body interface {
	SizeVT() int
	MarshalToSizedBufferVT(b []byte) (int, error)
}

// Raw is a body of any bytes, sent as they are.
type Raw []byte

// SizeVT implements Body.
func (r Raw) SizeVT() int { return len(r) }

// MarshalToSizedBufferVT implements Body.
func (r Raw) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, r), nil }

// sizeOf returns the length of body, which may be nil.
func sizeOf(body Body) int {
	if body == nil {
		return 0
	}
	return body.SizeVT()
}

// appendSized appends body, which has n bytes.
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
