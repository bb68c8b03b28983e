package history

import (
	"errors"
	"fmt"
)

var (
	// ErrDamaged reports a file that is not a whole history: torn, altered, or
	// not made by this package. Remove it and project the journal again.
	ErrDamaged = errors.New("history: damaged file")

	// ErrForeign reports a database of another program, or ours with a damaged
	// header. It is an ErrDamaged too.
	ErrForeign = fmt.Errorf("%w: of another program", ErrDamaged)

	// ErrFull reports that the disk has no room. Nothing was changed; when there is
	// room again, the same will succeed.
	ErrFull = errors.New("history: disk full")

	// ErrDisk reports that the disk did not read, write or sync. What was to be
	// written may be there or not, never half of it.
	ErrDisk = errors.New("history: disk failed")

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
