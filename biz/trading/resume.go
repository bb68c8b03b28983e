package trading

import (
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// minPush is less than any push of the sequence has, in bytes.
const minPush = 32

// missed returns the reply to a login that goes on behind push l.resumeFrom, with
// the pushes since then behind it. They are as they were first sent, but for
// prices and the total of all positions, which are those at this moment.
//
// It reports false when the client must take a snapshot: it asks for one, some of
// the events are no longer in memory, their pushes would fill half of what a
// session may have unsent, or the number is one that the account has not reached.
// The caller holds the lock of a.
func (s *Service) missed(l *login, w *workspace, a *account) (frames []byte, resumed bool) {
	from, last := l.resumeFrom, a.pushSequence()
	if from == 0 {
		return nil, false
	}
	if from > last {
		if others, due := s.warnedAhead.Due(s.config.Now(), warnPause); due {
			s.log.Warn("a client has seen pushes that this account has not made: is the journal the right one, and whole?",
				"customer", a.customer(), "client_at", from, "account_at", last, "others", others)
		}
		return nil, false
	}
	limit := s.core.Limits().OutboundHardBytes / 2
	if last-from > uint64(limit/minPush) {
		return nil, false
	}
	var inMemory bool
	w.missed, inMemory = a.ledger.EventsAfter(w.missed[:0], from/2)
	if !inMemory {
		return nil, false
	}
	s.describeAccount(w, a)
	frames = codec.AppendReply(nil, l.message, codec.ResultOK, &pb.LoginReply{
		Account: &w.account, PushSequence: from, Resumed: true,
	})
	for i := range w.missed {
		w.event = w.missed[i]
		s.tell(w, a.bustReason(&w.event))
		if from < 2*w.event.Number-1 { // else the client has seen this one of the two
			frames = w.appendDeed(frames)
		}
		frames = w.appendUpdate(frames, ledger.Money(w.account.MarketValue))
		if len(frames) > limit {
			return nil, false
		}
	}
	return frames, true
}

// bustReason is the reason that travels beside a bust; "" for a fill.
func (a *account) bustReason(e *ledger.Event) string {
	if e.Kind != ledger.KindBust {
		return ""
	}
	b, _ := a.ledger.FindBust(e.Execution.ID)
	return b.Reason
}
