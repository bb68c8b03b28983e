package client

import (
	"strings"
	"time"

	"holdfast/codec/pb"
)

// Side is buy or sell.
type Side int32

// The sides; the numbers are those of the protocol.
const (
	Buy  Side = 1
	Sell Side = 2
)

// String returns "buy" or "sell".
func (s Side) String() string {
	switch s {
	case Buy:
		return "buy"
	case Sell:
		return "sell"
	}
	return "?"
}

// Change says how a position changed.
type Change int32

// The changes; the numbers are those of the protocol.
const (
	Opened    Change = 1
	Closed    Change = 2
	Increased Change = 3
	Decreased Change = 4
	Repriced  Change = 5
)

// String returns the change in lower case: "opened".
func (c Change) String() string {
	if name, found := pb.Change_name[int32(c)]; found && c != 0 {
		return strings.ToLower(strings.TrimPrefix(name, "CHANGE_"))
	}
	return "?"
}

// Execution is one trade of an account.
type Execution struct {
	ID            ExecutionID
	Order         OrderID
	Customer      Customer
	ClientOrderID string
	Side          Side
	Key           Key
	Quantity      Quantity
	Price         Price
	Time          time.Time
	// Busted is true if the execution was busted or corrected; BustReason says why.
	Busted     bool
	BustReason string
	Fee        Money
	// Corrects is the execution that this one replaces, CorrectedBy the one that replaces it;
	// 0: none.
	Corrects, CorrectedBy ExecutionID
}

// Value returns quantity x price.
func (x Execution) Value() Money { return Value(x.Quantity, x.Price) }

func executionOf(m *pb.Execution) Execution {
	return Execution{
		ID: ExecutionID(m.GetExecutionId()), Order: OrderID(m.GetOrderId()), Customer: Customer(m.GetCustomer()),
		ClientOrderID: m.GetClientOrderId(), Side: Side(m.GetSide()), Key: Key{m.GetMarket(), m.GetCode()},
		Quantity: Quantity(m.GetQuantity()), Price: Price(m.GetPrice()), Time: time.Unix(0, m.GetTime()),
		Busted: m.GetBusted(), BustReason: m.GetBustReason(), Fee: Money(m.GetFee()),
		Corrects: ExecutionID(m.GetCorrects()), CorrectedBy: ExecutionID(m.GetCorrectedBy()),
	}
}

func executionsOf(list []*pb.Execution) []Execution {
	out := make([]Execution, 0, len(list))
	for _, m := range list {
		out = append(out, executionOf(m))
	}
	return out
}
