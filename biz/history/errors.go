package history

import "errors"

var (
	// ErrDamaged reports a file that is not a whole history: torn, altered, or
	// not made by this package. Remove it and project the journal again.
	ErrDamaged = errors.New("history: damaged file")

	// ErrVersion reports a history of another schema version. Remove it and
	// project the journal again, or start the release that wrote it.
	ErrVersion = errors.New("history: other schema version")

	// ErrDuplicate reports an execution whose id is already in the history: the
	// projector has lost its place.
	ErrDuplicate = errors.New("history: execution exists")

	// ErrInvalid reports an execution that no ledger makes: neither buy nor
	// sell, or a quantity that is not positive.
	ErrInvalid = errors.New("history: invalid execution")

	// ErrUnknown reports a bust of an execution that is not in the history.
	ErrUnknown = errors.New("history: no such execution")

	// ErrOrder reports a batch number that does not follow the progress made.
	ErrOrder = errors.New("history: batch out of order")

	// ErrTooLarge reports a reason or a snapshot over its limit.
	ErrTooLarge = errors.New("history: too large")

	// ErrNoTransaction reports a write outside of Begin and Commit.
	ErrNoTransaction = errors.New("history: no transaction")

	// ErrClosed reports the use of a closed store.
	ErrClosed = errors.New("history: closed")
)
