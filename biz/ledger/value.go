package ledger

import (
	"math"
	"math/bits"
)

// total is a sum of amounts that are not negative, in 128 bits: as many positions as
// an account may have can be worth more than an int64 holds.
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

// money returns the sum, or the largest int64 where it is more.
func (t total) money() Money {
	if t.high > 0 || t.low > math.MaxInt64 {
		return math.MaxInt64
	}
	return Money(t.low)
}

// value is what the row is worth at the price it was last valued at.
func (r *row) value() Money { return worthOf(r.quantity, r.last) }

// MarketValue returns the sum of what all positions are worth, each at the price of
// its last Reprice, Revalue or fill, whichever was later. It stops at the largest int64.
// It costs the same for any number of positions.
//
// Prices are not part of the account's state: one that was restored is worth 0 until
// Revalue.
func (a *Account) MarketValue() Money { return a.value.money() }

// Reprice values the position in an instrument, if there is one, at a price.
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

// Revalue values all positions at the last prices and returns their sum, as
// MarketValue does.
func (a *Account) Revalue(prices Prices) Money {
	a.value = total{}
	for i := range a.rows {
		r := &a.rows[i]
		r.last = prices.Last(r.instrument)
		a.value.add(r.value())
	}
	return a.value.money()
}
