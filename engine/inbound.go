package engine

// The inbound stage of a session is between its socket and its dialect. What the dialect
// reads are the bytes of the socket, or what a stage for TLS records makes of them, and after
// that one for WebSocket.
//
// Goroutine of all functions here: event loop.

// received returns what the dialect reads, without discarding it. most is the largest frame.
// It is valid until the next call, or until the event loop goes on. It may close the session.
func (s *Session) received(most int) []byte {
	b := s.rawInput()
	if s.tls != nil {
		b = s.tls.received(s, b)
	}
	if s.ws != nil && !s.closed {
		b = s.ws.received(s, b, most)
	}
	if (s.tls != nil || s.ws != nil) && !s.closed {
		s.discardRaw(-1)
	}
	return b
}

// rawInput returns all bytes of the socket. If they came in several reads, gnet copies them.
func (s *Session) rawInput() []byte {
	if l, ok := s.link.(*gnetLink); ok {
		b, _ := l.conn.Peek(-1)
		return b
	}
	return s.link.(*tailLink).received
}

// inputSize returns how many bytes there are.
func (s *Session) inputSize() int {
	n := 0
	if s.tls != nil {
		n = len(s.tls.kept)
	}
	if s.ws != nil {
		n += len(s.ws.kept)
	}
	if l, ok := s.link.(*gnetLink); ok {
		return n + l.conn.InboundBuffered()
	}
	return n + len(s.link.(*tailLink).received)
}

// discardInput removes the first n bytes of b, which is what received has returned.
func (s *Session) discardInput(b []byte, n int) {
	switch {
	case s.ws != nil:
		s.ws.keep(s, b[n:])
	case s.tls != nil:
		s.tls.keep(s, b[n:])
	case n > 0: // for gnet anything below means all
		s.discardRaw(n)
	}
}

// discardAllInput removes all bytes.
func (s *Session) discardAllInput() {
	if s.tls != nil {
		s.tls.drop()
	}
	if s.ws != nil {
		s.ws.drop(s)
	}
	s.discardRaw(-1)
}

// discardRaw removes the first n bytes of the socket, all if n is below 0.
func (s *Session) discardRaw(n int) {
	if l, ok := s.link.(*gnetLink); ok {
		_, _ = l.conn.Discard(n)
		return
	}
	t := s.link.(*tailLink) // gnet has closed the connection
	if n < 0 {
		n = len(t.received)
	}
	t.received = t.received[n:]
}

// inputEnd returns why nothing can be read after what received has returned, or ReasonNone.
func (s *Session) inputEnd() Reason {
	if s.ws != nil && s.ws.end != ReasonNone {
		return s.ws.end
	}
	if s.tls != nil {
		return s.tls.end
	}
	return ReasonNone
}
