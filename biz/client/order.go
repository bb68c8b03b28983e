package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Order is what a customer wants done.
type Order struct {
	// ClientOrderID makes sending an order again harmless: at most 36 bytes,
	// unique in the account. NewClientOrderID makes one; empty means that a
	// second sending is a second order.
	ClientOrderID string
	Side          Side
	Key           Key
	Quantity      Quantity
	// Price of a limit order; 0 is a market order.
	Price Price
}

// Placed is the answer to an order.
type Placed struct {
	Order      OrderID
	Executions []Execution
	// Position after the order; of quantity 0 when it is closed.
	Position Position
	// Duplicate says that the server knew the ClientOrderID: nothing was done now,
	// and this is the first answer again.
	Duplicate bool
}

// PlaceOrder places an order; without an error it is filled and on disk. A rule
// that forbids it is ErrRejected, its Reason in the *Error; nothing has changed
// then, and neither with ErrUnavailable and ErrOverloaded. After ErrTimeout or the
// end of the connection only the server knows: send it again with the same
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
