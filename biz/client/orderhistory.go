package client

import (
	"context"
	"iter"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// OrderQuery says which orders to get, whether they work or not.
type OrderQuery struct {
	// Before selects orders older than this one; 0 starts with the newest.
	Before OrderID
	// History is the history that Before belongs to; see HistoryQuery.
	History HistoryID
	// Limit is 1 to 1000; 0 means 1000.
	Limit int
	// Customer is whose orders to read; 0 means one's own. Those of another customer need the
	// operator role.
	Customer Customer
	// Key selects one instrument; the zero value means all.
	Key Key
	// Side selects buys or sells; 0 means both.
	Side Side
	// From and To bound when the order was accepted: From <= time < To. Zero: no bound.
	From, To time.Time
	// Statuses selects by status; empty means all.
	Statuses []OrderStatus
}

// OrderPage is a part of the orders of an account.
type OrderPage struct {
	// Orders are sorted newest first.
	Orders []OrderState
	// More is true if there may be older orders: to read them, set Before to Next. A page can
	// be short, or empty, and yet not be the last one.
	More bool
	Next OrderID // 0 without More
	// Sequence is the number of the last push that the page includes.
	Sequence uint64
}

// OrderHistory reads a page of orders, those that no longer work included.
func (c *Client) OrderHistory(ctx context.Context, q OrderQuery) (OrderPage, error) {
	request := &pb.OrdersRequest{
		History: true, BeforeOrderId: uint64(q.Before), Limit: uint32(q.Limit), Customer: uint32(q.Customer), HistoryId: q.History.wire(),
		Market: q.Key.Market, Code: q.Key.Code, Side: pb.Side(q.Side), FromTime: nanoseconds(q.From), ToTime: nanoseconds(q.To),
	}
	for _, s := range q.Statuses {
		request.Statuses = append(request.Statuses, pb.OrderStatus(s))
	}
	var reply pb.OrdersReply
	if err := c.send(ctx, codec.CommandOrders, request, &reply); err != nil {
		return OrderPage{}, err
	}
	list := orderListOf(&reply)
	return OrderPage{list.Orders, reply.More, OrderID(reply.NextBeforeOrderId), list.Sequence}, nil
}

// AllOrders returns all orders that a query selects, newest first, page by page; Limit is that of a
// page. Each page is from its own moment; no order is missed or comes twice. It ends after the
// first error.
func (c *Client) AllOrders(ctx context.Context, q OrderQuery) iter.Seq2[OrderState, error] {
	return eachRow(q.Before, func(before OrderID) ([]OrderState, OrderID, error) {
		q.Before = before
		page, err := c.OrderHistory(ctx, q)
		return page.Orders, page.Next, err
	})
}
