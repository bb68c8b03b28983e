package gateway

import (
	"context"
	"errors"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// orders handles Orders.
func (g *Gateway) orders(c *engine.Context, a *account) {
	var request pb.OrdersRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if a = g.about(c, a, request.Customer, "another customer's orders need"); a == nil {
		return
	}
	if g.otherHistory(c, request.HistoryId, orderIDOfOtherHistory) {
		return
	}
	if request.OrderId != 0 || request.ClientOrderId != "" {
		g.order(c, a, &request)
		return
	}
	w := c.Local.(*workspace)
	g.inTurn(asked{c: c}, w, a, func(t *desk.Turn) {
		page, more := t.Ledger().OrdersFrom(nil, ledger.OrderID(request.AfterOrderId), pageRows(request.Limit))
		reply := &pb.OrdersReply{More: more, PushSequence: t.Ledger().LastPush()}
		var size pageBytes
		for n := range page {
			o := new(pb.Order)
			g.setOrder(o, &page[n], 0)
			if !size.add(o) {
				reply.More = true
				break
			}
			reply.Orders = append(reply.Orders, o)
		}
		w.out.Reply(c.Defer(), codec.ResultOK, reply)
	})
}

// order replies with one order, however old.
func (g *Gateway) order(c *engine.Context, a *account, r *pb.OrdersRequest) {
	id, name, err := orderNamed(a, r.OrderId, r.ClientOrderId)
	if errors.Is(err, errNotYours) {
		fail(c, codec.ResultForbidden, otherCustomersOrder)
		return
	}
	if err != nil {
		refuse(c, err)
		return
	}
	c.Go(func(c *engine.Context) {
		ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
		defer cancel()
		o, cause, err := g.findOrder(ctx, a, id, name)
		w := c.Local.(*workspace)
		switch {
		case isRefusal(err):
			q := asked{c: c}
			g.inTurn(q, w, a, func(*desk.Turn) { q.refuseIn(w, err) })
		case err != nil:
			g.historyUnavailable(c, err)
		default:
			reply := &pb.OrdersReply{Orders: []*pb.Order{new(pb.Order)}}
			g.setOrder(reply.Orders[0], &o, cause)
			g.inTurn(asked{c: c}, w, a, func(t *desk.Turn) {
				reply.PushSequence = t.Ledger().LastPush()
				w.out.Reply(c.Defer(), codec.ResultOK, reply)
			})
		}
	})
}
