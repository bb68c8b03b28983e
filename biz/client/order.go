package client

import (
	"cmp"
	"context"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Order is an order of a customer. With zero values for Type, TimeInForce, Stop and Expires it
// is an order for the day: a limit order if it has a Price, else a market order.
type Order struct {
	// ClientOrderID makes it safe to send the order again: the server executes it once.
	// It has at most 36 bytes and is unique in the account; NewClientOrderID returns
	// one. Without it, an order that is sent twice is executed twice.
	ClientOrderID string
	Side          Side
	Key           Key
	Quantity      Quantity
	// Price is the limit; 0 means a market order, or a stop order without a limit.
	Price Price
	// History is the history in which this ClientOrderID was first sent (Hello.History);
	// in another one the server refuses the order with ReasonHistoryReset. A program that
	// stores orders, and sends them again with another Client, sets it. Otherwise leave it
	// zero: PlaceOrder recognises an order that is sent again.
	History     HistoryID
	Type        OrderType
	TimeInForce TimeInForce
	// Stop is the price that a stop order waits for.
	Stop Price
	// Expires is when a GoodTillDate order expires.
	Expires time.Time
}

// Placed is the reply to an order.
type Placed struct {
	Order      OrderID
	Executions []Execution // what was executed at once
	// Position is the position after the order; Quantity is 0 if it is closed. It is zero
	// without executions, and if the reply to a repeated order comes from the history.
	Position Position
	// Duplicate is true if the ClientOrderID was used before: nothing was done now,
	// and this is the first reply again.
	Duplicate bool
	// Status is how far the order is, Filled what was executed, and Leaves what works on.
	Status OrderStatus
	Filled Quantity
	Leaves Quantity
	// AveragePrice is that of the executions; 0 without any.
	AveragePrice Price
	// Cause says why an order ended that is not filled.
	Cause OrderCause
}

// PlaceOrder places an order. If there is no error, the order is accepted and durable: Status
// says whether it is filled, works on, or was cancelled for lack of shares on the market.
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
	request := func(history []byte) codec.Body {
		return &pb.PlaceOrderRequest{
			ClientOrderId: o.ClientOrderID, Side: pb.Side(o.Side), Market: o.Key.Market, Code: o.Key.Code,
			Quantity: int64(o.Quantity), Price: int64(o.Price), HistoryId: history,
			Type: pb.OrderType(o.Type), TimeInForce: pb.TimeInForce(o.TimeInForce),
			StopPrice: int64(o.Stop), Expires: nanoseconds(o.Expires),
		}
	}
	var reply pb.PlaceOrderReply
	duplicate, err := c.sendNamed(ctx, codec.CommandPlaceOrder, named{o.ClientOrderID, o.History}, request, &reply)
	if err != nil {
		return Placed{}, err
	}
	return Placed{
		Order: OrderID(reply.OrderId), Executions: executionsOf(reply.Executions), Position: positionOf(reply.Position),
		Duplicate: duplicate, Status: OrderStatus(reply.Status), Filled: Quantity(reply.Filled), Leaves: Quantity(reply.Leaves),
		AveragePrice: Price(reply.AveragePrice), Cause: OrderCause(reply.Cause),
	}, nil
}

// named is the client order id of a request that the server executes once, and the history
// in which it was first sent, if the caller says so.
type named struct {
	id      string
	history HistoryID
}

// sendNamed sends a request that the server executes once, with the history in which its
// client order id was first sent. It remembers the id if the outcome is unknown. duplicate
// means that the server has executed it before; to is then the first reply again.
func (c *Client) sendNamed(
	ctx context.Context, command codec.Command, n named, request func(history []byte) codec.Body, to reply,
) (duplicate bool, err error) {
	first := c.unknown.historyOf(n)
	if first != (HistoryID{}) && c.hello.History == (HistoryID{}) { // an earlier release would not check it
		return false, &Error{Result: codec.ResultRejected, Reason: ReasonHistoryReset}
	}
	id := c.nextID()
	waiting, err := c.start(ctx, id, command, request(first.wire()), func(r codec.Result, b []byte) error {
		if r != codec.ResultOK && r != codec.ResultDuplicate {
			return decodeError(r, b)
		}
		duplicate = r == codec.ResultDuplicate
		return decodeReply(command, b, to)
	})
	if err != nil {
		return false, err
	}
	err = c.await(ctx, id, waiting)
	c.unknown.record(n.id, cmp.Or(first, c.hello.History), err)
	return duplicate, err
}
