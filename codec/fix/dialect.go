package fix

import "holdfast/codec"

// Dialect is the FIX dialect. A frame is one message, or bytes that start no message (see
// frameLen). It passes frames as they are; Message.Parse looks into them.
type Dialect struct{}

var _ codec.Dialect = Dialect{}

// String implements codec.Dialect.
func (Dialect) String() string { return "fix" }

// FrameLen implements codec.Dialect.
func (Dialect) FrameLen(b []byte, most int) (int, error) { return frameLen(b, most) }

// Next implements codec.Dialect: every frame is a CommandFIX.
func (Dialect) Next(b []byte, m *codec.Message) (used int, err error) {
	used, err = completeLen(b)
	m.Command, m.ID, m.Body = codec.CommandFIX, 0, b[:used]
	return used, err
}

// AppendReply implements codec.Dialect: a body is a complete message, and no body is no answer.
func (Dialect) AppendReply(dst []byte, _ codec.Command, _ uint64, _ codec.Result, body codec.Body) []byte {
	return appendRaw(dst, body)
}

// AppendPush implements codec.Dialect: a body is a complete message. What is not a FIX message,
// such as a Heartbeat of the engine, is left out.
func (Dialect) AppendPush(dst []byte, _ codec.Command, _ uint64, body codec.Body) []byte {
	return appendRaw(dst, body)
}

func appendRaw(dst []byte, body codec.Body) []byte {
	switch raw := body.(type) {
	case codec.Raw:
		return append(dst, raw...)
	case *codec.Raw:
		return append(dst, *raw...)
	}
	return dst
}

// Shared implements codec.Dialect: each session numbers its messages.
func (Dialect) Shared() bool { return false }

// Ordered implements codec.Dialect.
func (Dialect) Ordered() bool { return true }
