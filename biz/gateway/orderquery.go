package gateway

import (
	"context"
	"errors"
	"time"

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
	if g.otherHistory(asked{c: c}, request.HistoryId, orderIDOfOtherHistory) {
		return
	}
	if request.OrderId != 0 || request.ClientOrderId != "" {
		g.order(c, a, &request)
		return
	}
	if request.History {
		g.orderHistory(c, a, &request)
		return
	}
	if request.BeforeOrderId != 0 || request.Market != "" || request.Code != "" || request.Side != 0 ||
		request.FromTime != 0 || request.ToTime != 0 || len(request.Statuses) > 0 {
		wrongFilter(c, "before_order_id and filters need history")
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

// orderHistory replies with a page of all orders, newest first.
func (g *Gateway) orderHistory(c *engine.Context, a *account, r *pb.OrdersRequest) {
	if r.AfterOrderId != 0 {
		wrongFilter(c, "with history, before_order_id says where a page starts, not after_order_id")
		return
	}
	q := desk.OrderQuery{Before: ledger.OrderID(r.BeforeOrderId), Limit: pageRows(r.Limit)}
	for _, status := range r.Statuses {
		if status <= 0 || status > pb.OrderStatus_ORDER_STATUS_EXPIRED {
			wrongFilter(c, "unknown status %d", status)
			return
		}
		q.Statuses |= 1 << status
	}
	var ok bool
	if q.Filter, ok = g.filter(c, r); !ok {
		return
	}
	c.Go(func(c *engine.Context) {
		page, err := g.findOrders(a, q)
		if err != nil {
			g.historyUnavailable(c, err)
			return
		}
		reply := &pb.OrdersReply{PushSequence: page.Push, NextBeforeOrderId: uint64(page.Next)}
		var size pageBytes
		for n := range page.Orders {
			o := new(pb.Order)
			g.setOrder(o, &page.Orders[n].Order, page.Orders[n].Cause)
			if !size.add(o) {
				reply.NextBeforeOrderId = reply.Orders[n-1].OrderId
				break
			}
			reply.Orders = append(reply.Orders, o)
		}
		reply.More = reply.NextBeforeOrderId != 0
		w := c.Local.(*workspace)
		g.inTurn(asked{c: c}, w, a, func(*desk.Turn) { w.out.Reply(c.Defer(), codec.ResultOK, reply) })
	})
}

// findOrders returns the next page that has orders, or an empty one if it finds none in
// searchTime.
func (g *Gateway) findOrders(a *account, q desk.OrderQuery) (page desk.OrderPage, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	for started, more := time.Now(), true; more && err == nil; {
		page, err = g.desk.OrderHistory(ctx, a.Account, q)
		q.Before = page.Next
		more = len(page.Orders) == 0 && page.Next != 0 && time.Since(started) < searchTime
	}
	return page, err
}
