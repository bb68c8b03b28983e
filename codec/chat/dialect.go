package chat

import (
	"strconv"
	"unicode/utf8"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Dialect is the chat dialect. It has no request ids.
type Dialect struct{}

var _ codec.Dialect = Dialect{}

// String implements codec.Dialect.
func (Dialect) String() string { return "chat" }

// FrameLen implements codec.Dialect. No frame is longer than MaxFrame.
func (Dialect) FrameLen(b []byte, most int) (int, error) { return frameLen(b, most) }

// The fields of a ChatRequest, as Protocol Buffers have them.
const (
	tagText   = 2<<3 | 2
	tagAction = 3 << 3
)

// Next implements codec.Dialect. It decodes what clients send. Its errors are ErrParts,
// ErrType and ErrText.
func (Dialect) Next(b []byte, m *codec.Message) (used int, err error) {
	used, _ = frameLen(b, MaxFrame) // was checked
	p, err := split(b[:used])
	if err != nil {
		return used, err
	}
	m.ID, m.Body = 0, nil
	switch {
	case p.kind == TypeWho:
		m.Command = codec.CommandChat
		m.Scratch = append(m.Scratch[:0], tagAction, byte(pb.ChatAction_CHAT_ACTION_WHO))
		m.Body = m.Scratch
	case p.kind != TypeMessage:
		return used, ErrType
	case len(p.text) > MaxTextBytes || !utf8.Valid(p.text):
		return used, ErrText
	case len(p.text) == 0:
		m.Command = codec.CommandHeartbeat
	default:
		m.Command = codec.CommandChat
		m.Scratch = appendSay(m.Scratch[:0], p.text)
		m.Body = m.Scratch
	}
	return used, nil
}

// appendSay appends a ChatRequest that says text in the common chat room.
func appendSay(dst, text []byte) []byte {
	dst = append(dst, tagText)
	n := uint(len(text))
	if n > 0x7F { // a varint: seven bits in each byte
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(append(dst, byte(n)), text...)
}

// AppendReply implements codec.Dialect: frames of TypeError for a request that was refused,
// of TypeWho for a ChatReply, else nothing.
func (Dialect) AppendReply(dst []byte, _ codec.Command, _ uint64, r codec.Result, body codec.Body) []byte {
	if r == codec.ResultOK {
		if reply, ok := body.(*pb.ChatReply); ok {
			return appendWho(dst, reply)
		}
		return dst
	}
	text := r.String()
	if e, ok := body.(*pb.Error); ok && e.Message != "" {
		text = e.Message
	}
	return appendParts(dst, TypeError, "", nil, text)
}

// appendWho appends a frame for each member, and the frame that ends the list.
func appendWho(dst []byte, reply *pb.ChatReply) []byte {
	var digits [10]byte
	for _, m := range reply.Members {
		dst = appendHeader(dst, TypeWho, m.Address, strconv.AppendUint(digits[:0], uint64(m.Port), 10), 0)
	}
	count := strconv.AppendUint(digits[:0], uint64(reply.Count), 10)
	return append(appendHeader(dst, TypeWho, "", nil, len(count)), count...)
}

// AppendPush implements codec.Dialect: a frame for a ChatMessage or a Notice, and for a
// request of a client (Chat that says something or asks who is there, Heartbeat), else
// nothing.
func (Dialect) AppendPush(dst []byte, c codec.Command, _ uint64, body codec.Body) []byte {
	switch body := body.(type) {
	case *pb.ChatMessage:
		var digits [10]byte
		port := strconv.AppendUint(digits[:0], uint64(body.Port), 10)
		return appendParts(dst, typeOf(body.Event), body.Address, port, body.Text)
	case *pb.Notice:
		return appendParts(dst, TypeError, "", nil, body.Text)
	case *pb.ChatRequest:
		switch body.Action {
		case pb.ChatAction_CHAT_ACTION_UNSPECIFIED:
			return appendParts(dst, TypeMessage, "", nil, body.Text)
		case pb.ChatAction_CHAT_ACTION_WHO:
			return appendParts(dst, TypeWho, "", nil, "")
		}
	case nil:
		if c == codec.CommandHeartbeat {
			return appendParts(dst, TypeMessage, "", nil, "")
		}
	}
	return dst
}

func typeOf(e pb.ChatEvent) Type {
	switch e {
	case pb.ChatEvent_CHAT_EVENT_JOINED:
		return TypeJoined
	case pb.ChatEvent_CHAT_EVENT_LEFT:
		return TypeLeft
	default:
		return TypeMessage
	}
}

// Shared implements codec.Dialect.
func (Dialect) Shared() bool { return true }

// Ordered implements codec.Dialect.
func (Dialect) Ordered() bool { return true }
