package engine

import "github.com/panjf2000/gnet/v2"

// inbound is the stage between a socket and the dialect: the received bytes, as the
// dialect reads them. So far these are the bytes of the socket; stages for TLS records or
// an HTTP upgrade belong here.
//
// Goroutine: event loop.
type inbound struct {
	conn gnet.Conn // nil when gnet has closed it
	rest []byte    // without conn: what was received before
}

// inputOf returns the inbound stage of a session of a loop.
func inputOf(s *Session) *inbound {
	if t, ok := s.link.(*tailLink); ok {
		return &t.in
	}
	return &s.link.(*gnetLink).in
}

// received returns all received bytes without discarding them. They are valid until the
// next call, or until the event loop goes on. If they came in several reads, gnet copies
// them.
func (in *inbound) received() []byte {
	if in.conn == nil {
		return in.rest
	}
	b, _ := in.conn.Peek(-1)
	return b
}

// size returns how many bytes there are.
func (in *inbound) size() int { return in.conn.InboundBuffered() }

// discard removes the first n bytes.
func (in *inbound) discard(n int) {
	switch {
	case in.conn == nil:
		in.rest = in.rest[n:]
	case n > 0: // for gnet anything below means all
		_, _ = in.conn.Discard(n)
	}
}

// discardAll removes all bytes.
func (in *inbound) discardAll() {
	if in.rest = nil; in.conn != nil {
		_, _ = in.conn.Discard(-1)
	}
}
