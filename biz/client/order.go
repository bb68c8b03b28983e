package client

import (
	"cmp"
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Order is an order of a customer.
type Order struct {
	// ClientOrderID makes it safe to send an order again: the server executes it once.
	// It has at most 36 bytes and is unique in the account; NewClientOrderID returns
	// one. Without it, an order that is sent twice is executed twice.
	ClientOrderID string
	Side          Side
	Key           Key
	Quantity      Quantity
	// Price is the limit; 0 means a market order.
	Price Price
	// History is the history in which this ClientOrderID was first sent (Hello.History);
	// in another one the server refuses the order with ReasonHistoryReset. A program that
	// stores orders, and sends them again with another Client, sets it. Otherwise leave it
	// zero: PlaceOrder recognises an order that is sent again.
	History HistoryID
}

// Placed is the reply to an order.
type Placed struct {
	Order      OrderID
	Executions []Execution
	// Position is the position after the order; Quantity is 0 if it is closed.
	Position Position
	// Duplicate is true if the ClientOrderID was used before: nothing was done now,
	// and this is the first reply again.
	Duplicate bool
}

// PlaceOrder places an order. If there is no error, the order is filled and durable.
// ErrRejected means that a business rule forbids it; the Reason is in the *Error. After
// ErrRejected, ErrUnavailable and ErrOverloaded nothing has changed. After ErrTimeout, or
// if the connection ends, the outcome is unknown: send the order again with the same
// ClientOrderID.
//
// The client remembers the orders with an unknown outcome, also over a Reconnect, and sends
// them again with the history of the first time. If the server was reset meanwhile, it does
// not recognise the ClientOrderID, and would execute the order a second time: so it refuses
// it with ReasonHistoryReset. To place that order in spite of this, use a new ClientOrderID.
func (c *Client) PlaceOrder(ctx context.Context, o Order) (Placed, error) {
	first := c.unknown.historyOf(&o)
	if first != (HistoryID{}) && c.hello.History == (HistoryID{}) { // an earlier release would not check it
		return Placed{}, &Error{Result: codec.ResultRejected, Reason: ReasonHistoryReset}
	}
	request := &pb.PlaceOrderRequest{
		ClientOrderId: o.ClientOrderID, Side: pb.Side(o.Side), Market: o.Key.Market, Code: o.Key.Code,
		Quantity: int64(o.Quantity), Price: int64(o.Price), HistoryId: first.wire(),
	}
	var placed Placed
	id := c.nextID()
	waiting, err := c.start(ctx, id, codec.CommandPlaceOrder, request, func(r codec.Result, b []byte) (err error) {
		placed, err = placedOf(r, b)
		return err
	})
	if err != nil {
		return Placed{}, err
	}
	err = c.await(ctx, id, waiting)
	c.unknown.record(&o, cmp.Or(first, c.hello.History), err)
	return placed, err
}

func placedOf(r codec.Result, b []byte) (Placed, error) {
	if r != codec.ResultOK && r != codec.ResultDuplicate {
		return Placed{}, decodeError(r, b)
	}
	var reply pb.PlaceOrderReply
	if err := decodeReply(codec.CommandPlaceOrder, b, &reply); err != nil {
		return Placed{}, err
	}
	return Placed{
		OrderID(reply.OrderId), executionsOf(reply.Executions), positionOf(reply.Position), r == codec.ResultDuplicate,
	}, nil
}
