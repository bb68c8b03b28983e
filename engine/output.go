package engine

// write sends b, which answers nothing. Goroutine: event loop.
func (s *Session) write(b []byte) { s.send(b, false) }

// send sends b unless the session is over, or is closed here as a slow consumer.
// answers tells whether replies are among it. Goroutine: event loop.
func (s *Session) send(b []byte, answers bool) {
	if len(b) == 0 || s.closed || s.lingering {
		return
	}
	if s.unsent != 0 && s.tooSlow(len(b), answers) {
		return
	}
	if err := s.link.Write(b); err != nil || s.closed { // a failed Write may call OnClose
		return
	}
	s.written += uint64(len(b))
	s.sent = s.group.now
	s.group.bytesOut.Add(uint64(len(b)))
	if n := s.link.Buffered(); n|s.unsent != 0 {
		s.keeps(n)
	}
}

// push sends the droppable frames b, or remembers their key while the session
// has too much unsent output. Goroutine: event loop.
func (s *Session) push(key uint32, b []byte) {
	if s.takesPushes(0) {
		s.write(b)
		return
	}
	s.miss(key)
}

// takesPushes tells whether the session has little enough unsent output for pushes
// that it may miss, behind so many bytes that it is about to get. Goroutine: event
// loop.
func (s *Session) takesPushes(behind int) bool {
	soft := s.core.limits.OutboundSoftBytes
	return s.unsent == 0 || s.unsent+behind <= soft || s.link.Buffered()+behind <= soft
}

// miss remembers the key of a droppable push that the session does not get.
// Goroutine: event loop.
func (s *Session) miss(key uint32) {
	if s.closed || s.lingering {
		return
	}
	s.core.Stats.Dropped.Add(1)
	if s.core.config.OnRoom != nil {
		if s.missed == nil {
			s.missed = new(missedKeys)
		}
		s.missed.add(key)
	}
}

// tooSlow closes the session when its peer has not taken what went before, so
// that there is no room for more bytes.
//
// Limit: above OutboundHardBytes nothing is added but replies, and those up to
// twice as many: the replies to all that a session may have in flight, and the
// pushes that go with them, can be more than the limit at a moment when a peer that
// does read has not had the time to.
func (s *Session) tooSlow(more int, answers bool) bool {
	n, hard := s.link.Buffered(), s.core.limits.OutboundHardBytes
	if n == 0 || n+more <= 2*hard && (n <= hard || answers) {
		return false
	}
	s.finish(ReasonSlowConsumer)
	return true
}

// keeps takes note that n bytes are unsent, and does what follows from it.
// Goroutine: event loop.
func (s *Session) keeps(n int) {
	before := s.unsent
	s.group.backlog.set(s, n)
	limits := &s.core.limits
	switch {
	case s.lingering:
		if n == 0 && before > 0 {
			_ = s.link.CloseWrite() // the Notice is out
		}
	case n > 2*limits.OutboundHardBytes:
		s.finish(ReasonSlowConsumer)
	case n > 0:
		s.watch()
	}
	if n < limits.OutboundSoftBytes/2 {
		s.offerRoom()
	}
	if n > before {
		s.group.shed(limits.OutboundTotalBytes / len(s.core.groups))
	}
}

// offerRoom says which droppable pushes the session has missed, now that it
// could take them. Goroutine: event loop.
func (s *Session) offerRoom() {
	if s.missed.empty() || s.closed || s.lingering {
		return
	}
	keys := s.missed.take()
	s.missed = nil
	s.core.Stats.Conflated.Add(uint64(max(1, len(keys))))
	s.core.config.OnRoom(s, keys)
}

// tell writes the Notice for a reason that the peer is told, behind all that is
// unsent. Goroutine: event loop.
func (s *Session) tell(reason Reason) {
	notice := appendNotice(nil, s.Dialect(), reason)
	if notice == nil || s.link.Write(notice) != nil || s.closed {
		return
	}
	s.group.bytesOut.Add(uint64(len(notice)))
	s.group.backlog.set(s, s.link.Buffered())
}
