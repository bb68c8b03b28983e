package load

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"holdfast/codec"
)

// wire is a dialect as a client speaks it. Owner: the event loop.
type wire interface {
	// next decodes the first message of b into m and returns how many bytes it took. ok is
	// false while the message is incomplete.
	next(c *conn, b []byte, m *message) (used int, ok bool, err error)
	// decode decodes a body.
	decode(body []byte, into protobuf) error
	// chatText returns the text of a ChatMessage, or nil.
	chatText(body []byte) []byte

	// prepare encodes a request that append then sends with different ids. A mark in its
	// body is filled in by append.
	prepare(c codec.Command, body codec.Body) *prepared
	append(dst []byte, p *prepared, id uint64) []byte
	// handshake returns what a new connection to that address of the server sends first; nil: nothing.
	handshake(at int) []byte
}

// protobuf is a body that all dialects can decode.
type protobuf interface {
	proto.Message
	UnmarshalVT(b []byte) error
}

// message is a reply or a push. Lifetime: until the next read.
type message struct {
	command codec.Command
	id      uint64
	result  codec.Result // of a reply
	body    []byte
}

// setContent divides the content of a reply into result and body. That of a push is its
// body.
func (m *message) setContent(content []byte) error {
	if !m.command.IsReply() {
		m.result, m.body = codec.ResultOK, content
		return nil
	}
	if len(content) == 0 {
		return fmt.Errorf("%w: %s without a result", ErrWrongLength, m.command)
	}
	m.result, m.body = codec.Result(content[0]), content[1:]
	return nil
}

// prepared is an encoded request. Its id and its mark are filled in when it is sent.
type prepared struct {
	text   []byte
	idAt   int    // JSON: where the digits of the id belong
	markAt int    // where the mark is; 0: none
	markOf uint64 // the mark is that of the request with an id that is lower by this
	nonce  uint32

	msgType string // FIX
	timed   bool   // FIX: the time is a field of the body, too
}

// A mark makes a client order id, or a chat message, unique among all runs. It has a fixed
// width so that it can be filled in: nonce (8 hex digits), connection (6) and request
// number (8), separated by dashes.
const markLen = 24

// emptyMark is the mark of a request that is not yet sent.
func emptyMark() string { return string(bytes.Repeat([]byte{'#'}, markLen)) }

func newPrepared(text []byte) *prepared {
	return &prepared{text: text, markAt: max(bytes.Index(text, []byte(emptyMark())), 0)}
}

// mark fills in the mark; shift is by how much it has moved in b.
func (p *prepared) mark(b []byte, shift int, id uint64) {
	if p.markAt > 0 {
		putMark(b[p.markAt+shift:], p.nonce, id-p.markOf)
	}
}

// putMark writes the markLen bytes of a request's mark.
func putMark(dst []byte, nonce uint32, id uint64) {
	_ = dst[markLen-1]
	putHex(dst[0:8], nonce)
	dst[8] = '-'
	putHex(dst[9:15], connectionOf(id))
	dst[15] = '-'
	putHex(dst[16:24], numberOf(id))
}

// putHex writes the low digits of v over all of dst.
func putHex(dst []byte, v uint32) {
	const digits = "0123456789abcdef"
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = digits[v&15]
		v >>= 4
	}
}

// parseHex reads what putHex wrote.
func parseHex(b []byte) (v uint32, ok bool) {
	for _, digit := range b {
		switch {
		case digit >= '0' && digit <= '9':
			v = v<<4 | uint32(digit-'0')
		case digit >= 'a' && digit <= 'f':
			v = v<<4 | uint32(digit-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// newWires returns the wires of even and of odd connections.
func newWires(o Options) [2]wire {
	web := func(subprotocol string) webSocket { return newWebSocket(o.addrs(), o.Path, subprotocol) }
	var w wire
	switch o.Dialect {
	case DialectTLV:
		w = tlvWire{}
	case DialectChat:
		w = chatWire{}
	case DialectWebSocket:
		w = &binaryWire{webSocket: web(subprotocolPacket)}
	case DialectJSON:
		w = newJSONWire(web(subprotocolJSON))
	case DialectMixed:
		return [2]wire{&binaryWire{webSocket: web(subprotocolPacket)}, newJSONWire(web(subprotocolJSON))}
	case DialectFIX:
		w = newFIXWire(o)
	case DialectEcho:
		w = &binaryWire{webSocket: web(""), echoes: true}
	default:
		w = packetWire{}
	}
	return [2]wire{w, w}
}

// binaryBody decodes the bodies of all dialects but JSON.
type binaryBody struct{}

func (binaryBody) decode(body []byte, into protobuf) error { return into.UnmarshalVT(body) }

func (binaryBody) chatText(body []byte) []byte { return protobufText(body) }

// packetWire is the packet dialect.
type packetWire struct{ binaryBody }

func (packetWire) handshake(int) []byte { return nil }

func (packetWire) next(_ *conn, b []byte, m *message) (used int, ok bool, err error) {
	if len(b) < 4 {
		return 0, false, nil
	}
	total := int(binary.BigEndian.Uint32(b))
	if total < codec.PacketHeaderLen || total > readBufferSize {
		return 0, false, wrongTotal(total)
	}
	if len(b) < total {
		return 0, false, nil
	}
	m.command, m.id = codec.Command(b[4]), binary.BigEndian.Uint64(b[idOffset:])
	return total, true, m.setContent(b[codec.PacketHeaderLen:total])
}

func wrongTotal(total int) error {
	return fmt.Errorf("%w: a frame of %d bytes is declared", ErrWrongLength, total)
}

func (packetWire) prepare(c codec.Command, body codec.Body) *prepared {
	return newPrepared(codec.AppendRequest(nil, c, 0, body))
}

func (packetWire) append(dst []byte, p *prepared, id uint64) []byte {
	start := len(dst)
	dst = append(dst, p.text...)
	binary.BigEndian.PutUint64(dst[start+idOffset:], id)
	p.mark(dst[start:], 0, id)
	return dst
}

// tlvWire is the tlv dialect.
type tlvWire struct{ binaryBody }

func (tlvWire) handshake(int) []byte { return nil }

func (tlvWire) next(c *conn, b []byte, m *message) (used int, ok bool, err error) {
	total, err := codec.TLV{}.FrameLen(b, readBufferSize)
	if err != nil {
		return 0, false, wrongTotal(int(binary.LittleEndian.Uint32(b)) + codec.TLVHeaderLen)
	}
	if total == 0 || len(b) < total {
		return 0, false, nil
	}
	m.command, m.id = codec.Command(b[4]), 0
	if m.command.IsReply() {
		m.id = c.nextReply
	}
	if m.command == codec.CommandHeartbeat.Reply() && c.beating && c.beatAt == c.nextReply {
		c.beating, m.id = false, beatID
	}
	return total, true, m.setContent(b[codec.TLVHeaderLen:total])
}

func (tlvWire) prepare(c codec.Command, body codec.Body) *prepared {
	return newPrepared(codec.TLV{}.AppendPush(nil, c, 0, body))
}

func (tlvWire) append(dst []byte, p *prepared, id uint64) []byte {
	start := len(dst)
	dst = append(dst, p.text...)
	p.mark(dst[start:], 0, id)
	return dst
}
