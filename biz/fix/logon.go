package fix

import (
	"strconv"

	codecfix "holdfast/codec/fix"
)

// firstLogon handles the first message of a connection. Who is not the peer gets no answer (1c, 1d,
// 1e).
func (s *Session) firstLogon(m *codecfix.Message, now int64, h Host) {
	seq, ok := seqNum(m, codecfix.MsgSeqNum)
	why := ""
	switch {
	case string(m.Type) != typeLogon:
		why = "first message is no Logon"
	case !is(m, codecfix.BeginStringTag, codecfix.BeginString):
		why = "incorrect BeginString"
	case !ok:
		why = "MsgSeqNum missing or invalid"
	case !is(m, codecfix.SenderCompID, s.config.Theirs) || !is(m, codecfix.TargetCompID, s.config.Ours):
		why = "CompID problem"
	case !s.timely(m, now):
		why = "SendingTime accuracy problem"
	}
	if why != "" {
		s.disconnect(why, h)
		return
	}
	if text, ok := h.Logon(m); !ok {
		if text != "" {
			s.sendLogout(text, now, h)
		}
		s.disconnect("Logon refused: "+text, h)
		return
	}
	s.heard = now
	s.logon(m, seq, now, h)
	s.advance(now, h)
}

func (s *Session) timely(m *codecfix.Message, now int64) bool {
	b, _ := m.Get(codecfix.SendingTime)
	at, ok := codecfix.ParseTime(b)
	return ok && s.inWindow(at, now)
}

// logon handles a Logon of the peer, the first one, or one inside a session that resets the
// numbers.
func (s *Session) logon(m *codecfix.Message, seq uint64, now int64, h Host) {
	if s.config.ResetOnLogon {
		s.reset(h)
	}
	interval, r := s.checkLogon(m)
	if r != nil {
		s.Reject(m, r, "", now, h)
		s.refuse(r.Text(), now, h)
		return
	}
	reset := is(m, tagResetSeqNumFlag, "Y")
	if reset {
		s.reset(h)
	}
	expected, has := seqNum(m, tagNextExpected)
	switch {
	case seq < s.NextIn && is(m, codecfix.PossDupFlag, "Y"):
		s.disconnect("Logon with PossDupFlag", h)
		return
	case seq < s.NextIn:
		s.tooLow(seq, now, h)
		return
	case max(s.NextOut, s.NextIn, seq) > MaxSeqNum-spareNums:
		s.refuse("sequence numbers used up, reset them", now, h)
		return
	case has && expected > s.NextOut:
		s.refuse("NextExpectedMsgSeqNum too high, expecting "+strconv.FormatUint(s.NextOut, 10)+" but received "+strconv.FormatUint(expected, 10), now, h)
		return
	}
	s.state, s.interval = online, interval
	if seq == s.NextIn {
		s.NextIn++
	} else {
		s.wait(m, seq, true)
	}
	s.sendLogon(reset, has, now, h)
	if has && s.state == online {
		s.expected(expected, now, h)
	}
}

func (s *Session) reset(h Host) {
	s.Disconnected()
	s.NextOut, s.NextIn = 1, 1
	h.Reset()
}

// expected follows NextExpectedMsgSeqNum: each side sends what the other says it misses, without a
// ResendRequest.
func (s *Session) expected(next uint64, now int64, h Host) {
	if s.highest >= s.NextIn {
		s.asked, s.askedAt = s.highest, now
	}
	if next > 0 && next < s.NextOut-1 {
		s.startResend(next, s.NextOut-1, now, h)
	}
}

// refuse ends the connection with a Logout and does not wait for the answer.
func (s *Session) refuse(text string, now int64, h Host) {
	s.sendLogout(text, now, h)
	s.disconnect(text, h)
}

// checkLogon returns HeartBtInt in nanoseconds.
func (s *Session) checkLogon(m *codecfix.Message) (interval int64, _ *codecfix.Reject) {
	if r := s.check(m); r != nil {
		return 0, r
	}
	if !is(m, tagEncryptMethod, "0") {
		return 0, blame(tagEncryptMethod, codecfix.ValueIncorrect)
	}
	b, there := m.Get(tagHeartBtInt)
	n, ok := parseSeqNum(b)
	switch {
	case !there:
		return 0, blame(tagHeartBtInt, codecfix.RequiredTagMissing)
	case !ok || n > maxInterval:
		return 0, blame(tagHeartBtInt, codecfix.ValueIncorrect)
	}
	return int64(n) * second, nil
}

// sendLogon answers a Logon.
func (s *Session) sendLogon(reset, expected bool, now int64, h Host) {
	w := s.Start(nil, typeLogon, now)
	w.Int(tagEncryptMethod, 0)
	w.Int(tagHeartBtInt, s.interval/second)
	if reset {
		w.Char(tagResetSeqNumFlag, 'Y')
	}
	if expected {
		w.Int(tagNextExpected, int64(s.NextIn))
	}
	s.leaves(w.End(), now, h)
}
