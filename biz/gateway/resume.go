package gateway

import (
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// minPush is fewer bytes than any push of the sequence has.
const minPush = 32

// resume replies to a login that resumes after push l.resumeFrom, and adds the pushes
// since then. They are as they were first sent, except that the total of all positions is
// the present one.
//
// It returns false, and adds nothing, if the client must take a snapshot: it asked for
// one, some of the events are no longer in memory, their pushes would need more than half
// of the limit for unsent output, or the account has not reached that push.
func (g *Gateway) resume(l *login, w *workspace, a *account, of *ledger.Account) bool {
	from, last := l.resumeFrom, pushSequence(of)
	if from == 0 {
		return false
	}
	if from > last {
		if others, due := g.warnedAhead.Allow(g.config.Now(), warnPause); due {
			g.log.Warn("a client has seen pushes that this account never made; check that the data folder is the right one and complete",
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
		b := g.describeEvent(w.out, e, bustReason(of, e))
		if from < tradeSequence(e) { // else the client has seen this one of the two
			c, body := b.tradePush(e)
			w.out.Push(l.session(), c, tradeSequence(e), body)
		}
		w.out.Push(l.session(), codec.PushPositionUpdate, positionSequence(e), b.positionPush(e, ledger.Money(w.account.MarketValue)))
		if w.out.Size() > limit {
			w.out.Discard()
			return false
		}
	}
	return true
}

// bustReason returns the reason of a bust; "" for a fill.
func bustReason(a *ledger.Account, e *ledger.Event) string {
	if e.Kind != ledger.KindBust {
		return ""
	}
	b, _ := a.FindBust(e.Execution.ID)
	return b.Reason
}
