package gateway

import (
	"context"
	"errors"
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// placeOrder handles PlaceOrder.
func (g *Gateway) placeOrder(c *engine.Context, a *account) {
	w := c.Local.(*workspace)
	w.request.Reset()
	// The strings of the request share the frame's bytes, which stay until this
	// handler returns.
	if err := w.request.UnmarshalVTUnsafe(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	q := asked{c: c}
	if g.otherHistory(q, w.request.HistoryId, orderOfOtherHistory) {
		return
	}
	if err := g.orderOf(&w.order, &w.request, g.timeOf(c, w)); err != nil {
		refuse(c, err)
		return
	}
	if a.demanded() {
		g.placeOnDemand(q, w, a)
		return
	}
	if _, old := g.place(q, w, a); old {
		g.replyOldDuplicate(c, a, w.order)
	}
}

// place executes w.order and replies. It returns the id of the order, 0 if it is refused or a
// repeated one. old is true, and there is no reply, if it is a repeated one whose first answer is
// no longer in memory.
func (g *Gateway) place(q asked, w *workspace, a *account) (id ledger.OrderID, old bool) {
	g.inTurn(q, w, a, func(t *desk.Turn) {
		if !g.mayTrade(q) {
			return
		}
		switch events, err := t.Place(&w.order); {
		case err == nil:
			id = events[0].Order.ID
			w.out.Reply(q.later(), codec.ResultOK, g.placedBody(w, events, t.Ledger()))
		case !errors.Is(err, ledger.ErrDuplicate):
			q.refuseIn(w, err)
		case len(events) > 0:
			w.out.Reply(q.later(), codec.ResultDuplicate, g.placedBody(w, events, t.Ledger()))
		default:
			old = true
		}
	})
	return id, old
}

// placedBody returns the reply to an order with these events, as it is sent.
func (g *Gateway) placedBody(w *workspace, events []ledger.Event, l *ledger.Account) codec.Body {
	reply, b := g.placedReply(w, events, l), &w.out.bodies
	if reply == &b.placed && b.simple {
		return b.wirePlaced()
	}
	return reply
}

// placedReply returns the reply to an order with these events. Of many executions it has only
// the first ones. What can be sold, and what is frozen, is as it is now: a retry may show other
// figures there. It is valid until the next call.
func (g *Gateway) placedReply(w *workspace, events []ledger.Event, l *ledger.Account) *pb.PlaceOrderReply {
	last := &events[len(events)-1]
	if len(events) == 1 && last.Kind == ledger.KindFill {
		b := g.describeEvent(w.out, last, l)
		return b.setPlaced(&last.Order, last.Cause)
	}
	reply := new(pb.PlaceOrderReply)
	var size pageBytes
	for n := range events {
		if e := &events[n]; e.Kind == ledger.KindFill {
			x := new(pb.Execution)
			g.setExecution(x, &e.Execution)
			if size.add(x) {
				reply.Executions = append(reply.Executions, x)
			}
			reply.Position = new(pb.Position)
			g.setPosition(reply.Position, &e.Position, g.priceAfter(e), l, e.Time)
		}
	}
	setPlaced(reply, &last.Order, last.Cause)
	return reply
}

// setPlaced makes b.placed the reply to an order that has one execution, which b describes.
func (b *bodies) setPlaced(o *ledger.Order, cause ledger.Cause) *pb.PlaceOrderReply {
	setPlaced(&b.placed, o, cause)
	return &b.placed
}

func setPlaced(p *pb.PlaceOrderReply, o *ledger.Order, cause ledger.Cause) {
	p.OrderId = uint64(o.ID)
	p.Status = pb.OrderStatus(o.Status)
	p.Filled = int64(o.Filled)
	p.Leaves = int64(o.Leaves())
	p.AveragePrice = int64(o.AveragePrice())
	p.Cause = pb.OrderCause(cause)
}

// replyOldDuplicate answers a repeated order whose first answer is no longer in memory.
func (g *Gateway) replyOldDuplicate(c *engine.Context, a *account, o ledger.NewOrder) {
	c.Go(func(c *engine.Context) { g.answerFromHistory(asked{c: c}, c.Local.(*workspace), a, o) })
}

// answerFromHistory is replyOldDuplicate off the lane. Goroutine: one that may block.
func (g *Gateway) answerFromHistory(q asked, w *workspace, a *account, o ledger.NewOrder) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	var named ledger.Named
	a.View(func(l *ledger.Account) { named, _ = l.FindNamed(&o.ClientOrderID) })
	first, same, err := g.desk.FindNamed(ctx, a.Account, o.ClientOrderID, named)
	switch {
	case err != nil:
		q.reply(codec.ResultUnavailable, g.historyProblem(err))
		return
	case !same:
		// A replacement has used the id; or another id has the same hash, which only happens to
		// who looks for such ids.
		g.inTurn(q, w, a, func(*desk.Turn) { q.refuseIn(w, errUsedBefore) })
		return
	}
	reply := new(pb.PlaceOrderReply)
	var size pageBytes
	for i := range first.Executions {
		x := new(pb.Execution)
		g.setExecution(x, &first.Executions[i])
		if size.add(x) {
			reply.Executions = append(reply.Executions, x)
		}
	}
	placed, cause := asPlaced(&first)
	setPlaced(reply, &placed, cause)
	g.inTurn(q, w, a, func(*desk.Turn) { w.out.Reply(q.later(), codec.ResultDuplicate, reply) })
}

// asPlaced returns an order as it was when it was placed, after its first executions.
func asPlaced(n *desk.NamedOrder) (o ledger.Order, cause ledger.Cause) {
	o = n.Order
	o.Quantity, o.Filled, o.FilledValue = n.PlacedQuantity, 0, 0
	for i := range n.Executions {
		value, _ := ledger.Value(n.Executions[i].Quantity, n.Executions[i].Price) // of an execution it fits
		o.Filled += n.Executions[i].Quantity
		o.FilledValue += value
	}
	switch {
	case o.Filled >= o.Quantity:
		o.Status = ledger.Filled
	case o.TimeInForce == ledger.ImmediateOrCancel:
		o.Status, cause = ledger.Cancelled, ledger.ByImmediateOrCancel
	case o.TimeInForce == ledger.FillOrKill:
		o.Status, cause = ledger.Cancelled, ledger.ByFillOrKill
	case o.Type == ledger.Market && !o.Held:
		o.Status, cause = ledger.Cancelled, ledger.ByLiquidity
	case o.Filled > 0:
		o.Status = ledger.PartiallyFilled
	default:
		o.Status = ledger.New
	}
	return o, cause
}

// errUsedBefore refuses a repeated client order id whose first answer can't be found.
var errUsedBefore = fmt.Errorf("%w: it was used before, and the first answer is no longer stored; look at the orders and the history, and use a new one if the order is still wanted", ledger.ErrBadClientOrderID)

const (
	orderOfOtherHistory     = "the server was reset since this order was first sent; it was not executed here: look at the positions, and send it with a new client order id if it is still wanted"
	orderIDOfOtherHistory   = "the server was reset since this order id was read; look at the orders, and use the id that is there now"
	executionOfOtherHistory = "the server was reset since this execution id was read; look at the history, and use the id that is there now"
)

// otherHistory rejects a request that names another history than this server's, and reports
// whether it did. An empty id names none.
func (g *Gateway) otherHistory(q asked, id []byte, message string) bool {
	if len(id) == 0 || g.inHistory(id) {
		return false
	}
	q.reply(codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_HISTORY_RESET, Message: message})
	return true
}

// inTurn calls do in a turn of the account. What do adds to w.out leaves when all events
// of the account so far are durable. If there can be no turn, inTurn refuses the request.
func (g *Gateway) inTurn(q asked, w *workspace, a *account, do func(*desk.Turn)) {
	if err := a.Do(w.turn, do); err != nil {
		q.refuse(err)
	}
}

// orderOf sets o to the order in r. Errors are refusals.
func (g *Gateway) orderOf(o *ledger.NewOrder, r *pb.PlaceOrderRequest, unixNano int64) (err error) {
	id, ok := g.market.Find(r.Market, r.Code)
	if !ok {
		return ledger.ErrUnknownInstrument
	}
	*o = ledger.NewOrder{
		Side: side(r.Side), Type: orderType(r.Type, r.Price), TimeInForce: timeInForce(r.TimeInForce), Instrument: id,
		Quantity: ledger.Quantity(r.Quantity), Price: ledger.Price(r.Price), Stop: ledger.Price(r.StopPrice),
		Expires: r.Expires,
	}
	o.Terms.Time = unixNano
	o.ClientOrderID, err = ledger.ParseClientOrderID(r.ClientOrderId)
	return err
}

// timeOf returns the time of c's message: the same for all that were read together, since
// reading the clock costs as much as finding an instrument.
func (g *Gateway) timeOf(c *engine.Context, w *workspace) (unixNano int64) {
	if batch := c.ServeCount(); batch != w.serve {
		w.serve, w.now = batch, g.now()
	}
	return w.now
}

// timesOf is timeOf for a message of a FIX session.
func (g *Gateway) timesOf(c *engine.Context, w *workspace) times {
	if c.ServeCount() != w.serve {
		w.wall = g.wall()
	}
	return times{g.timeOf(c, w), w.wall}
}

// side returns the ledger's side; 0 if s is not a side.
func side(s pb.Side) ledger.Side {
	if s < 0 || s > pb.Side_SIDE_SELL {
		return 0
	}
	return ledger.Side(s)
}

// orderType returns the ledger's type; 0 if t is not a type.
func orderType(t pb.OrderType, price int64) ledger.OrderType {
	switch {
	case t < 0 || t > pb.OrderType_ORDER_TYPE_STOP_LIMIT:
		return 0
	case t != pb.OrderType_ORDER_TYPE_UNSPECIFIED:
		return ledger.OrderType(t)
	case price == 0:
		return ledger.Market
	}
	return ledger.Limit
}

// timeInForce returns the ledger's time in force; 0 if f is not one.
func timeInForce(f pb.TimeInForce) ledger.TimeInForce {
	switch {
	case f < 0 || f > pb.TimeInForce_TIME_IN_FORCE_FILL_OR_KILL:
		return 0
	case f == pb.TimeInForce_TIME_IN_FORCE_UNSPECIFIED:
		return ledger.Day
	}
	return ledger.TimeInForce(f)
}
