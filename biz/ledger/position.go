package ledger

// Position is what an account holds of one instrument.
type Position struct {
	Instrument InstrumentID
	Quantity   Quantity
	// Cost is the purchase cost of the shares held.
	Cost Money
	// Realised is the profit of the sells since the position opened.
	Realised Money
}

// Holding is a position to start an account with.
type Holding struct {
	Instrument InstrumentID
	Quantity   Quantity
	Cost       Money
}

// Prices returns the last price of an instrument, or 0 if it has no price.
type Prices interface {
	Last(InstrumentID) Price
}

// AverageCost returns the cost per share, rounded half even; 0 without shares.
func (p *Position) AverageCost() Price {
	if p.Quantity <= 0 {
		return 0
	}
	return Price(divide(0, uint64(p.Cost), uint64(p.Quantity)))
}

// MarketValue returns quantity x last, at most MaxMoney.
func (p *Position) MarketValue(last Price) Money { return worthOf(p.Quantity, last) }

func worthOf(q Quantity, last Price) Money {
	if v, ok := Value(q, max(last, 0)); ok {
		return v
	}
	return MaxMoney
}

// UnrealisedProfit returns the market value minus the cost.
func (p *Position) UnrealisedProfit(last Price) Money { return p.MarketValue(last) - p.Cost }

// row is a position as an account stores it, sorted by instrument.
type row struct {
	instrument InstrumentID
	since      uint32 // number of the first execution that counts in realised
	quantity   Quantity
	frozen     Quantity // sum of what is left of working sells
	cost       Money
	realised   Money
	last       Price // price used in the account's market value; not part of the state
}

func (r *row) position() Position {
	return Position{Instrument: r.instrument, Quantity: r.quantity, Cost: r.cost, Realised: r.realised}
}

// find returns the index of the instrument's row, or where to insert it.
func find(rows []row, id InstrumentID) (at int, held bool) {
	low, high := 0, len(rows)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if rows[mid].instrument < id {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(rows) && rows[low].instrument == id
}
