package client

import (
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
func (c *Client) PlaceOrder(ctx context.Context, o Order) (Placed, error) {
	request := &pb.PlaceOrderRequest{
		ClientOrderId: o.ClientOrderID, Side: pb.Side(o.Side), Market: o.Key.Market, Code: o.Key.Code,
		Quantity: int64(o.Quantity), Price: int64(o.Price),
	}
	var placed Placed
	err := c.exchange(ctx, c.nextID(), codec.CommandPlaceOrder, request, func(r codec.Result, b []byte) error {
		if r != codec.ResultOK && r != codec.ResultDuplicate {
			return decodeError(r, b)
		}
		var reply pb.PlaceOrderReply
		if err := decodeReply(codec.CommandPlaceOrder, b, &reply); err != nil {
			return err
		}
		placed = Placed{
			OrderID(reply.OrderId), executionsOf(reply.Executions), positionOf(reply.Position), r == codec.ResultDuplicate,
		}
		return nil
	})
	return placed, err
}
