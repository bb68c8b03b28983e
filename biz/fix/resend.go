package fix

import (
	codecfix "holdfast/codec/fix"
)

// resend is what is left to resend, and the last ResendRequest.
type resend struct {
	next, end uint64 // end 0: nothing
	from, to  uint64
	repeats   uint8
	later     bool // see ResendLater
}

// add adds a range. With a gap between two ranges the messages between them are resent, too: the
// peer ignores what it has.
func (r *resend) add(from, to uint64) {
	if r.end == 0 {
		r.next, r.end = from, to
		return
	}
	r.next, r.end = min(r.next, from), max(r.end, to)
}

// resendRequest answers a ResendRequest at once, also ahead of a gap (20), so that two sides that
// both miss something do not wait for each other. A number that is too low is accepted.
func (s *Session) resendRequest(m *codecfix.Message, seq uint64, now int64, h Host) {
	dup := is(m, codecfix.PossDupFlag, "Y")
	switch {
	case seq < s.NextIn && dup:
		return
	case seq == s.NextIn:
		s.NextIn++
		s.askedAt, s.asks = now, 0
	case seq > s.NextIn && s.state == online:
		s.wait(m, seq, true)
	}
	r := s.check(m)
	from, ok := seqNum(m, tagFirstSeqNo)
	to, ok2 := seqNum(m, tagLastSeqNo)
	switch {
	case r != nil:
	case !ok || from == 0 || from >= s.NextOut:
		r = blame(tagFirstSeqNo, codecfix.ValueIncorrect)
	case !ok2 || to != 0 && to < from:
		r = blame(tagLastSeqNo, codecfix.ValueIncorrect)
	}
	if r != nil {
		s.Reject(m, r, "", now, h)
		return
	}
	if from == s.resend.from && to == s.resend.to {
		if s.resend.repeats++; s.resend.repeats >= maxRepeats {
			s.leave("the same ResendRequest again and again", faultWait, now, h)
			return
		}
	} else {
		s.resend.from, s.resend.to, s.resend.repeats = from, to, 0
	}
	if to == 0 || to >= s.NextOut {
		to = s.NextOut - 1 // what leaves from now on arrives anyway
	}
	s.startResend(from, to, now, h)
}

// startResend resends the first messages of a range, or adds it to the resend that is under way: however
// many requests come, their answers are one resend.
func (s *Session) startResend(from, to uint64, now int64, h Host) {
	running := s.Resending()
	if s.resend.add(from, to); !running {
		s.Resume(orDefault(s.config.ResendPiece, DefaultResendPiece), now, h)
	}
}

// Resending reports whether Resume has something to do.
func (s *Session) Resending() bool { return s.resend.end > 0 }

// ResendLater is for a host that has to read the rest of what Resend should send, which a later Resume
// then sends. The host calls it in Resend, and returns.
func (s *Session) ResendLater() { s.resend.later = true }

// Resume resends up to limit messages more. Live messages may leave between two calls.
func (s *Session) Resume(limit int, now int64, h Host) {
	r := &s.resend
	if r.end == 0 {
		return
	}
	var b []byte
	stopped := false
	r.later = false
	h.Resend(r.next, r.end, func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool {
		if limit <= 0 || r.end == 0 {
			stopped = true
			return false
		}
		if seq < r.next || seq > r.end {
			return true
		}
		if seq > r.next {
			if b = s.skip(b[:0], seq, now, h); r.end == 0 { // a fault closed the connection
				return false
			}
		}
		limit--
		w := s.header(b[:0], head{msgType: msgType, seq: seq, dup: true, sent: sent}, now)
		body(&w)
		b = w.End()
		r.next = seq + 1
		s.leaves(b, now, h)
		return true
	})
	if stopped || r.later || r.end == 0 {
		return
	}
	if r.next <= r.end {
		s.skip(b[:0], r.end+1, now, h)
	}
	r.next, r.end = 0, 0
}

// skip sends one GapFill for the messages up to next, which are not resent.
func (s *Session) skip(b []byte, next uint64, now int64, h Host) []byte {
	w := s.header(b, head{msgType: typeSequenceReset, seq: s.resend.next, dup: true, sent: now}, now)
	w.Int(tagNewSeqNo, int64(next))
	w.Char(tagGapFlag, 'Y')
	b = w.End()
	s.resend.next = next
	s.leaves(b, now, h)
	return b
}
