package gateway

import (
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// account is an account of the desk, with the sessions that are logged in to it and get
// its pushes.
type account struct {
	*desk.Account
	gateway  *Gateway
	sessions engine.Audience // added to in a turn of the account
}

// operator reports whether the customer has the operator role now.
func (a *account) operator() bool { return a.Owner().Operator() }

// Changed implements desk.Watcher: it adds two pushes per event to the turn's output.
func (a *account) Changed(t *desk.Turn) {
	if a.sessions.Empty() {
		return
	}
	o := t.Out.(*outbound)
	for i := range t.Events() {
		x := &t.Events()[i].Execution
		// A fill has already valued the position, at its own price.
		if last := a.gateway.market.Last(x.Instrument); last != x.Price || t.Events()[i].Kind == ledger.KindBust {
			t.Ledger().Reprice(x.Instrument, last)
		}
	}
	total := t.Ledger().MarketValue()
	for i := range t.Events() {
		e := &t.Events()[i]
		b := &o.bodies
		if !b.describes(&e.Event) { // the reply may
			a.gateway.describeEvent(o, &e.Event, e.Reason)
		}
		c, body := b.tradePush(&e.Event)
		o.PushTo(&a.sessions, c, tradeSequence(&e.Event), body)
		o.PushTo(&a.sessions, codec.PushPositionUpdate, positionSequence(&e.Event), b.positionPush(&e.Event, total))
	}
}

// Each event has two pushes: the execution or bust, and the position after it.
func tradeSequence(e *ledger.Event) uint64    { return 2*e.Number - 1 }
func positionSequence(e *ledger.Event) uint64 { return 2 * e.Number }

// pushSequence is the number of an account's last push.
func pushSequence(a *ledger.Account) uint64 { return 2 * a.LastNumber() }

// outbound is a desk.Outbound for sessions, with the message bodies that are reused to
// add to it without allocating.
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

// bodies are the message bodies that describe one event.
type bodies struct {
	customer ledger.Customer
	number   uint64 // of the event; 0: no event yet

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

// describes reports whether the bodies already describe e.
func (b *bodies) describes(e *ledger.Event) bool {
	return b.number == e.Number && b.customer == e.Customer()
}

// describeEvent makes the bodies of o describe e and returns them. reason is that of a
// bust. The bodies share the client order id of e.
func (g *Gateway) describeEvent(o *outbound, e *ledger.Event, reason string) *bodies {
	b := &o.bodies
	b.customer, b.number = e.Customer(), e.Number
	g.setExecution(&b.execution, &e.Execution)
	// A fill shows its own price, so that a retry gets the same reply.
	last := e.Execution.Price
	if e.Kind == ledger.KindBust {
		last = g.market.Last(e.Execution.Instrument)
		b.execution.Busted, b.execution.BustReason = true, reason
	}
	g.setPosition(&b.position, &e.Position, last)
	b.placed.OrderId = b.execution.OrderId
	return b
}

// tradePush returns the first push of e: the execution or the bust.
func (b *bodies) tradePush(e *ledger.Event) (codec.Command, codec.Body) {
	if e.Kind == ledger.KindBust {
		b.busted.ExecutionId = b.execution.ExecutionId
		b.busted.Reason = b.execution.BustReason
		return codec.PushExecutionBusted, &b.busted
	}
	return codec.PushExecution, &b.execution
}

// positionPush returns the second push of e: the position after it. total is the market
// value of all positions.
func (b *bodies) positionPush(e *ledger.Event, total ledger.Money) codec.Body {
	b.update.Change = pb.Change(e.Change)
	b.update.RowCount = e.Rows
	b.update.MarketValue = int64(total)
	return &b.update
}
