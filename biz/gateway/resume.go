package gateway

import (
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// minPush is less than any push of the sequence has, in bytes.
const minPush = 32

// resume replies to a login that goes on after push l.resumeFrom, and adds the pushes
// since then. They are as they were first sent, but for the total of all positions, which
// is that of this moment.
//
// It reports false, and adds nothing, when the client must take a snapshot: it asks
// for one, some of the events are no longer in memory, their pushes would fill half of
// what a session may have unsent, or the number is one that the account has not
// reached.
func (g *Gateway) resume(l *login, w *workspace, a *account, of *ledger.Account) bool {
	from, last := l.resumeFrom, pushSequence(of)
	if from == 0 {
		return false
	}
	if from > last {
		if others, due := g.warnedAhead.Due(g.config.Now(), warnPause); due {
			g.log.Warn("a client has seen pushes that this account has not made: is the journal the right one, and whole?",
				"customer", a.Customer(), "client_at", from, "account_at", last, "others", others)
		}
		return false
	}
	limit := g.core.Limits().OutboundHardBytes / 2
	if last-from > uint64(limit/minPush) {
		return false
	}
	var inMemory bool
	w.missed, inMemory = of.EventsAfter(w.missed[:0], from/2)
	if !inMemory {
		return false
	}
	g.describeAccount(w, a, of)
	w.out.Reply(l.request, codec.ResultOK, &pb.LoginReply{Account: &w.account, PushSequence: from, Resumed: true})
	for i := range w.missed {
		e := &w.missed[i]
		b := g.show(w.out, e, bustReason(of, e))
		if from < deedSequence(e) { // else the client has seen this one of the two
			c, body := b.deed(e)
			w.out.Push(l.session(), c, deedSequence(e), body)
		}
		w.out.Push(l.session(), codec.PushPositionUpdate, updateSequence(e), b.updateOf(e, ledger.Money(w.account.MarketValue)))
		if w.out.Size() > limit {
			w.out.Discard()
			return false
		}
	}
	return true
}

// bustReason is the reason that travels beside a bust; "" for a fill.
func bustReason(a *ledger.Account, e *ledger.Event) string {
	if e.Kind != ledger.KindBust {
		return ""
	}
	b, _ := a.FindBust(e.Execution.ID)
	return b.Reason
}
