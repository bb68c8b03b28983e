package fix

import (
	"strconv"

	codecfix "holdfast/codec/fix"
)

// whileOnline handles a message while the peer is logged on.
func (s *Session) whileOnline(m *codecfix.Message, now int64, h Host) {
	seq, ok := seqNum(m, codecfix.MsgSeqNum)
	switch {
	case !is(m, codecfix.BeginStringTag, codecfix.BeginString): // 2i
		s.count(seq)
		s.leave("Incorrect BeginString", faultWait, now, h)
		return
	case !ok:
		s.leave("MsgSeqNum missing or invalid", faultWait, now, h)
		return
	case string(m.Type) == typeLogout: // its number is not checked
		s.count(seq)
		s.sendLogout("", now, h)
		s.disconnect("Logout", h)
		return
	}
	if r := s.identity(m, now); r != nil { // 2k, 2o
		s.count(seq)
		s.rejectAndLeave(m, r, now, h)
		return
	}
	switch string(m.Type) {
	case typeLogon:
		if is(m, tagResetSeqNumFlag, "Y") && !is(m, codecfix.PossDupFlag, "Y") {
			s.logon(m, seq, now, h)
			return
		}
	case typeSequenceReset:
		if !is(m, tagGapFlag, "Y") {
			s.resetTo(m, now, h)
			return
		}
	case typeResendRequest:
		s.resendRequest(m, seq, now, h)
		return
	}
	switch {
	case seq < s.NextIn:
		s.low(m, seq, now, h)
	case seq > s.NextIn:
		s.wait(m, seq, false)
	default:
		s.accept(m, now, h)
	}
}

// whileLeaving handles a message between a Logout of ours and its answer. What is not handled is
// not counted either, so that it is asked for after the next Logon.
func (s *Session) whileLeaving(m *codecfix.Message, now int64, h Host) {
	seq, ok := seqNum(m, codecfix.MsgSeqNum)
	switch {
	case !ok:
	case string(m.Type) == typeLogout:
		s.count(seq)
		s.disconnect("Logout", h)
	case string(m.Type) == typeResendRequest && s.identity(m, now) == nil:
		s.resendRequest(m, seq, now, h)
	}
}

// count counts a message that is not handled further, if its number is the next.
func (s *Session) count(seq uint64) {
	if seq == s.NextIn {
		s.NextIn++
	}
}

// identity checks who sent a message, and when. What is missing or malformed is found by Check.
func (s *Session) identity(m *codecfix.Message, now int64) *codecfix.Reject {
	if differs(m, codecfix.SenderCompID, s.config.Theirs) || differs(m, codecfix.TargetCompID, s.config.Ours) {
		return &codecfix.Reject{Reason: codecfix.CompIDProblem}
	}
	b, _ := m.Get(codecfix.SendingTime)
	if at, ok := codecfix.ParseTime(b); ok && !s.inWindow(at, now) {
		return &codecfix.Reject{Reason: codecfix.SendingTimeAccuracy}
	}
	return nil
}

func (s *Session) inWindow(at, now int64) bool {
	window := s.config.ClockWindow
	if window == 0 {
		window = DefaultClockWindow
	}
	return at >= now-window && at <= now+window
}

// origin checks OrigSendingTime of a PossDup (2f, 2g). A SequenceReset may do without.
func origin(m *codecfix.Message) *codecfix.Reject {
	b, there := m.Get(codecfix.OrigSendingTime)
	if !there {
		if string(m.Type) == typeSequenceReset {
			return nil
		}
		return blame(codecfix.OrigSendingTime, codecfix.RequiredTagMissing)
	}
	first, ok := codecfix.ParseTime(b)
	switch {
	case len(b) == 0:
		return blame(codecfix.OrigSendingTime, codecfix.TagWithoutValue)
	case !ok:
		return blame(codecfix.OrigSendingTime, codecfix.IncorrectFormat)
	}
	b, _ = m.Get(codecfix.SendingTime)
	if again, ok := codecfix.ParseTime(b); ok && first > again {
		return &codecfix.Reject{Reason: codecfix.SendingTimeAccuracy}
	}
	return nil
}

// low handles a number that was there already (2c, 2e, 2f, 2g).
func (s *Session) low(m *codecfix.Message, seq uint64, now int64, h Host) {
	if !is(m, codecfix.PossDupFlag, "Y") {
		s.tooLow(seq, now, h)
		return
	}
	if r := origin(m); r != nil {
		if r.Reason == codecfix.SendingTimeAccuracy {
			s.rejectAndLeave(m, r, now, h)
		} else {
			s.Reject(m, r, "", now, h)
		}
		return
	}
	if next, ok := seqNum(m, tagNewSeqNo); ok && s.asked > 0 && string(m.Type) == typeSequenceReset {
		s.skipTo(next) // one GapFill from below the next number to above it
	}
}

func (s *Session) tooLow(seq uint64, now int64, h Host) {
	text := "MsgSeqNum too low, expecting " + strconv.FormatUint(s.NextIn, 10) + " but received " + strconv.FormatUint(seq, 10)
	s.sendLogout(text, now, h)
	s.disconnect(text, h)
}

// accept handles the message whose number is the next.
func (s *Session) accept(m *codecfix.Message, now int64, h Host) {
	r := s.check(m)
	if r == nil && is(m, codecfix.PossDupFlag, "Y") {
		r = origin(m)
	}
	s.NextIn++
	s.askedAt, s.asks = now, 0
	if r != nil {
		if r.Reason == codecfix.SendingTimeAccuracy {
			s.rejectAndLeave(m, r, now, h)
		} else {
			s.Reject(m, r, "", now, h)
		}
		return
	}
	switch string(m.Type) {
	case typeHeartbeat, typeReject:
	case typeTestRequest:
		w := s.Start(nil, typeHeartbeat, now)
		if id, ok := m.Get(tagTestReqID); ok {
			w.Bytes(tagTestReqID, id)
		}
		s.leaves(w.End(), now, h)
	case typeSequenceReset:
		if next, ok := seqNum(m, tagNewSeqNo); ok && next >= s.NextIn {
			s.skipTo(next)
		} else {
			s.Reject(m, &codecfix.Reject{Reason: codecfix.ValueIncorrect}, "", now, h)
		}
	case typeLogon:
		s.Reject(m, &codecfix.Reject{Reason: ReasonOther}, "already logged on", now, h)
	default:
		if s.Faults.reject() {
			s.Reject(m, &codecfix.Reject{Reason: ReasonOther}, "rejected on demand", now, h)
			return
		}
		h.Execute(m)
	}
}

func (s *Session) check(m *codecfix.Message) *codecfix.Reject {
	if s.config.Check == nil {
		return nil
	}
	return s.config.Check(m)
}

// resetTo handles a SequenceReset that is no GapFill: its own number does not matter (11a to 11c).
func (s *Session) resetTo(m *codecfix.Message, now int64, h Host) {
	r := s.check(m)
	next, ok := seqNum(m, tagNewSeqNo)
	if r == nil && (!ok || next < s.NextIn) {
		r = &codecfix.Reject{Reason: codecfix.ValueIncorrect}
	}
	if r != nil {
		s.Reject(m, r, "", now, h)
		return
	}
	s.skipTo(next)
}

func (s *Session) skipTo(next uint64) { s.NextIn = max(s.NextIn, next) }
