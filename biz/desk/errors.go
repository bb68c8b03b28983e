package desk

import "errors"

var (
	// ErrForeignData means that the data folder was made with another seed.
	ErrForeignData = errors.New("desk: the data folder belongs to another seed file; use that seed file or another folder")
	// ErrHistoryAhead means that the history has batches that the journal lacks: the end
	// of the journal was lost.
	ErrHistoryAhead = errors.New("desk: the end of the journal is missing, because the history is ahead of it; restore the journal")
	// ErrOverloaded means that too much waits for the disk. The command had no effect.
	ErrOverloaded = errors.New("desk: too much waits for the disk")
	// ErrUnavailable means that nothing can be made durable any more. The command had no
	// effect.
	ErrUnavailable = errors.New("desk: nothing can be made durable any more")
	// ErrDiskLow means that orders and busts are refused because the disk is nearly
	// full. The command had no effect.
	ErrDiskLow = errors.New("desk: the disk is nearly full")
	// ErrHistoryDamaged means that executions that are not in memory can't be read.
	ErrHistoryDamaged = errors.New("desk: the history is damaged; the next start rebuilds it")
	// ErrCatchingUp means that the history is too far behind for a query.
	ErrCatchingUp = errors.New("desk: the history is catching up")
)
