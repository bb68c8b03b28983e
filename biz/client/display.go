package client

import "slices"

// Display is what a view shows at one moment.
type Display struct {
	// Account has the cash of the newest push: what has settled since then still counts in its
	// UnsettledCash. All else is from the last snapshot or AccountUpdate.
	Account   Account
	Positions []Position // sorted by market and code
	// Orders are the working orders, sorted by id.
	Orders []OrderState
	// Executions are sorted newest first. One that was busted or corrected stays where it is,
	// marked as Busted.
	Executions  []Execution
	MarketValue Money
	// Sequence is the number of the last push received, or the snapshot's if no push
	// has arrived since.
	Sequence uint64
	// History is the history that Sequence belongs to.
	History HistoryID
	// Gaps and Doubles count SequenceBreaks.
	Gaps, Doubles uint64
}

// Find returns the position in an instrument.
func (d *Display) Find(key Key) (Position, bool) {
	return (&Snapshot{Positions: d.Positions}).Find(key)
}

// FindOrder returns a working order.
func (d *Display) FindOrder(id OrderID) (OrderState, bool) {
	at, found := slices.BinarySearchFunc(d.Orders, OrderState{ID: id}, byOrderID)
	if !found {
		return OrderState{}, false
	}
	return d.Orders[at], true
}

// FindExecution returns an execution that is shown.
func (d *Display) FindExecution(id ExecutionID) (Execution, bool) {
	at := slices.IndexFunc(d.Executions, func(x Execution) bool { return x.ID == id })
	if at < 0 {
		return Execution{}, false
	}
	return d.Executions[at], true
}

// Shows reports whether an execution is shown and not busted.
func (d *Display) Shows(id ExecutionID) bool {
	x, found := d.FindExecution(id)
	return found && !x.Busted
}
