package trading

import "errors"

var (
	// ErrForeignData means that the data folder was filled from another seed.
	ErrForeignData = errors.New("trading: the data folder belongs to another seed file; use that one, or another folder")
	// ErrHistoryAhead means that the history knows of batches that the journal
	// lacks: its end was lost.
	ErrHistoryAhead = errors.New("trading: the history is ahead of the journal, whose end is missing; restore the journal")
	// errCatchingUp means that the history is too far behind for a query.
	errCatchingUp = errors.New("the history is catching up; ask again in a moment")
)
