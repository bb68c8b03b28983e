package desk

import "errors"

var (
	// ErrForeignData means that the data folder was filled from another seed.
	ErrForeignData = errors.New("desk: the data folder belongs to another seed file; use that one, or another folder")
	// ErrHistoryAhead means that the history knows of batches that the journal
	// lacks: its end was lost.
	ErrHistoryAhead = errors.New("desk: the history is ahead of the journal, whose end is missing; restore the journal")
	// ErrOverloaded means that too much waits for the disk already; nothing was done.
	ErrOverloaded = errors.New("desk: too much waits for the disk")
	// ErrUnavailable means that nothing can be made durable any more; nothing was done.
	ErrUnavailable = errors.New("desk: nothing can be made durable any more")
	// ErrDiskLow means that orders and busts are refused because the disk is nearly
	// full; nothing was done.
	ErrDiskLow = errors.New("desk: the disk is nearly full")
	// ErrHistoryDamaged means that what is not in memory can't be read.
	ErrHistoryDamaged = errors.New("desk: the history is damaged; the next start makes it again")
	// ErrCatchingUp means that the history is too far behind for a query.
	ErrCatchingUp = errors.New("desk: the history is catching up")
)
