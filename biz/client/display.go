package client

import "slices"

// Display is what a view shows at one moment.
type Display struct {
	Account   Account    // Cash and Realised are from the last snapshot
	Positions []Position // sorted by market and code
	// Executions are sorted newest first. Busted executions are not shown.
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

// Shows reports whether an execution is shown.
func (d *Display) Shows(id ExecutionID) bool {
	return slices.ContainsFunc(d.Executions, func(x Execution) bool { return x.ID == id })
}
