package engine

// write sends b, which has no replies in it. Goroutine: event loop.
func (s *Session) write(b []byte) { s.send(b, false) }

// send sends b, or closes the session as a slow consumer. answers says whether b has
// replies in it. Goroutine: event loop.
func (s *Session) send(b []byte, answers bool) {
	if len(b) == 0 || s.closed || s.lingering {
		return
	}
	if s.unsent != 0 && s.tooSlow(len(b), answers) {
		return
	}
	if s.transmit(b) != nil || s.closed { // a failed Write may call OnClose
		return
	}
	s.sent = s.group.now
	s.group.bytesOut.Add(uint64(len(b)))
	if n := s.link.Buffered(); n|s.unsent != 0 {
		if answers {
			s.answers = s.written
		}
		s.setUnsent(n)
	}
}

// transmit passes b to the link, sealed if the session speaks TLS. Goroutine: event loop.
func (s *Session) transmit(b []byte) error {
	if s.tls != nil {
		return s.tls.write(s, b)
	}
	s.written += uint64(len(b))
	return s.link.Write(b)
}

// push sends the droppable frames b, or records their key as missed if the session has
// too much unsent output. Goroutine: event loop.
func (s *Session) push(key uint32, b []byte) {
	if s.takesPushes(0) {
		s.write(b)
		return
	}
	s.miss(key)
}

// takesPushes reports whether a droppable push still fits below the soft limit after n
// more bytes. Goroutine: event loop.
func (s *Session) takesPushes(n int) bool {
	soft := s.core.limits.OutboundSoftBytes
	return s.unsent == 0 || s.unsent+n <= soft || s.link.Buffered()+n <= soft
}

// miss records the key of a droppable push that the session does not get.
// Goroutine: event loop.
func (s *Session) miss(key uint32) {
	if s.closed || s.lingering {
		return
	}
	s.core.Stats.Dropped.Add(1)
	if s.core.config.OnCatchUp != nil {
		if s.missed == nil {
			s.missed = new(missedKeys)
		}
		s.missed.add(key)
	}
}

// tooSlow closes the session if more bytes would exceed its limit, and reports whether
// it did.
//
// Limit: OutboundHardBytes before a write, or twice that if there are replies among the
// unsent output or the new bytes: flow control limits how many there are (flow.go), but not
// how large one is. Pushes may not exceed twice the limit with a write, a reply may.
func (s *Session) tooSlow(more int, answers bool) bool {
	n, hard := s.link.Buffered(), s.core.limits.OutboundHardBytes
	most := hard
	if answers || s.hasUnsentReply(n) {
		most = 2 * hard
	}
	if n == 0 || n <= most && (answers || n+more <= 2*hard) {
		return false
	}
	s.finish(ReasonSlowConsumer)
	return true
}

// hasUnsentReply reports whether there is a reply among the n unsent bytes of the link.
func (s *Session) hasUnsentReply(n int) bool { return s.answers > 0 && s.answers+uint64(n) > s.written }

// setUnsent records that n bytes are unsent and applies the limits for that.
// Goroutine: event loop.
func (s *Session) setUnsent(n int) {
	before := s.unsent
	s.group.backlog.set(s, n)
	limits := &s.core.limits
	switch {
	case s.lingering:
		if n == 0 && before > 0 {
			_ = s.link.CloseWrite() // the Notice is out
		}
	case n > 2*limits.OutboundHardBytes && !s.hasUnsentReply(n):
		s.finish(ReasonSlowConsumer)
	case n > 0:
		s.watch()
	}
	if n < limits.OutboundSoftBytes/2 {
		s.reportMissed()
	}
	if n > before {
		s.group.shed(limits.OutboundTotalBytes / len(s.core.groups))
	}
}

// reportMissed calls Config.OnCatchUp if the session has missed droppable pushes.
// Goroutine: event loop.
func (s *Session) reportMissed() {
	if s.missed.empty() || s.closed || s.lingering {
		return
	}
	keys := s.missed.take()
	s.missed = nil
	s.core.Stats.Conflated.Add(uint64(max(1, len(keys))))
	s.core.config.OnCatchUp(s, keys)
}

// sendNotice writes the last output for a reason, if there is some: a Notice. Goroutine: event loop.
func (s *Session) sendNotice(reason Reason) {
	if s.tls != nil && !s.tls.open {
		if last := s.tls.farewell(s); last != nil {
			_ = s.link.Write(last)
		}
		return
	}
	if notice := s.farewell(reason); notice != nil {
		if s.transmit(notice) != nil || s.closed {
			return
		}
		s.group.bytesOut.Add(uint64(len(notice)))
	}
	if s.tls != nil {
		s.tls.closeWrite(s)
	}
	if !s.closed {
		s.group.backlog.set(s, s.link.Buffered())
	}
}
