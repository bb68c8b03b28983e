package fix

import (
	codecfix "holdfast/codec/fix"
)

// Initiation is how this side starts a connection.
type Initiation struct {
	// Interval is HeartBtInt (108), in seconds.
	Interval int64
	// Reset starts both numbers at 1 again (141).
	Reset bool
	// Next says which number is expected (789), so that the peer sends what is missing without a
	// ResendRequest.
	Next bool
	// Fields appends further fields, such as Password; nil: no fields.
	Fields func(w *codecfix.Writer)
}

// Initiate sends a Logon on a new connection: the Session is that of the initiator. The answer, or a
// Logout, comes to Receive. After that an initiator is like an acceptor.
func (s *Session) Initiate(o Initiation, now int64, h Host) {
	if o.Reset {
		s.NextOut, s.NextIn = 1, 1
		h.Reset()
	}
	s.state, s.leaveBy, s.interval = greeting, now+logonWait, o.Interval*second
	w := s.Start(nil, typeLogon, now)
	w.Int(tagEncryptMethod, 0)
	w.Int(tagHeartBtInt, o.Interval)
	if o.Reset {
		w.Char(tagResetSeqNumFlag, 'Y')
	}
	if o.Fields != nil {
		o.Fields(&w)
	}
	if o.Next {
		w.Int(tagNextExpected, int64(s.NextIn))
	}
	s.leaves(w.End(), now, h)
}

// greeted handles the answer to a Logon of this side.
func (s *Session) greeted(m *codecfix.Message, now int64, h Host) {
	seq, ok := seqNum(m, codecfix.MsgSeqNum)
	switch {
	case string(m.Type) == typeLogout:
		s.count(seq)
		text, _ := m.Get(tagText)
		s.disconnect("Logon refused: "+string(text), h)
		return
	case string(m.Type) != typeLogon || !ok || s.identity(m, now) != nil:
		s.disconnect("the answer to Logon is no Logon of the peer", h)
		return
	}
	if is(m, tagResetSeqNumFlag, "Y") {
		s.NextOut, s.NextIn = 2, 1 // the Logon of this side had number 1
		h.Reset()
	}
	if seq < s.NextIn {
		s.tooLow(seq, now, h)
		return
	}
	s.state = online
	if b, there := m.Get(tagHeartBtInt); there {
		if n, ok := parseSeqNum(b); ok && n <= maxInterval {
			s.interval = int64(n) * second
		}
	}
	if seq == s.NextIn {
		s.NextIn++
	} else {
		s.wait(m, seq, true)
	}
	if next, has := seqNum(m, tagNextExpected); has {
		s.expected(next, now, h)
	}
}
