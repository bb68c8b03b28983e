package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// OrderRef names an order: by its ID, or without one by its ClientOrderID.
type OrderRef struct {
	ID            OrderID
	ClientOrderID string
	// Customer is whose order it is; 0 means one's own. Another customer's needs the operator
	// role.
	Customer Customer
	// History is the history that ID belongs to (Hello.History); in another one the server
	// refuses the request with ReasonHistoryReset. Zero: no such check.
	History HistoryID
}

// OrderScope selects working orders. The zero value selects all of one's own.
type OrderScope struct {
	// Key selects one instrument; the zero value means all.
	Key Key
	// Customer is whose orders; 0 means one's own. Another customer's need the operator role.
	Customer Customer
	// Everyone selects the orders of all customers. It needs the operator role.
	Everyone bool
}

// Cancelled is the reply to a cancel.
type Cancelled struct {
	// Order is the order after CancelOrder; zero after CancelAll.
	Order OrderState
	// Count is how many orders were cancelled.
	Count int
}

// CancelOrder cancels a working order. If it has lost against another change of the order, the
// error is ErrRejected with ReasonTooLate or ReasonCancelPending, and the *Error has the order as
// it is in Order. To cancel it again after ErrTimeout does no harm: ReasonTooLate then means that
// it has ended, and its Status says how.
func (c *Client) CancelOrder(ctx context.Context, o OrderRef) (Cancelled, error) {
	return c.sendCancel(ctx, &pb.CancelOrderRequest{
		OrderId: uint64(o.ID), ClientOrderId: o.ClientOrderID, Customer: uint32(o.Customer), HistoryId: o.History.wire(),
	})
}

// CancelAll cancels the working orders of a scope. If none works, Count is 0.
func (c *Client) CancelAll(ctx context.Context, s OrderScope) (Cancelled, error) {
	return c.sendCancel(ctx, &pb.CancelOrderRequest{
		All: true, Market: s.Key.Market, Code: s.Key.Code, Customer: uint32(s.Customer), Everyone: s.Everyone,
	})
}

func (c *Client) sendCancel(ctx context.Context, request *pb.CancelOrderRequest) (Cancelled, error) {
	var reply pb.CancelOrderReply
	if err := c.send(ctx, codec.CommandCancelOrder, request, &reply); err != nil {
		return Cancelled{}, err
	}
	return Cancelled{orderOf(reply.Order), int(reply.Count)}, nil
}
