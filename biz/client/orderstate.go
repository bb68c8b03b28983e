package client

import (
	"cmp"
	"strings"
	"time"

	"holdfast/codec/pb"
)

// OrderType says when an order is executed, and at what price. The numbers are those of the
// protocol; 0 means TypeLimit for an order with a price, and TypeMarket without one.
type OrderType int32

// The types of orders.
const (
	TypeMarket OrderType = 1
	TypeLimit  OrderType = 2
	// TypeStop is a market order once the last price has reached Stop.
	TypeStop OrderType = 3
	// TypeStopLimit is a limit order once the last price has reached Stop.
	TypeStopLimit OrderType = 4
)

// String returns the type in lower case: "stop limit".
func (t OrderType) String() string { return inWords(pb.OrderType_name, int32(t), "ORDER_TYPE_") }

// TimeInForce says how long an order works. The numbers are those of the protocol; 0 means
// Day.
type TimeInForce int32

// The times in force.
const (
	// Day orders expire at the close of the trading day.
	Day               TimeInForce = 1
	GoodTillCancelled TimeInForce = 2
	// GoodTillDate orders expire at their Expires.
	GoodTillDate TimeInForce = 3
	// ImmediateOrCancel: what can't be executed at once is cancelled.
	ImmediateOrCancel TimeInForce = 4
	// FillOrKill: all of the order is executed at once, or nothing.
	FillOrKill TimeInForce = 5
)

// String returns the time in force in lower case: "good till cancelled".
func (t TimeInForce) String() string {
	return inWords(pb.TimeInForce_name, int32(t), "TIME_IN_FORCE_")
}

// OrderStatus is how far an order is. The numbers are those of the protocol.
type OrderStatus int32

// The states of orders. An order that is refused has no state: the error says why.
const (
	StatusFilled          OrderStatus = 1
	StatusNew             OrderStatus = 2
	StatusPartiallyFilled OrderStatus = 3
	StatusCancelled       OrderStatus = 4
	StatusExpired         OrderStatus = 5
)

// String returns the status in lower case: "partially filled".
func (s OrderStatus) String() string { return inWords(pb.OrderStatus_name, int32(s), "ORDER_STATUS_") }

// Working reports whether an order with this status can still be executed.
func (s OrderStatus) Working() bool { return s == StatusNew || s == StatusPartiallyFilled }

// OrderCause says why an order has changed, where its status does not say it. The numbers are
// those of the protocol; 0 means that there is nothing to add.
type OrderCause int32

// The causes.
const (
	// CauseClient: a client has cancelled or replaced the order.
	CauseClient OrderCause = 1
	// CauseOperator: an operator or a script has cancelled it.
	CauseOperator OrderCause = 2
	// CauseImmediateOrCancel: the rest could not be executed at once.
	CauseImmediateOrCancel OrderCause = 3
	// CauseFillOrKill: not all of it could be executed at once.
	CauseFillOrKill OrderCause = 4
	// CauseLiquidity: a market order found nothing more inside the price band.
	CauseLiquidity OrderCause = 5
	// CauseCash: there was no longer enough cash.
	CauseCash OrderCause = 6
	// CauseShares: a bust or a correction has taken the shares.
	CauseShares OrderCause = 7
	// CauseBust: one of its executions was busted.
	CauseBust OrderCause = 8
	// CauseCorrection: one of its executions was corrected.
	CauseCorrection OrderCause = 9
	// CauseReset: the account was reset.
	CauseReset OrderCause = 10
	// CauseClose: it has expired at the close of the trading day.
	CauseClose OrderCause = 11
	// CauseDate: it has expired at its date.
	CauseDate OrderCause = 12
	// CauseStopPrice: its stop price was reached.
	CauseStopPrice OrderCause = 13
	// CauseLimits: an execution would have exceeded a limit of the account.
	CauseLimits OrderCause = 14
)

// String returns the protocol's name of the cause: "STOP_PRICE".
func (c OrderCause) String() string {
	return strings.TrimPrefix(pb.OrderCause(c).String(), "ORDER_CAUSE_")
}

// Text returns the cause in words, as a program shows it; "" if there is nothing to say, or
// if it is the cause of a newer server.
func (c OrderCause) Text() string {
	return map[OrderCause]string{
		CauseClient:            "at the request of a client",
		CauseOperator:          "by an operator",
		CauseImmediateOrCancel: "the rest could not be executed at once",
		CauseFillOrKill:        "not all of it could be executed at once",
		CauseLiquidity:         "no more shares inside the price band",
		CauseCash:              "not enough cash any more",
		CauseShares:            "a bust or a correction has taken the shares",
		CauseBust:              "an execution was busted",
		CauseCorrection:        "an execution was corrected",
		CauseReset:             "the account was reset",
		CauseClose:             "the trading day has closed",
		CauseDate:              "its date has come",
		CauseStopPrice:         "its stop price was reached",
		CauseLimits:            "an execution would have exceeded a limit of the account",
	}[c]
}

// inWords returns the protocol's name of a value in lower case with spaces, or "?".
func inWords(names map[int32]string, value int32, prefix string) string {
	name, found := names[value]
	if !found || value == 0 {
		return "?"
	}
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", " "))
}

// OrderState is an order that a server has accepted, as it is at one moment.
type OrderState struct {
	ID            OrderID
	ClientOrderID string
	Customer      Customer
	Side          Side
	Key           Key
	Type          OrderType
	TimeInForce   TimeInForce
	Quantity      Quantity
	// Price is the limit; 0 without one.
	Price Price
	// Stop is the price that makes a stop order a market or a limit order; 0 without one.
	Stop   Price
	Status OrderStatus
	Filled Quantity
	// Leaves is what is left to execute; 0 unless the order works.
	Leaves Quantity
	// AveragePrice is that of the executions; 0 without any.
	AveragePrice Price
	// Time is when it was accepted.
	Time time.Time
	// Expires is when it expires; zero: never.
	Expires time.Time
	// Triggered is true for a stop order whose stop price was reached.
	Triggered bool
	// Cause is that of the last change.
	Cause OrderCause
}

// Working reports whether the order can still be executed.
func (o OrderState) Working() bool { return o.Status.Working() }

func byOrderID(x, y OrderState) int { return cmp.Compare(x.ID, y.ID) }

func orderOf(m *pb.Order) OrderState {
	return OrderState{
		ID: OrderID(m.GetOrderId()), ClientOrderID: m.GetClientOrderId(), Customer: Customer(m.GetCustomer()),
		Side: Side(m.GetSide()), Key: Key{m.GetMarket(), m.GetCode()},
		Type: OrderType(m.GetType()), TimeInForce: TimeInForce(m.GetTimeInForce()),
		Quantity: Quantity(m.GetQuantity()), Price: Price(m.GetPrice()), Stop: Price(m.GetStopPrice()),
		Status: OrderStatus(m.GetStatus()), Filled: Quantity(m.GetFilled()), Leaves: Quantity(m.GetLeaves()),
		AveragePrice: Price(m.GetAveragePrice()), Time: timeOf(m.GetTime()), Expires: timeOf(m.GetExpires()),
		Triggered: m.GetTriggered(), Cause: OrderCause(m.GetCause()),
	}
}

// timeOf returns a time of the protocol; the zero time for 0.
func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
