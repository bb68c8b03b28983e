package gateway

import (
	"fmt"

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
	gateway    *Gateway
	sessions   engine.Audience // added to in a turn of the account
	identities []*fixIdentity  // changed in a turn of the account
	reported   int             // how many events of the turn have their FIX reports
	demands
}

// setOwner sets the name and the role that the customer has now.
func (a *account) setOwner(m *pb.Account) {
	o := a.Owner()
	m.Name, m.Operator, m.Viewer = o.Name, o.Operator(), o.Viewer()
}

// Changed implements desk.Watcher: it adds the pushes of the events to the turn's output.
func (a *account) Changed(t *desk.Turn) {
	if a.anyLate.Load() {
		a.executeLate(t.Events())
	}
	a.report(t)
	if a.sessions.Empty() || a.held.Load() {
		return
	}
	o, l := t.Out.(*outbound), t.Ledger()
	for i := range t.Events() {
		e := &t.Events()[i]
		if !e.Kind.HasExecution() {
			continue
		}
		// A fill has already valued the position, at its own price.
		id := e.Execution.Instrument
		if last := a.gateway.market.Last(id); last != e.Execution.Price || e.Kind != ledger.KindFill {
			l.Reprice(id, last)
		}
	}
	total := l.MarketValue()
	for i := range t.Events() {
		e := &t.Events()[i]
		b := &o.bodies
		if !b.describes(e) { // the reply may
			a.gateway.describeEvent(o, e, l)
		}
		b.setTotals(l, total, e.Time)
		a.push(o, b, e)
	}
}

// outbound is a desk.Outbound for sessions, with the message bodies that are reused to
// add to it without allocating.
type outbound struct {
	*engine.Outbox
	bodies  bodies
	message []byte    // memory for a FIX message
	raw     codec.Raw // a FIX message that is being sent
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
	order     pb.Order
	placed    pb.PlaceOrderReply
	busted    pb.ExecutionBusted
	update    pb.PositionUpdate
	changed   pb.OrderUpdate
	account   pb.Account
	cash      pb.AccountUpdate
	list      [4]push
	wire      wire
	simple    bool // the event is a simple fill: wire has its bodies, and order is not set
}

// push is one of the pushes of an event.
type push struct {
	command codec.Command
	body    codec.Body
}

func (b *bodies) init() {
	b.placed.Executions = []*pb.Execution{&b.execution}
	b.placed.Position = &b.position
	b.busted.Position, b.update.Position = &b.position, &b.position
	b.changed.Order = &b.order
	b.cash.Account = &b.account
}

// describes reports whether the bodies already describe e.
func (b *bodies) describes(e *ledger.Event) bool {
	return b.number == e.Number && b.customer == e.Customer()
}

// describeEvent makes the bodies of o describe e, which has happened to l, and returns them.
// The bodies share the client order id of e.
func (g *Gateway) describeEvent(o *outbound, e *ledger.Event, l *ledger.Account) *bodies {
	b := &o.bodies
	b.customer, b.number = e.Customer(), e.Number
	if b.simple = e.Simple; b.simple {
		g.setExecution(&b.execution, &e.Execution)
		g.setPosition(&b.position, &e.Position, g.priceAfter(e), l, e.Time)
		b.update.Change, b.update.RowCount = pb.Change(e.Change), e.Rows
		b.encodeParts()
		return b
	}
	if !e.Kind.HasOrder() {
		g.setAccount(&b.account, l)
		g.account(b.customer).setOwner(&b.account)
		b.cash.Amount, b.cash.Text, b.cash.Time = int64(e.Amount), e.Text, e.Time
		b.cash.Change = pb.AccountChange(e.Kind-ledger.KindDeposit) + pb.AccountChange_ACCOUNT_CHANGE_DEPOSIT
		return b
	}
	g.setOrder(&b.order, &e.Order, e.Cause)
	b.changed.Time, b.changed.Position = e.Time, nil
	if !e.Kind.HasExecution() {
		if row, held := l.Position(e.Order.Instrument); held && e.Order.Side == ledger.Sell {
			g.setPosition(&b.position, &row, g.market.Last(row.Instrument), l, e.Time)
			b.changed.Position = &b.position
		}
		return b
	}
	g.setExecution(&b.execution, &e.Execution)
	if e.Kind != ledger.KindFill {
		b.busted.ExecutionId, b.busted.Reason, b.busted.CorrectedBy = b.execution.ExecutionId, e.Text, 0
	}
	switch e.Kind {
	case ledger.KindBust:
		b.execution.Busted, b.execution.BustReason = true, e.Text
	case ledger.KindCorrect:
		b.busted.ExecutionId, b.busted.CorrectedBy = b.execution.Corrects, b.execution.ExecutionId
	}
	g.setPosition(&b.position, &e.Position, g.priceAfter(e), l, e.Time)
	b.update.Change, b.update.RowCount = pb.Change(e.Change), e.Rows
	return b
}

// priceAfter returns the price at which the pushes of an event with an execution show the
// position: the last price. Without depth a simple fill has just that, and shows it also in a retry
// and to a session that resumes.
func (g *Gateway) priceAfter(e *ledger.Event) ledger.Price {
	id := e.Execution.Instrument
	if (e.Simple || e.Early && e.Kind == ledger.KindFill) && g.market.At(id).Depth == 0 {
		return e.Execution.Price
	}
	return g.market.Last(id)
}

// setTotals sets what the pushes show of the whole account at a time. total is the market value of
// all positions.
func (b *bodies) setTotals(l *ledger.Account, total ledger.Money, at int64) {
	cash, frozen, unsettled := int64(l.Cash()), int64(l.Frozen()), int64(l.Unsettled(at))
	b.update.MarketValue, b.update.Cash, b.update.FrozenCash, b.update.UnsettledCash = int64(total), cash, frozen, unsettled
	b.changed.Cash, b.changed.FrozenCash, b.changed.UnsettledCash = cash, frozen, unsettled
}

// pushes returns the pushes of the event that b describes, in their order: as many as
// ledger.Event.Pushes says. They are valid until the next call.
func (b *bodies) pushes(e *ledger.Event) []push {
	list := b.list[:0]
	if b.simple {
		return append(list, push{codec.PushExecution, &b.wire.execution}, push{codec.PushPositionUpdate, b.wireUpdate()})
	}
	if e.Kind == ledger.KindBust || e.Kind == ledger.KindCorrect {
		list = append(list, push{codec.PushExecutionBusted, &b.busted})
	}
	if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
		list = append(list, push{codec.PushExecution, &b.execution})
	}
	if e.Kind.HasExecution() { // at once after it, as in releases without orders
		list = append(list, push{codec.PushPositionUpdate, &b.update})
	}
	switch {
	case !e.Kind.HasOrder():
		list = append(list, push{codec.PushAccountUpdate, &b.cash})
	case !e.Early:
		list = append(list, push{codec.PushOrderUpdate, &b.changed})
	}
	return list
}

// existing returns the account of a customer; the error is a refusal if the customer is unknown.
func (g *Gateway) existing(customer uint32) (*account, error) {
	if a := g.account(ledger.Customer(customer)); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("%w %d", ledger.ErrUnknownCustomer, customer)
}

// about returns the account that a request of a's customer reads: a, or for an operator and a viewer
// that of the customer whom the request names. Otherwise it refuses the request and returns nil; what
// is how that begins, such as "another customer's orders need".
func (g *Gateway) about(c *engine.Context, a *account, customer uint32, what string) *account {
	if customer == 0 || customer == uint32(a.Customer()) {
		return a
	}
	if !a.may(readOthers) {
		fail(c, codec.ResultForbidden, what+" "+readOthers.needs())
		return nil
	}
	other, err := g.existing(customer)
	if err != nil {
		refuse(c, err)
	}
	return other
}
