package client

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Replacement changes a working order. A zero value of Quantity, Price, Stop, TimeInForce or
// Expires means that it stays.
type Replacement struct {
	// ID names the order; or, without one, ClientOrderID does.
	ID            OrderID
	ClientOrderID string
	// NewClientOrderID is the new client order id of the order. It makes it safe to send the
	// replacement again, as Order.ClientOrderID does for an order. Without it the order's id
	// stays.
	NewClientOrderID string
	// Quantity is the new quantity, with what is filled already.
	Quantity    Quantity
	Price       Price
	Stop        Price
	TimeInForce TimeInForce
	Expires     time.Time
	// History is the history that ID belongs to, and in which this NewClientOrderID was first
	// sent; see Order.History.
	History HistoryID
}

// Replaced is the reply to a replacement.
type Replaced struct {
	// Order is the order afterwards.
	Order OrderState
	// Executions are what was executed at once, for example because the new limit is better.
	Executions []Execution
	// Position is the position after them; zero without executions.
	Position Position
	// Duplicate is true if the NewClientOrderID was used before: nothing was done now, and this
	// is the first reply again.
	Duplicate bool
}

// ReplaceOrder changes one's own working order; what is executed stays. Errors are those of CancelOrder,
// and ErrRejected if a business rule forbids the new order. After ErrTimeout, or if the
// connection ends, the outcome is unknown: send the replacement again with the same
// NewClientOrderID. The client remembers such replacements as PlaceOrder does.
func (c *Client) ReplaceOrder(ctx context.Context, r Replacement) (Replaced, error) {
	request := func(history []byte) codec.Body {
		return &pb.ReplaceOrderRequest{
			OrderId: uint64(r.ID), ClientOrderId: r.ClientOrderID, NewClientOrderId: r.NewClientOrderID,
			Quantity: int64(r.Quantity), Price: int64(r.Price), StopPrice: int64(r.Stop),
			TimeInForce: pb.TimeInForce(r.TimeInForce), Expires: nanoseconds(r.Expires), HistoryId: history,
		}
	}
	var reply pb.ReplaceOrderReply
	duplicate, err := c.sendNamed(ctx, codec.CommandReplaceOrder, named{r.NewClientOrderID, r.History}, request, &reply)
	if err != nil {
		return Replaced{}, err
	}
	return Replaced{orderOf(reply.Order), executionsOf(reply.Executions), positionOf(reply.Position), duplicate}, nil
}
