package engine

import "github.com/panjf2000/gnet/v2"

// inbound is the stage between a socket and the dialect: it has the bytes that a peer
// has sent, as the dialect reads them, until they are taken. Here they are those of
// the socket; a stage that opens TLS records or an HTTP upgrade has its place here.
//
// Goroutine: event loop.
type inbound struct {
	conn gnet.Conn
}

// received returns all that is there, without taking it. It is valid until the next
// call, or until the event loop goes on. Looking at what has come in several reads
// copies it.
func (in *inbound) received() []byte {
	b, _ := in.conn.Peek(-1)
	return b
}

// size returns how many bytes are there.
func (in *inbound) size() int { return in.conn.InboundBuffered() }

// take gives up the first n bytes.
func (in *inbound) take(n int) {
	if n > 0 { // gnet takes anything below for all
		_, _ = in.conn.Discard(n)
	}
}

// drop gives up all bytes.
func (in *inbound) drop() { _, _ = in.conn.Discard(-1) }
