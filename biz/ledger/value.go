package ledger

import (
	"math"
	"math/bits"
)

// total is a sum of non-negative amounts in 128 bits: the positions of an account together
// can be worth more than an int64 can hold.
type total struct{ high, low uint64 }

func (t *total) add(m Money) {
	var carry uint64
	t.low, carry = bits.Add64(t.low, uint64(m), 0)
	t.high += carry
}

func (t *total) sub(m Money) {
	var borrow uint64
	t.low, borrow = bits.Sub64(t.low, uint64(m), 0)
	t.high -= borrow
}

// money returns the sum, at most the largest int64.
func (t total) money() Money {
	if t.high > 0 || t.low > math.MaxInt64 {
		return math.MaxInt64
	}
	return Money(t.low)
}

// value returns quantity x price, which fits.
func (x *Execution) value() Money {
	m, _ := Value(x.Quantity, x.Price)
	return m
}

// value returns the market value of the row at its last price.
func (r *row) value() Money { return worthOf(r.quantity, r.last) }

// MarketValue returns the total market value of all positions, at most the largest int64.
// Each position has the price of its last Reprice, Revalue or fill, whichever was later.
// The cost of a call does not depend on the number of positions.
//
// Prices are not part of the account's state: the market value of a restored account is 0
// until Revalue.
func (a *Account) MarketValue() Money { return a.value.money() }

// Reprice sets the price of the position in an instrument, if there is one.
func (a *Account) Reprice(id InstrumentID, last Price) {
	at, held := find(a.rows, id)
	if !held || a.rows[at].last == last {
		return
	}
	r := &a.rows[at]
	a.value.sub(r.value())
	r.last = last
	a.value.add(r.value())
}

// Revalue sets the prices of all positions and returns the MarketValue.
func (a *Account) Revalue(prices Prices) Money {
	a.value = total{}
	for i := range a.rows {
		r := &a.rows[i]
		r.last = prices.Last(r.instrument)
		a.value.add(r.value())
	}
	return a.value.money()
}
