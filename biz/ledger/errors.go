package ledger

import "errors"

var (
	// ErrDuplicate goes with the event of the first order that had the same
	// client order id. Nothing was changed.
	ErrDuplicate = errors.New("ledger: client order id was used before")
	// ErrExhausted means that the account has used its 4,294,967,295 execution
	// numbers. Nothing was changed.
	ErrExhausted = errors.New("ledger: no execution numbers left")
	// ErrBadReason means a bust reason over MaxReason bytes or not UTF-8.
	ErrBadReason = errors.New("ledger: bust reason must be at most 120 bytes of UTF-8")
	// ErrBadHolding means a starting position or cash outside the limits.
	ErrBadHolding = errors.New("ledger: starting state is not valid")
	// ErrWrongAccount means an event or execution of another customer.
	ErrWrongAccount = errors.New("ledger: belongs to another account")
	// ErrGap means that Replay was given an event beyond the next one.
	ErrGap = errors.New("ledger: events are missing")
	// ErrMismatch means that an event read back does not follow from the state
	// it is replayed on, or that an execution differs from the one in memory.
	ErrMismatch = errors.New("ledger: event does not follow from the state")
	// ErrMalformed means bytes that are no event, state, id or number.
	ErrMalformed = errors.New("ledger: malformed")
	// ErrVersion means bytes of a format version that this build can't read.
	ErrVersion = errors.New("ledger: unknown format version")
)
