package desk

import "errors"

var (
	// ErrForeignData means that the seed file lacks or changes something on which the
	// events in the data folder depend.
	ErrForeignData = errors.New("desk: the seed file does not fit the data folder")
	// ErrBookChanged means that another node of the cluster has added instruments or customers, or
	// the history a new identity, while this one was following. Call New again.
	ErrBookChanged = errors.New("desk: instruments or customers were added to the journal by another node; start again")
	// ErrNeedsRestart means that a seed file has changes that only a start can make.
	ErrNeedsRestart = errors.New("desk: the seed file has a change that needs a restart of the server")
	// ErrWithdrawn means that the seed file lacks the customer since a reload.
	ErrWithdrawn = errors.New("desk: the customer was withdrawn")
	// ErrHistoryAhead means that the history has batches that the journal lacks: the end of
	// the journal was lost, or the history is that of another journal.
	ErrHistoryAhead = errors.New("desk: the history is ahead of the journal; if the end of the journal is missing, restore it; if the history is that of another data folder, remove history.db, or correct history_url")
	// ErrHistoryLacks means that the history lacks batches that were trimmed from the journal.
	ErrHistoryLacks = errors.New("desk: the history lacks batches that were trimmed from the journal; restore the history from a backup, set history_url if it is in another database, or use another data folder")
	// ErrNoCheckpoint means that the journal was trimmed and there is no usable checkpoint.
	ErrNoCheckpoint = errors.New("desk: the start of the journal was trimmed, and there is no usable checkpoint to start from; restore the data folder from a backup, or use another one")
	// ErrCheckpoint means that a checkpoint can't be used. An older one or the entire journal
	// may do instead.
	ErrCheckpoint = errors.New("desk: the checkpoint can't be used")
	// ErrForeignCheckpoint means that the checkpoint is of another journal, or of a later state
	// of this one. Both files are in order: one of them is in the wrong folder.
	ErrForeignCheckpoint = errors.New("desk: the checkpoint does not fit the journal; if the journal's end is missing, restore it; if the checkpoint is from another data folder or newer than a restored journal, remove it")
	// ErrOverloaded means that too much waits for the disk. The command had no effect.
	ErrOverloaded = errors.New("desk: too much waits for the disk")
	// ErrUnavailable means that nothing can be made durable any more. The command had no
	// effect.
	ErrUnavailable = errors.New("desk: nothing can be made durable any more")
	// ErrDiskLow means that orders and busts are refused because the disk is nearly
	// full. The command had no effect.
	ErrDiskLow = errors.New("desk: the disk is nearly full")
	// ErrHistoryDamaged means that executions that are not in memory can't be read.
	ErrHistoryDamaged = errors.New("desk: the history is damaged")
	// ErrCatchingUp means that the history is too far behind for a query.
	ErrCatchingUp = errors.New("desk: the history is catching up")
)
