package fix

import (
	codecfix "holdfast/codec/fix"
)

// ReasonOther is the SessionRejectReason (373) for what has no number in FIX 4.4.
const ReasonOther codecfix.Reason = 99

// blame is a Reject for a field.
func blame(tag int, reason codecfix.Reason) *codecfix.Reject {
	return &codecfix.Reject{RefTag: tag, HasTag: true, Reason: reason}
}

// Reject rejects a message at the session level. Without a text it has that of the reason.
func (s *Session) Reject(m *codecfix.Message, r *codecfix.Reject, text string, now int64, h Host) {
	w := s.answer(m, typeReject, now)
	if text == "" {
		text = r.Text()
	}
	if text != "" {
		w.Text(tagText, text)
	}
	if r.HasTag {
		w.Int(tagRefTagID, int64(r.RefTag))
	}
	if len(m.Type) > 0 {
		w.Bytes(tagRefMsgType, m.Type)
	}
	w.Int(tagRejectReason, int64(r.Reason))
	s.leaves(w.End(), now, h)
}

// BusinessReject answers an application message that cannot be executed; reason is
// BusinessRejectReason (380). Its number is NextOut before the call; the host stores it if it is to
// be resent.
func (s *Session) BusinessReject(m *codecfix.Message, reason int, text string, now int64, h Host) {
	w := s.answer(m, typeBusiness, now)
	if text != "" {
		w.Text(tagText, text)
	}
	w.Bytes(tagRefMsgType, m.Type)
	w.Int(tagBusinessReason, int64(reason))
	s.Send(w.End(), now, h)
}

// answer starts an answer to a message, with its route reversed and RefSeqNum.
func (s *Session) answer(m *codecfix.Message, msgType string, now int64) codecfix.Writer {
	w := s.header(nil, head{msgType: msgType, seq: s.NextOut, answers: m}, now)
	s.NextOut++
	if seq, ok := seqNum(m, codecfix.MsgSeqNum); ok {
		w.Int(tagRefSeqNum, int64(seq))
	}
	return w
}

func (s *Session) rejectAndLeave(m *codecfix.Message, r *codecfix.Reject, now int64, h Host) {
	s.Reject(m, r, "", now, h)
	s.leave("", faultWait, now, h)
}
