package history

import "errors"

var (
	// ErrDamaged means that the file is incomplete, altered, or not a history. Remove
	// it and project the journal again.
	ErrDamaged = errors.New("history: damaged file")

	// ErrFull means that the disk is full. Nothing was changed; the same call succeeds
	// once there is space.
	ErrFull = errors.New("history: disk full; free some space")

	// ErrDisk means that a read, write or sync failed. A transaction may be written or
	// not, but never in part.
	ErrDisk = errors.New("history: read, write or sync failed; check the disk")

	// ErrLocked means that another program holds a lock on the file. The same call succeeds once
	// it has closed the file.
	ErrLocked = errors.New("history: another program has locked the file; end its transaction or close it there")

	// ErrGone means that another program removed, moved or replaced the open file. The next
	// Open would not find what is written to it. Recreate it, and project the journal again.
	ErrGone = errors.New("history: the file was removed, moved or replaced")

	// ErrForeign means that the history was made from another journal. Remove it and project
	// the journal again.
	ErrForeign = errors.New("history: made from another journal")

	// ErrVersion means that the file has another schema version. Remove it and project
	// the journal again, or start the release that wrote it.
	ErrVersion = errors.New("history: other schema version")

	// ErrDuplicate means that the customer has an execution with this id, or a newer one: the
	// projector has projected a batch twice.
	ErrDuplicate = errors.New("history: execution already exists")

	// ErrInvalid means that an execution or order is neither a buy nor a sell, that the
	// quantity of an execution is not positive, or that of an order negative.
	ErrInvalid = errors.New("history: invalid execution or order")

	// ErrUnknown means that an execution to bust, or one that corrects it, is not in the
	// history.
	ErrUnknown = errors.New("history: no such execution")

	// ErrOrder means that a batch number is not above the progress.
	ErrOrder = errors.New("history: batch out of order")

	// ErrTooLarge means that a reason exceeds its limit.
	ErrTooLarge = errors.New("history: too large")

	// ErrNoTransaction means that a write came without Begin.
	ErrNoTransaction = errors.New("history: no transaction")

	// ErrClosed means that the store is closed.
	ErrClosed = errors.New("history: closed")
)
