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

// firstID returns the id of a connection's first request.
func firstID(connection uint32) uint64 { return uint64(connection) << 32 }

// connectionOf and numberOf return the parts of an id.
func connectionOf(id uint64) uint32 { return uint32(id >> 32) }
func numberOf(id uint64) uint32     { return uint32(id) }

const idOffset = 5

// submitBytes is the length of the body of a Submit request.
const submitBytes = 64

// repeated sends the same frame with different ids.
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

// newRequests returns the requests of the options' load phase. nonce makes client
// order ids unique among runs.
func newRequests(o Options, nonce uint32) requests {
	if o.Workload.trades() {
		return newOrderRequests(o, nonce)
	}
	var body []byte
	if o.Workload == Submit {
		body = appendText(nil, submitBytes)
	}
	return newRepeated(o.Workload.command(), body, o.Depth)
}
