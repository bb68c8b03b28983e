package gateway

import (
	"bytes"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// What resume returns besides the reasons that clients see.
const (
	askedForSnapshot = pb.SnapshotReason_SNAPSHOT_REASON_UNSPECIFIED
	resumed          = pb.SnapshotReason(-1)
)

const (
	// minPush is fewer bytes than any push of the sequence has.
	minPush = 16
	// keptMissed is how many events the memory for those that a client has missed holds at most
	// between logins.
	keptMissed = 1024
)

// resume replies to a login that resumes after push l.resumeFrom, and adds the pushes
// since then. They are as they were first sent, except that what they show of the whole
// account is the present state.
//
// It returns resumed; or why the client must take a snapshot, and adds nothing. Too old is
// a push if some of the events since then are no longer in memory, or their pushes would
// need more than half of the limit for unsent output.
func (g *Gateway) resume(l *login, w *workspace, a *account, of *ledger.Account) pb.SnapshotReason {
	from, last := l.resumeFrom, of.LastPush()
	switch {
	case from == 0:
		return askedForSnapshot
	case len(l.history) == 0:
		return pb.SnapshotReason_SNAPSHOT_REASON_NO_HISTORY_ID
	case !g.inHistory(l.history):
		return pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET
	case from > last:
		if others, due := g.warnedAhead.Allow(g.config.Now(), warnPause); due {
			g.log.Warn("a client has seen pushes that this account never made; check that the data folder is the right one and complete",
				"customer", a.Customer(), "client_at", from, "account_at", last, "others", others)
		}
		return pb.SnapshotReason_SNAPSHOT_REASON_AHEAD
	}
	limit := g.core.Limits().OutboundHardBytes / 2
	if last-from > uint64(limit/minPush) {
		return pb.SnapshotReason_SNAPSHOT_REASON_TOO_OLD
	}
	defer func() {
		if cap(w.missed) > keptMissed {
			w.missed = nil
		}
	}()
	var inMemory bool
	w.missed, inMemory = of.EventsAfter(w.missed[:0], from)
	if !inMemory {
		return pb.SnapshotReason_SNAPSHOT_REASON_TOO_OLD
	}
	g.describeAccount(w, a, of)
	now := g.now()
	w.out.Reply(l.request, codec.ResultOK, &pb.LoginReply{
		Account: &w.account, PushSequence: from, Resumed: true, HistoryId: g.historyID,
	})
	for i := range w.missed {
		e := &w.missed[i]
		b := g.describeEvent(w.out, e, of)
		b.setTotals(of, ledger.Money(w.account.MarketValue), now)
		for n, p := range b.pushes(e) {
			if sequence := e.Push + uint64(n); sequence > from { // else the client has seen it
				w.out.Push(l.session(), p.command, sequence, p.body)
			}
		}
		if w.out.Size() > limit {
			w.out.Discard()
			return pb.SnapshotReason_SNAPSHOT_REASON_TOO_OLD
		}
	}
	return resumed
}

// inHistory reports whether id names the history of this server.
func (g *Gateway) inHistory(id []byte) bool { return bytes.Equal(id, g.historyID) }

// cutID returns id, or so much of one that is too long that it still names no history: a login
// that waits keeps it.
func (g *Gateway) cutID(id []byte) []byte {
	if most := len(g.historyID) + 1; len(id) > most {
		return bytes.Clone(id[:most])
	}
	return id
}
