package trading

import "errors"

var (
	// ErrForeignData means that the data folder was filled from another seed.
	ErrForeignData = errors.New("trading: the data folder belongs to another seed file; use that one, or another folder")
	// ErrHistoryAhead means that the history knows of batches that the journal
	// lacks: its end was lost.
	ErrHistoryAhead = errors.New("trading: the history is ahead of the journal, whose end is missing; restore the journal")
	// ErrDiskLow means that orders are refused because the disk is nearly full.
	ErrDiskLow = errors.New("trading: " + diskLow)
	// errHistoryDamaged means that what is not in memory can't be read.
	errHistoryDamaged = errors.New("the history is damaged; it is made again when the server starts next")
	// errCatchingUp means that the history is too far behind for a query.
	errCatchingUp = errors.New("the history is catching up; ask again in a moment")
)
