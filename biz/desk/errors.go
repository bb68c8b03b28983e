package desk

import "errors"

var (
	// ErrForeignData means that the seed file lacks or changes something on which the
	// events in the data folder depend.
	ErrForeignData = errors.New("desk: the seed file does not fit the data folder")
	// ErrNeedsRestart means that a seed file has changes that only a start can make.
	ErrNeedsRestart = errors.New("desk: the seed file has a change that needs a restart of the server")
	// ErrWithdrawn means that the seed file lacks the customer since a reload.
	ErrWithdrawn = errors.New("desk: the customer was withdrawn")
	// ErrHistoryAhead means that the history has batches that the journal lacks: the end of
	// the journal was lost, or the history is that of another journal.
	ErrHistoryAhead = errors.New("desk: the history is ahead of the journal; if the end of the journal is missing, restore it; if history.db is from another data folder, remove it")
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
