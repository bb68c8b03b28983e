package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// demands is what testers have demanded of an account: by operators, scripts, directives in
// client order ids, or a preset.
type demands struct {
	// These change under the account's lock.
	held     atomic.Bool   // pushes wait
	heldFrom uint64        // the last push that was sent
	holds    uint64        // so far
	cutAfter atomic.Uint64 // push after which the sessions are cut; 0: none

	mu        sync.Mutex // taken after the account's lock
	rejects   uint32     // how many orders are still to be rejected
	reason    ledger.Refusal
	late      map[ledger.OrderID]time.Duration // orders to execute after their cancellation
	pending   map[orderName]struct{}           // orders with a cancel or replace that waits
	lastDue   int64                            // of the latencies
	waiting   int                              // see maxWaiting
	rejecting atomic.Bool                      // rejects > 0
	anyLate   atomic.Bool                      // late has orders
}

// orderName is how a request names an order: by its id, or by its client order id while the
// account does not have it.
type orderName struct {
	id   ledger.OrderID
	name ledger.ClientOrderID
}

// demanded reports whether the account's orders need placeOnDemand.
func (a *account) demanded() bool {
	return a.rejecting.Load() || a.gateway.demanding || a.Owner().Directives
}

// draw returns random bits for the next order. The same orders in the same sequence get the
// same bits.
func (g *Gateway) draw() uint64 {
	x := g.config.Random + g.draws.Add(1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// placeOnDemand places w.order in the way that is demanded.
func (g *Gateway) placeOnDemand(q asked, w *workspace, a *account) {
	var d directive
	var err error
	a.View(func(l *ledger.Account) { d, err = a.demandOf(l, &w.order, directiveText(&w.order)) })
	if err != nil {
		g.inTurn(q, w, a, func(*desk.Turn) { q.refuseIn(w, err) })
		return
	}
	w.order.Held = d.hold
	order := w.order
	g.delay(q, w, a, d.delay, func(q asked, w *workspace) {
		w.order = order
		w.order.Terms.Time = g.now()
		if g.placeParts(q, w, a, d) {
			g.mayBlock(q, w, func(q asked, w *workspace) { g.answerFromHistory(q, w, a, order) })
		}
	})
}

// demandOf returns what is demanded of an order that comes now, under the account's lock. text is its
// directive; a refusal is an error.
func (a *account) demandOf(l *ledger.Account, o *ledger.NewOrder, text string) (directive, error) {
	d, err := a.directiveOf(o, text)
	if _, repeated := l.FindNamed(&o.ClientOrderID); err != nil || repeated { // it was accepted before
		return d, err
	}
	if d.fault != nil {
		a.demandFIX(d.fault)
	}
	return d, a.reject(d.reject)
}

// reject returns a refusal if an order is to be rejected.
func (a *account) reject(directive ledger.Refusal) error {
	if directive != 0 {
		return onDemand(directive, "a directive")
	}
	g := a.gateway
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rejects > 0 {
		a.rejects--
		a.rejecting.Store(a.rejects > 0)
		return onDemand(a.reason, "an operator or a script")
	}
	if g.demanding && g.config.Preset.Rejects(g.draw()) {
		return onDemand(ledger.ErrSimulated, "the preset "+g.config.Preset.Name)
	}
	return nil
}

func onDemand(reason ledger.Refusal, by string) error {
	return fmt.Errorf("%w: demanded by %s", reason, by)
}

// rejectNext makes the next orders of the account be rejected.
func (a *account) rejectNext(n uint32, reason ledger.Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rejects, a.reason = n, reason
	a.rejecting.Store(n > 0)
}

// addWaiting counts something that waits. It returns false if too much does.
func (a *account) addWaiting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting >= maxWaiting {
		return false
	}
	a.waiting++
	return true
}

func (a *account) removeWaiting() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
}

// placeParts is place, and arranges what the directive demands of the order afterwards.
func (g *Gateway) placeParts(q asked, w *workspace, a *account, d directive) (old bool) {
	if d.later && !a.addWaiting() { // for the bust, or for the late execution
		q.refuse(desk.ErrOverloaded)
		return false
	}
	w.turn.Parts = d.parts
	id, old := g.place(q, w, a)
	w.turn.Parts = 0
	if d.later {
		a.View(func(l *ledger.Account) { g.follow(a, l, id, d) })
	}
	return old
}

// follow arranges what the directive demands of an order later, for which something waits already. It
// is called under the account's lock; id 0 means that the order was refused, or repeated.
func (g *Gateway) follow(a *account, l *ledger.Account, id ledger.OrderID, d directive) {
	switch {
	case id == 0:
		a.removeWaiting()
	case d.name == "late":
		g.watchLate(a, l, id, d.wait)
	case d.name == "bust":
		g.after(d.wait, func() {
			a.removeWaiting()
			g.bustOrder(a, id)
		})
	}
}

// watchLate arranges that an order is executed some time after its cancellation. It need not
// work any more.
func (g *Gateway) watchLate(a *account, l *ledger.Account, id ledger.OrderID, wait time.Duration) {
	o, cause, found := l.FindOrder(id)
	if !found || !o.Working() {
		g.ended(a, &o, cause, wait)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.late == nil {
		a.late = make(map[ledger.OrderID]time.Duration)
	}
	a.late[id] = wait
	a.anyLate.Store(true)
}

// executeLate arranges the late executions of the orders that events have cancelled. It is
// called in a turn of the account.
func (a *account) executeLate(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if !e.Kind.HasOrder() || e.Order.Working() {
			continue
		}
		a.mu.Lock()
		wait, demanded := a.late[e.Order.ID]
		delete(a.late, e.Order.ID)
		a.anyLate.Store(len(a.late) > 0)
		a.mu.Unlock()
		if demanded {
			a.gateway.ended(a, &e.Order, e.Cause, wait)
		}
	}
}

// ended arranges the late execution of an order that no longer works, if it was cancelled.
func (g *Gateway) ended(a *account, o *ledger.Order, cause ledger.Cause, wait time.Duration) {
	if o.Status != ledger.Cancelled || cause == ledger.ByReset {
		a.removeWaiting()
		return
	}
	id := o.ID
	g.after(wait, func() {
		a.removeWaiting()
		g.executeRest(a, id)
	})
}

// executeRest executes what is left of a cancelled order.
func (g *Gateway) executeRest(a *account, id ledger.OrderID) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	err := g.withOrder(ctx, a, g.delays.w.turn, id, func(t *desk.Turn, o ledger.Order) {
		price := o.Price
		if price == 0 {
			price = g.market.Last(o.Instrument)
		}
		if _, err := t.FillLate(&o, ledger.Offer{Quantity: o.Quantity - o.Filled, Price: price}, g.now()); err != nil {
			g.log.Warn("a late execution that a directive demands is refused", "order", id, "error", err)
		}
	})
	if err != nil {
		g.log.Warn("a late execution that a directive demands is not possible", "order", id, "error", err)
	}
}

// pendingOf returns how a request names the order.
func (a *account) pendingOf(id ledger.OrderID, name ledger.ClientOrderID) (p orderName) {
	a.View(func(l *ledger.Account) { p.id = resolve(l, id, name) })
	if p.id == 0 {
		p.name = name
	}
	return p
}

// startPending records that a cancel or replace of the order waits. It returns false if another
// one does.
func (a *account) startPending(p orderName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, waits := a.pending[p]; waits {
		return false
	}
	if a.pending == nil {
		a.pending = make(map[orderName]struct{})
	}
	a.pending[p] = struct{}{}
	return true
}

func (a *account) endPending(p orderName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, p)
}

// changeOnDemand calls do, which cancels or replaces an order, at once or after the latency of
// the preset. While one waits, a second one of the same order is refused.
func (g *Gateway) changeOnDemand(q asked, w *workspace, a *account, id ledger.OrderID, name ledger.ClientOrderID, do func(asked, *workspace)) {
	if !g.demanding {
		do(q, w)
		return
	}
	p := a.pendingOf(id, name)
	if !a.startPending(p) {
		g.inTurn(q, w, a, func(t *desk.Turn) {
			g.refuseOrder(q, w, t.Ledger(), resolve(t.Ledger(), id, name), ledger.ErrCancelPending)
		})
		return
	}
	done := g.delay(q, w, a, 0, func(q asked, w *workspace) {
		a.endPending(p)
		do(q, w)
	})
	if !done {
		a.endPending(p)
	}
}

// push adds the pushes of the event that b describes, and cuts the sessions after the push that
// an operator or a script has chosen. It is called in a turn of the account.
func (a *account) push(o *outbound, b *bodies, e *ledger.Event) {
	for n, p := range b.pushes(e) {
		number := e.Push + uint64(n)
		o.PushTo(&a.sessions, p.command, number, p.body)
		if number == a.cutAfter.Load() {
			a.cutAfter.Store(0)
			a.cut(o)
		}
	}
}

// cut closes all sessions of the account, as a fault of the network would, after what was added
// to o. It returns how many.
func (a *account) cut(o *outbound) int {
	sessions := a.sessions.Append(nil)
	for _, id := range a.identities {
		if id.conn != nil {
			sessions = append(sessions, id.conn)
		}
	}
	for _, s := range sessions {
		o.Close(s, engine.ReasonOnDemand)
	}
	return len(sessions)
}

// Disconnect cuts all sessions of a customer as a fault of the network would: once push after was
// sent, or at once if that push was sent before. It returns how many it has cut at once.
//
// Goroutine: any, in no turn.
func (g *Gateway) Disconnect(c ledger.Customer, after uint64) (n int) {
	a := g.account(c)
	if a == nil {
		return 0
	}
	g.inTurnLater(a, func(t *desk.Turn) {
		sent := t.Ledger().LastPush()
		if a.held.Load() {
			sent = a.heldFrom
		}
		if a.cutAfter.Store(0); after > sent {
			a.cutAfter.Store(after)
			return
		}
		n = a.cut(t.Out.(*outbound))
	})
	return n
}

// Hold holds the pushes to a customer for a time of the trading clock. Then all of them
// follow, as far as they are still in memory; else the sessions are cut, so that the clients
// log in again. A login ends the hold; a further call replaces its time. It returns how many
// sessions there are.
//
// Goroutine: any, in no turn.
func (g *Gateway) Hold(c ledger.Customer, d time.Duration) int {
	a := g.account(c)
	if a == nil {
		return 0
	}
	var hold uint64
	sessions := a.sessions.Len()
	a.View(func(l *ledger.Account) {
		sessions += a.clientsOnFIX()
		if !a.held.Load() {
			a.heldFrom = l.LastPush()
			a.held.Store(true)
		}
		a.holds++
		hold = a.holds
	})
	g.after(d, func() {
		g.inTurnLater(a, func(t *desk.Turn) {
			if a.holds == hold {
				g.release(a, t)
			}
		})
	})
	return sessions
}

// release sends what is held. It is called in a turn of the account that has added nothing yet.
func (g *Gateway) release(a *account, t *desk.Turn) {
	if !a.held.CompareAndSwap(true, false) {
		return
	}
	l, o := t.Ledger(), t.Out.(*outbound)
	for _, id := range a.identities {
		id.releaseTo(o)
	}
	if a.sessions.Empty() {
		return
	}
	missed, complete := l.EventsAfter(nil, a.heldFrom)
	total, now := l.Revalue(g.market), g.now()
	limit := g.core.Limits().OutboundHardBytes / 2
	for i := 0; i < len(missed) && complete; i++ {
		e := &missed[i]
		b := g.describeEvent(o, e, l)
		b.setTotals(l, total, now)
		a.push(o, b, e)
		complete = o.Size() <= limit
	}
	o.bodies.number = 0 // the prices are those of now
	if !complete {
		o.Discard() // with what FIX clients were to get: they ask for it
		a.cut(o)
	}
}

// reasonOf returns the refusal with a name of the protocol, such as NOT_ENOUGH_CASH.
func reasonOf(name string) (ledger.Refusal, bool) {
	reason := pb.Reason_value["REASON_"+name]
	return ledger.Refusal(reason), reason > 0
}
