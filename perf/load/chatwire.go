package load

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
)

// chatWire is the chat dialect. A message that comes back to its sender is the reply to it.
type chatWire struct{}

func (chatWire) handshake(int) []byte { return nil }

// Offsets in a frame of the chat dialect.
const (
	chatTypeAt    = 2
	chatAddressAt = 3
	chatMinFrame  = 7 // without address, port and text
)

// nextChatFrame returns the length of the first frame of b, 0 while it is incomplete, and
// its text.
func nextChatFrame(b []byte) (used int, text []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil
	}
	used = 2 + int(binary.BigEndian.Uint16(b))
	if used < chatMinFrame {
		return 0, nil, wrongTotal(used)
	}
	if len(b) < used {
		return 0, nil, nil
	}
	portAt := chatAddressAt + 2 + int(binary.BigEndian.Uint16(b[chatAddressAt:]))
	if portAt+2 > used {
		return 0, nil, wrongParts(used)
	}
	textAt := portAt + 2 + int(binary.BigEndian.Uint16(b[portAt:]))
	if textAt > used {
		return 0, nil, wrongParts(used)
	}
	return used, b[textAt:used], nil
}

func wrongParts(used int) error {
	return fmt.Errorf("%w: address and port are longer than their frame of %d bytes", ErrWrongLength, used)
}

// next makes the end of the list of clients the reply to the request for it.
func (chatWire) next(c *conn, b []byte, m *message) (used int, ok bool, err error) {
	used, text, err := nextChatFrame(b)
	if used == 0 || err != nil {
		return 0, false, err
	}
	m.command, m.id, m.result, m.body = codec.PushChatMessage, 0, codec.ResultOK, nil
	switch chat.Type(b[chatTypeAt]) {
	case chat.TypeMessage:
		m.body = text
	case chat.TypeError:
		m.command, m.body = codec.PushNotice, text
	case chat.TypeWho:
		if len(text) > 0 {
			m.command, m.id = codec.CommandChat.Reply(), c.nextReply
		}
	}
	return used, true, nil
}

func (chatWire) decode(body []byte, into protobuf) error {
	if n, ok := into.(*pb.Notice); ok {
		n.Text = string(body)
	}
	return nil
}

func (chatWire) chatText(body []byte) []byte { return body }

func (chatWire) prepare(c codec.Command, body codec.Body) *prepared {
	return newPrepared(chat.Dialect{}.AppendPush(nil, c, 0, body))
}

func (chatWire) append(dst []byte, p *prepared, id uint64) []byte {
	return tlvWire{}.append(dst, p, id)
}

// protobufText returns the text of an encoded ChatMessage, or nil.
func protobufText(body []byte) []byte {
	const text = 5
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return nil
		}
		body = body[n:]
		if number == text && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(body)
			return value
		}
		if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
			return nil
		}
		body = body[n:]
	}
	return nil
}
