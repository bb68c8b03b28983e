package ledger

import "fmt"

// OrderType says at which prices an order may be executed. The numbers are those of the
// protocol.
type OrderType uint8

// The types of order.
const (
	Market    OrderType = 1 // at any price
	Limit     OrderType = 2 // at its price or a better one
	Stop      OrderType = 3 // a market order once the last price has reached its stop price
	StopLimit OrderType = 4 // a limit order once the last price has reached its stop price
)

// HasLimit reports whether orders of this type have a limit price.
func (t OrderType) HasLimit() bool { return t == Limit || t == StopLimit }

// HasStop reports whether orders of this type have a stop price.
func (t OrderType) HasStop() bool { return t == Stop || t == StopLimit }

// TimeInForce says how long an order works. The numbers are those of the protocol.
type TimeInForce uint8

// The times in force.
const (
	Day               TimeInForce = 1 // until the close of the trading day
	GoodTillCancelled TimeInForce = 2
	GoodTillDate      TimeInForce = 3
	ImmediateOrCancel TimeInForce = 4 // what can't be executed at once is cancelled
	FillOrKill        TimeInForce = 5 // all of it at once, or nothing
)

// Rests reports whether such an order may wait for a later price.
func (f TimeInForce) Rests() bool { return f <= GoodTillDate }

// OrderStatus is the state of an order. The numbers are those of the protocol.
type OrderStatus uint8

// The states of an order.
const (
	Filled          OrderStatus = 1
	New             OrderStatus = 2
	PartiallyFilled OrderStatus = 3
	Cancelled       OrderStatus = 4
	Expired         OrderStatus = 5
)

// Cause says why an order is in its state, where the state itself does not. The numbers are
// those of the protocol.
type Cause uint8

// The causes.
const (
	ByClient            Cause = 1  // cancelled or replaced by a client
	ByOperator          Cause = 2  // cancelled by an operator or a script
	ByImmediateOrCancel Cause = 3  // the rest could not be executed at once
	ByFillOrKill        Cause = 4  // not all of it could be executed at once
	ByLiquidity         Cause = 5  // nothing was left inside the price band
	ByCash              Cause = 6  // there was no longer enough cash
	ByShares            Cause = 7  // a bust or correction took the shares
	ByBust              Cause = 8  // an execution was busted
	ByCorrection        Cause = 9  // an execution was corrected
	ByReset             Cause = 10 // the account was reset
	ByClose             Cause = 11 // expired at the close of the trading day
	ByDate              Cause = 12 // expired at its date
	ByStopPrice         Cause = 13 // the stop price was reached
	ByLimits            Cause = 14 // an execution would have exceeded a limit of the account
)

// Order is an order and how far it has come.
type Order struct {
	ID            OrderID
	ClientOrderID ClientOrderID
	Instrument    InstrumentID
	Side          Side
	Type          OrderType
	TimeInForce   TimeInForce
	Status        OrderStatus
	// Triggered means that a stop order has become a market or limit order.
	Triggered bool
	// Held means that the market leaves the order alone: it rests, whatever its type, and only
	// an operator fills it.
	Held     bool
	Quantity Quantity
	Filled   Quantity
	// FilledValue is the sum of quantity x price of the executions.
	FilledValue Money
	// Price is the limit, Stop the stop price; 0 if the type has none.
	Price Price
	Stop  Price
	// Frozen is the cash that is frozen for what is left of a buy.
	Frozen Money
	// Time is when the order was accepted, Expires when it expires (0: never), in
	// nanoseconds since the Unix epoch.
	Time    int64
	Expires int64
	// Priority is its place among the orders of the instrument at the same price; smaller
	// is earlier.
	Priority uint64
}

// Working reports whether the order can still be executed.
func (o *Order) Working() bool { return o.Status == New || o.Status == PartiallyFilled }

// Leaves returns how much is left to execute: 0 unless the order works.
func (o *Order) Leaves() Quantity {
	if !o.Working() {
		return 0
	}
	return o.Quantity - o.Filled
}

// AveragePrice returns the average price of the executions, rounded half even; 0 without
// executions.
func (o *Order) AveragePrice() Price {
	if o.Filled <= 0 {
		return 0
	}
	return Price(divide(0, uint64(o.FilledValue), uint64(o.Filled)))
}

// freezesShares returns how many shares are frozen for the order.
func (o *Order) freezesShares() Quantity {
	if o.Side != Sell {
		return 0
	}
	return o.Leaves()
}

// rests reports whether what is left of a working order may wait.
func (o *Order) rests() bool {
	return o.Held || o.TimeInForce.Rests() && (o.Type.HasLimit() || o.waitsForStop())
}

// waitsForStop reports whether a stop order still waits for its stop price.
func (o *Order) waitsForStop() bool { return o.Type.HasStop() && !o.Triggered }

// valid reports whether the enumerations have values of this version.
func (o *Order) valid() bool {
	return (o.Side == Buy || o.Side == Sell) && o.Type >= Market && o.Type <= StopLimit &&
		o.TimeInForce >= Day && o.TimeInForce <= FillOrKill && o.Status >= Filled && o.Status <= Expired
}

// consistent reports whether the fields are valid and agree with each other.
func (o *Order) consistent() bool {
	status := *o
	if status.updateStatus(); o.Status == Cancelled || o.Status == Expired {
		status.Status = o.Status
	}
	return o.valid() && status.Status == o.Status && o.Quantity > 0 && o.Quantity <= MaxQuantity &&
		o.Filled >= 0 && o.Filled <= o.Quantity && o.FilledValue >= 0 && o.FilledValue <= MaxMoney &&
		o.Price >= 0 && o.Price <= MaxPrice && o.Stop >= 0 && o.Stop <= MaxPrice &&
		o.Frozen >= 0 && o.Frozen <= MaxMoney && (o.Frozen == 0 || o.Side == Buy && o.Working())
}

// updateStatus sets the status of a working order by its quantities.
func (o *Order) updateStatus() {
	switch {
	case o.Filled >= o.Quantity:
		o.Status = Filled
	case o.Filled > 0:
		o.Status = PartiallyFilled
	default:
		o.Status = New
	}
}

// SimpleOrder returns the order of an execution that was a market order and is wholly filled
// by it.
func SimpleOrder(x *Execution) Order {
	value, _ := Value(x.Quantity, x.Price) // of an execution it fits
	return Order{
		ID: x.Order, ClientOrderID: x.ClientOrderID, Instrument: x.Instrument, Side: x.Side,
		Type: Market, TimeInForce: Day, Status: Filled,
		Quantity: x.Quantity, Filled: x.Quantity, FilledValue: value, Time: x.Time,
	}
}

// NewOrder is the command to place an order.
type NewOrder struct {
	ClientOrderID ClientOrderID
	Side          Side
	Type          OrderType
	TimeInForce   TimeInForce
	Instrument    InstrumentID
	Quantity      Quantity
	Price         Price // the limit; 0 without one
	Stop          Price // the stop price; 0 without one
	Expires       int64 // when the order expires; 0: never
	// Held makes the order wait for an operator.
	Held  bool
	Terms Terms
}

// Terms are the time of a command and the rules of the instrument's market for it. The caller
// looks them up.
type Terms struct {
	// Time is in nanoseconds since the Unix epoch.
	Time int64
	Lots Lots
	Fees *Fees // nil: no fees
	// SharesFrom is when the shares of a buy can be sold, CashFrom when the proceeds of a
	// sell can be spent, in nanoseconds since the Unix epoch; 0: at once.
	SharesFrom int64
	CashFrom   int64
	// Reserve is the price per share at which cash is frozen for a buy that waits and has no
	// limit, or its stop price, if that is higher.
	Reserve Price
	// Priority is Order.Priority of the order if it rests.
	Priority uint64
}

// Offer is what an order can be executed with: a part of it at a price.
type Offer struct {
	Quantity Quantity
	Price    Price
}

// check refuses an order that is wrong for every account.
func (o *NewOrder) check() error {
	switch {
	case o.Side != Buy && o.Side != Sell:
		return ErrBadSide
	case o.Type < Market || o.Type > StopLimit:
		return ErrBadOrderType
	case o.TimeInForce < Day || o.TimeInForce > FillOrKill, o.Type.HasStop() && !o.TimeInForce.Rests(),
		o.Type == Market && (o.TimeInForce == GoodTillCancelled || o.TimeInForce == GoodTillDate): // it never rests
		return ErrBadTimeInForce
	case o.Quantity <= 0:
		return ErrBadQuantity
	case o.Quantity > MaxQuantity:
		return fmt.Errorf("%w: %d asked, at most %d", ErrTooLarge, o.Quantity, MaxQuantity)
	case o.Price > MaxPrice || o.Stop > MaxPrice:
		return fmt.Errorf("%w: price %s, at most %s", ErrTooLarge, max(o.Price, o.Stop), MaxPrice)
	case o.Type.HasLimit() != (o.Price != 0) || o.Price < 0, o.Type.HasStop() != (o.Stop != 0) || o.Stop < 0:
		return ErrBadPrice
	case o.TimeInForce == GoodTillDate && o.Expires <= o.Terms.Time:
		return fmt.Errorf("%w: it must be in the future", ErrBadExpiry)
	}
	return nil
}
