package load

import (
	"encoding/binary"
	"fmt"

	"holdfast/codec"
)

// requests builds the bytes that a connection sends. Goroutine: the event loop.
type requests interface {
	// frames returns n requests with the ids first, first+1, ... Lifetime: until the
	// next call. Limit: n is at most the depth it was made for.
	frames(first uint64, n int) []byte
}

// list sends requests of a list: request number i of a connection is pick(id).
type list struct {
	wire wire
	pick func(id uint64) *prepared
	out  []byte
}

func (l *list) frames(first uint64, n int) []byte {
	l.out = l.out[:0]
	for id := first; id < first+uint64(n); id++ {
		l.out = l.wire.append(l.out, l.pick(id), id)
	}
	return l.out
}

// firstID returns the id of a connection's first request.
func firstID(connection uint32) uint64 { return uint64(connection) << 32 }

// connectionOf and numberOf return the parts of an id.
func connectionOf(id uint64) uint32 { return uint32(id >> 32) }
func numberOf(id uint64) uint32     { return uint32(id) }

const idOffset = 5

// submitBytes is the length of the body of a Submit request.
const submitBytes = 64

// repeated sends the same frame of the packet dialect with different ids. It is a list
// that copies nothing.
type repeated struct {
	buf  []byte
	size int
}

func newRepeated(c codec.Command, body []byte, depth int) *repeated {
	r := &repeated{size: codec.PacketHeaderLen + len(body)}
	for range depth {
		r.buf = codec.AppendMessage(r.buf, codec.Message{Command: c, Body: body})
	}
	return r
}

func (r *repeated) frames(first uint64, n int) []byte {
	for i := range n {
		binary.BigEndian.PutUint64(r.buf[i*r.size+idOffset:], first+uint64(i))
	}
	return r.buf[:n*r.size]
}

// appendText appends size readable bytes.
func appendText(dst []byte, size int) []byte {
	for i := 0; size > 0; i++ {
		word := fmt.Sprintf("holdfast submit %03d ", i%1000)
		word = word[:min(len(word), size)]
		dst = append(dst, word...)
		size -= len(word)
	}
	return dst
}

// isText reports whether b is what appendText appends to nothing.
func isText(b []byte) bool {
	const longest = "holdfast submit 000 holdfast submit 001 holdfast submit 002 holdfast submit 003 "
	return len(b) <= len(longest) && string(b) == longest[:len(b)]
}

// newRequests returns the requests of the options' load phase. nonce makes the marks
// unique among runs.
func newRequests(o Options, w wire, nonce uint32) requests {
	if o.Workload.trades() {
		return newOrderRequests(o, w, nonce)
	}
	var body codec.Body
	switch o.Workload {
	case Submit:
		body = codec.Raw(appendText(nil, submitBytes))
	case Chat:
		body = chatBody()
		if o.Dialect == DialectEcho {
			body = codec.Raw(chatBody().Text)
		}
	}
	if _, isPacket := w.(packetWire); isPacket && o.Workload != Chat {
		text, _ := body.(codec.Raw)
		return newRepeated(o.Workload.command(0), text, o.Depth)
	}
	request := w.prepare(o.Workload.command(0), body)
	request.nonce = nonce
	return &list{wire: w, pick: func(uint64) *prepared { return request }}
}
