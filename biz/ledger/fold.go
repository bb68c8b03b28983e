package ledger

import (
	"cmp"
	"slices"
)

// Fold is a position as computed from executions alone.
type Fold struct {
	Quantity Quantity
	Cost     Money
	Realised Money // since the position opened
	// Short are the sells that would have sold more than was held, in their order. They do
	// not count in the fold.
	Short []ExecutionID
}

// Refold computes the position that executions of one instrument make of a start, one after
// the other in the order of their places. It sorts executions and sets the Cost of sells. The
// average cost moves as in Account.Place. ok is false if an amount exceeds its limit.
func Refold(start Holding, executions []Execution) (f Fold, ok bool) {
	slices.SortFunc(executions, func(x, y Execution) int { return cmp.Compare(x.FoldPlace(), y.FoldPlace()) })
	f.Quantity, f.Cost = start.Quantity, start.Cost
	for i := range executions {
		x := &executions[i]
		value, fits := Value(x.Quantity, x.Price)
		if !fits {
			return f, false
		}
		if x.Side == Buy {
			f.buy(x, value)
		} else {
			f.sell(x, value)
		}
		if f.exceeds() {
			return f, false
		}
	}
	return f, true
}

// exceeds reports whether an amount exceeds its limit.
func (f *Fold) exceeds() bool {
	return f.Quantity > MaxQuantity || f.Cost > MaxMoney || !withinMoney(f.Realised)
}

func (f *Fold) buy(x *Execution, value Money) {
	if f.Quantity == 0 { // a new position
		f.Realised = 0
	}
	f.Quantity += x.Quantity
	f.Cost += value
	if x.FeeInCost {
		f.Cost += x.Fee
	}
}

func (f *Fold) sell(x *Execution, value Money) {
	var cost Money
	switch {
	case f.Quantity < x.Quantity:
		f.Short = append(f.Short, x.ID)
		return
	case f.Quantity == x.Quantity:
		cost = f.Cost
	default:
		cost = share(f.Cost, x.Quantity, f.Quantity)
	}
	x.Cost = cost
	f.Quantity -= x.Quantity
	f.Cost -= cost
	f.Realised += value - cost - x.Fee
}

// Since returns how many of the newest executions a fold needs that changes the one with the
// number from: back to where the position was last opened at or before it. executions are
// unbusted ones of one instrument in the order of their places, oldest first, and end with
// the newest; held is what is held now. complete is false if the position was open before
// the first of them: then the fold needs older ones, or starts with what the account was
// opened with.
func Since(executions []Execution, from uint32, held Quantity) (n int, complete bool) {
	for i := len(executions) - 1; i >= 0; i-- {
		x := &executions[i]
		if x.Side == Buy {
			held -= x.Quantity
		} else {
			held += x.Quantity
		}
		if held == 0 && x.FoldPlace() <= from {
			return len(executions) - i, true
		}
	}
	return len(executions), false
}
