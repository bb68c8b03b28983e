package fix

import (
	codecfix "holdfast/codec/fix"
)

// head is the variable part of a header.
type head struct {
	msgType string
	seq     uint64
	dup     bool
	sent    int64             // OrigSendingTime of a dup
	answers *codecfix.Message // nil: no route to reverse
}

// header starts a message at the end of dst.
func (s *Session) header(dst []byte, f head, now int64) codecfix.Writer {
	w := codecfix.Begin(dst, f.msgType)
	w.Int(codecfix.MsgSeqNum, int64(f.seq))
	if f.dup {
		w.Char(codecfix.PossDupFlag, 'Y')
	}
	w.Text(codecfix.SenderCompID, s.config.Ours)
	w.Time(codecfix.SendingTime, now)
	w.Text(codecfix.TargetCompID, s.config.Theirs)
	if f.answers != nil {
		for _, r := range routes {
			if v, _ := f.answers.Get(r.of); len(v) > 0 {
				w.Bytes(r.answer, v)
			}
		}
	}
	if f.dup {
		w.Time(codecfix.OrigSendingTime, f.sent)
	}
	if s.config.LastProcessed {
		w.Int(tagLastProcessed, int64(s.NextIn)-1)
	}
	return w
}

// Start starts the next message at the end of dst: its header is written, and its number is
// NextOut. The caller appends the body, and calls Send with the message that Writer.End completes,
// without what dst held before, ahead of any other method of the Session.
func (s *Session) Start(dst []byte, msgType string, now int64) codecfix.Writer {
	w := s.header(dst, head{msgType: msgType, seq: s.NextOut}, now)
	s.NextOut++
	return w
}

// Send writes an application message that Start started. While the peer is not logged on nothing is
// written: the peer asks for the message after its next Logon.
func (s *Session) Send(message []byte, now int64, h Host) {
	if s.state == online {
		s.leaves(message, now, h)
	}
}

// sendLogout sends a Logout, with a text if there is one.
func (s *Session) sendLogout(text string, now int64, h Host) {
	w := s.Start(nil, typeLogout, now)
	if text != "" {
		w.Text(tagText, text)
	}
	s.leaves(w.End(), now, h)
}

// leaves is the only way out for messages.
func (s *Session) leaves(message []byte, now int64, h Host) {
	s.sent = now
	if s.Faults != nil {
		s.faulty(message, h)
		return
	}
	h.Write(message, false)
}
