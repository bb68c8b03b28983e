package gateway

import (
	"errors"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// replaceOrder handles ReplaceOrder.
func (g *Gateway) replaceOrder(c *engine.Context, a *account) {
	var request pb.ReplaceOrderRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if g.otherHistory(asked{c: c}, request.HistoryId, orderIDOfOtherHistory) {
		return
	}
	id, name, err := orderNamed(a, request.OrderId, request.ClientOrderId)
	if errors.Is(err, errNotYours) {
		fail(c, codec.ResultForbidden, "this order is another customer's")
		return
	}
	newName, nameErr := ledger.ParseClientOrderID(request.NewClientOrderId)
	if err = errors.Join(err, nameErr); err != nil {
		refuse(c, err)
		return
	}
	g.change(asked{c: c}, a, id, name, func(t *desk.Turn, q asked, w *workspace, id ledger.OrderID) error {
		return g.replaceIn(t, q, w, id, newName, &request)
	})
}

func (g *Gateway) replaceIn(t *desk.Turn, q asked, w *workspace, id ledger.OrderID, name ledger.ClientOrderID, r *pb.ReplaceOrderRequest) error {
	replacement := ledger.Replacement{Order: id, ClientOrderID: name}
	if o := t.Ledger().Order(id); o != nil {
		replacement.Quantity, replacement.Price, replacement.Stop = o.Quantity, o.Price, o.Stop
		replacement.TimeInForce, replacement.Expires = o.TimeInForce, o.Expires
	}
	set(&replacement.Quantity, r.Quantity)
	set(&replacement.Price, r.Price)
	set(&replacement.Stop, r.StopPrice)
	set(&replacement.Expires, r.Expires)
	if r.TimeInForce != pb.TimeInForce_TIME_IN_FORCE_UNSPECIFIED {
		replacement.TimeInForce = timeInForce(r.TimeInForce)
	}
	replacement.Terms.Time = g.now()
	events, err := t.Replace(&replacement)
	result := codec.ResultOK
	switch {
	case errors.Is(err, ledger.ErrDuplicate) && len(events) > 0:
		result = codec.ResultDuplicate
	case errors.Is(err, ledger.ErrDuplicate):
		return errUsedBefore
	case err != nil:
		return err
	}
	reply := &pb.ReplaceOrderReply{Order: new(pb.Order)}
	last := &events[len(events)-1]
	g.setOrder(reply.Order, &last.Order, last.Cause)
	placed := g.placedReply(w, events, t.Ledger())
	reply.Executions, reply.Position = placed.Executions, placed.Position
	w.out.Reply(q.later(), result, reply)
	return nil
}

// set sets a field to a value of a request that is not left out.
func set[T ~int64](field *T, value int64) {
	if value != 0 {
		*field = T(value)
	}
}
