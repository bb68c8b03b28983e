package gateway

import (
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// account is an account of the desk and the sessions that are logged in to it, which
// get its pushes.
type account struct {
	*desk.Account
	gateway  *Gateway
	operator bool
	sessions engine.Audience // added to in a turn of the account
}

// Changed implements desk.Watcher: it adds the two pushes of each event to what leaves
// with the turn.
func (a *account) Changed(t *desk.Turn) {
	if a.sessions.Empty() {
		return
	}
	o := t.Out.(*outbound)
	for i := range t.Events() {
		x := &t.Events()[i].Execution
		// A fill has valued the position already, at its own price.
		if last := a.gateway.market.Last(x.Instrument); last != x.Price || t.Events()[i].Kind == ledger.KindBust {
			t.Ledger().Reprice(x.Instrument, last)
		}
	}
	total := t.Ledger().MarketValue()
	for i := range t.Events() {
		e := &t.Events()[i]
		b := &o.bodies
		if !b.tell(&e.Event) { // the reply may
			a.gateway.show(o, &e.Event, e.Reason)
		}
		c, body := b.deed(&e.Event)
		o.PushTo(&a.sessions, c, deedSequence(&e.Event), body)
		o.PushTo(&a.sessions, codec.PushPositionUpdate, updateSequence(&e.Event), b.updateOf(&e.Event, total))
	}
}

// Each event has two pushes: what was done, and the position after it.
func deedSequence(e *ledger.Event) uint64   { return 2*e.Number - 1 }
func updateSequence(e *ledger.Event) uint64 { return 2 * e.Number }

// pushSequence is the number of an account's last push.
func pushSequence(a *ledger.Account) uint64 { return 2 * a.LastNumber() }

// outbound is a desk.Outbound for sessions, with what it takes to fill it without
// allocating.
type outbound struct {
	*engine.Outbox
	bodies bodies
}

func newOutbound(core *engine.Core) *outbound {
	o := &outbound{Outbox: core.NewOutbox()}
	o.bodies.init()
	return o
}

// MoveTo implements desk.Outbound.
func (o *outbound) MoveTo(to desk.Outbound) { o.Outbox.MoveTo(to.(*outbound).Outbox) }

// bodies tell one event.
type bodies struct {
	customer ledger.Customer
	number   uint64 // of the event; 0: none yet

	execution pb.Execution
	position  pb.Position
	placed    pb.PlaceOrderReply
	bust      pb.BustReply
	busted    pb.ExecutionBusted
	update    pb.PositionUpdate
}

func (b *bodies) init() {
	b.placed.Executions = []*pb.Execution{&b.execution}
	b.placed.Position = &b.position
	b.placed.Status = pb.OrderStatus_ORDER_STATUS_FILLED
	b.bust.Execution, b.bust.Position = &b.execution, &b.position
	b.busted.Position = &b.position
	b.update.Position = &b.position
}

// tell reports whether the bodies are those of e already.
func (b *bodies) tell(e *ledger.Event) bool {
	return b.number == e.Number && b.customer == e.Customer()
}

// show makes the bodies of o tell e and returns them. reason is that of a bust. They
// share the client order id of e.
func (g *Gateway) show(o *outbound, e *ledger.Event, reason string) *bodies {
	b := &o.bodies
	b.customer, b.number = e.Customer(), e.Number
	g.fillExecution(&b.execution, &e.Execution)
	// A fill is shown at its own price, so that a retry gets the same answer.
	last := e.Execution.Price
	if e.Kind == ledger.KindBust {
		last = g.market.Last(e.Execution.Instrument)
		b.execution.Busted, b.execution.BustReason = true, reason
	}
	g.fillPosition(&b.position, &e.Position, last)
	b.placed.OrderId = b.execution.OrderId
	return b
}

// deed returns the first push of e: what was done.
func (b *bodies) deed(e *ledger.Event) (codec.Command, codec.Body) {
	if e.Kind == ledger.KindBust {
		b.busted.ExecutionId = b.execution.ExecutionId
		b.busted.Reason = b.execution.BustReason
		return codec.PushExecutionBusted, &b.busted
	}
	return codec.PushExecution, &b.execution
}

// updateOf returns the second push of e: the position after it.
func (b *bodies) updateOf(e *ledger.Event, total ledger.Money) codec.Body {
	b.update.Change = pb.Change(e.Change)
	b.update.RowCount = e.Rows
	b.update.MarketValue = int64(total)
	return &b.update
}
