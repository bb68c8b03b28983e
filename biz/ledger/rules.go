package ledger

import "math/bits"

// Lots are the quantities that an order may have. The zero value allows all.
type Lots struct {
	// Minimum is the smallest quantity, Step what more must be a multiple of; 0 means 1.
	// Shares by the hundred have 100 and 100, at least 200 and then any number 200 and 1.
	Minimum Quantity
	Step    Quantity
}

// Allows reports whether an order may have this quantity. sellable is 0 for a buy; for a
// sell it is what could be sold: an odd remainder, which no buy could have, may be sold
// whole, alone or with a quantity that is allowed.
func (l Lots) Allows(q, sellable Quantity) bool {
	minimum, step := max(l.Minimum, 1), max(l.Step, 1)
	regular := func(q Quantity) bool { return q >= minimum && (q-minimum)%step == 0 }
	if regular(q) {
		return true
	}
	if sellable <= 0 || q <= 0 {
		return false
	}
	odd := sellable % step
	return q == sellable || q == odd || odd > 0 && regular(q-odd)
}

// rateUnit is what a Rate of 1 (100 %) counts.
const rateUnit = 100_000_000

// MaxRate is a rate of 100 %.
const MaxRate Rate = rateUnit

// Rate is a share of an amount in 1/100,000,000: 25,000 is 0.025 %.
type Rate int64

// of returns the rate of m, rounded half even, for 0 <= r <= MaxRate and m >= 0.
func (r Rate) of(m Money) Money {
	high, low := bits.Mul64(uint64(m), uint64(r))
	return Money(divide(high, low, rateUnit))
}

// Fees are what an execution costs.
type Fees struct {
	// Commission is a rate of the value. An order pays at least Minimum, with its first
	// execution.
	Commission Rate
	Minimum    Money
	// SellTax is a rate of the value of sells.
	SellTax Rate
	// PerShare is an amount for each share.
	PerShare Money
	// InCost adds the fees of a buy to the position's cost. Otherwise they are in no cost
	// and in no profit (Account.Fees).
	InCost bool
}

// of returns the fee of an execution. before is the value of the order's earlier executions.
// ok is false if the fee exceeds MaxMoney.
func (f *Fees) of(side Side, before, value Money, q Quantity) (fee Money, ok bool) {
	if f == nil {
		return 0, true
	}
	fee = f.commission(before+value) - f.commission(before)
	var tax Money
	if side == Sell {
		tax = f.SellTax.of(value)
	}
	high, low := bits.Mul64(uint64(q), uint64(f.PerShare))
	if high != 0 || low > uint64(MaxMoney) || fee > MaxMoney-tax || fee+tax > MaxMoney-Money(low) {
		return 0, false
	}
	return fee + tax + Money(low), true
}

func (f *Fees) commission(value Money) Money {
	if value == 0 {
		return 0
	}
	return max(f.Minimum, f.Commission.of(value))
}

// inCost reports whether the fees of buys are in the cost.
func (f *Fees) inCost() bool { return f != nil && f.InCost }

// freeze returns the cash to freeze for what is left of a buy: its value at the limit, or
// without one at reserve or the stop price, if that is higher, with the fees. ok is false beyond
// MaxMoney.
func (f *Fees) freeze(o *Order, reserve Price) (m Money, ok bool) {
	price := o.Price
	if price == 0 {
		price = max(reserve, o.Stop)
	}
	value, ok := Value(o.Leaves(), price)
	if !ok || o.FilledValue > MaxMoney-value {
		return 0, false
	}
	fee, ok := f.of(Buy, o.FilledValue, value, o.Leaves())
	if !ok || fee > MaxMoney-value {
		return 0, false
	}
	return value + fee, true
}
