package client

import "slices"

// Display is what a view shows at one moment.
type Display struct {
	Account   Account    // Cash and Realised are those of the last snapshot
	Positions []Position // sorted by market and code
	// Executions shown, newest first; busted ones have been taken back.
	Executions  []Execution
	MarketValue Money
	// Sequence is the number of the last push seen, or of the snapshot where none
	// came since.
	Sequence uint64
	// Gaps and Doubles count SequenceBreaks.
	Gaps, Doubles uint64
}

// Find returns the position in an instrument.
func (d *Display) Find(key Key) (Position, bool) {
	return (&Snapshot{Positions: d.Positions}).Find(key)
}

// Shows tells whether an execution is on show.
func (d *Display) Shows(id ExecutionID) bool {
	return slices.ContainsFunc(d.Executions, func(x Execution) bool { return x.ID == id })
}
