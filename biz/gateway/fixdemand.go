package gateway

import (
	"context"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// fixDirective returns the directive of an order: Text (58) if it starts with "!", else that in the
// ClOrdID.
func fixDirective(o *ledger.NewOrder, m *codecfix.Message) string {
	if v, _ := m.Get(tagText); strings.HasPrefix(string(v), "!") {
		return string(v)
	}
	return directiveText(o)
}

const tagText = codecfix.Text

// later calls do for a message at once, or after the latency of the preset and d: see Gateway.delay. It
// calls refuse instead if the message can't wait, or must not be executed any more when its time comes.
func (t *fixTurn) later(m *codecfix.Message, d time.Duration, do func(*fixTurn, *codecfix.Message), refuse func(*fixTurn, *codecfix.Message, error)) {
	g, a, id, conn := t.g, t.id.account, t.id, t.id.conn
	if !g.demanding && d == 0 {
		do(t, m)
		return
	}
	due, now := a.dueAfter(d)
	if due <= now {
		do(t, m)
		return
	}
	err := g.wait(a, due, func() *delayedRequest {
		m, end := m.Clone(), t.undecided(m)
		return &delayedRequest{
			account: a, session: conn,
			do: func(w *workspace) {
				g.inFIXLater(w, id, func(t *fixTurn) {
					end()
					switch {
					case g.state.Get(conn).revoked.Load():
						refuse(t, m, errRevoked)
					case !a.may(trade):
						refuse(t, m, errNotTrader)
					default:
						do(t, m)
					}
				})
			},
			refuse: func(w *workspace) {
				g.inFIXLater(w, id, func(t *fixTurn) {
					end()
					refuse(t, m, errStopping)
				})
			},
		}
	})
	if err != nil {
		refuse(t, m, err)
	}
}

// inFIXLater is inFIX outside of a request, whether the client is there or away. While too much waits
// for the disk, it waits.
func (g *Gateway) inFIXLater(w *workspace, id *fixIdentity, do func(*fixTurn)) {
	err := g.desk.InTurn(context.Background(), id.account.Account, w.turn, func(turn *desk.Turn) {
		t := new(fixTurn).start(g, w.out, turn, id, g.times())
		do(t)
		t.finish()
	})
	if err != nil {
		g.log.Warn("a FIX message that waited is dropped", "customer", id.account.Customer(), "error", err)
	}
}

// clientsOnFIX returns how many FIX sessions of the account are connected. It is called under the
// account's lock.
func (a *account) clientsOnFIX() (n int) {
	for _, id := range a.identities {
		if id.conn != nil {
			n++
		}
	}
	return n
}

// hold holds a message back, with all that come after it, until Gateway.release. A client for which too
// much is held is cut off: it asks for what it misses.
func (t *fixTurn) hold(message []byte) {
	id := t.id
	if len(id.held)+len(message) > t.g.core.Limits().OutboundHardBytes/2 {
		t.out.Close(id.conn, engine.ReasonOnDemand)
		return
	}
	id.held = append(id.held, message...)
}

// releaseTo sends what is held.
func (id *fixIdentity) releaseTo(o *outbound) {
	if id.conn != nil && len(id.held) > 0 {
		o.Push(id.conn, codec.CommandFIX, 0, codec.Raw(id.held))
	}
	id.held = nil
}
