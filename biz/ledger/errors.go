package ledger

import "errors"

var (
	// ErrDuplicate means that an earlier order had the same client order id; the event
	// returned with it is the one of that order. Nothing was changed.
	ErrDuplicate = errors.New("ledger: client order id was used before")
	// ErrExhausted means that the account has used its 4,294,967,295 execution
	// numbers. Nothing was changed.
	ErrExhausted = errors.New("ledger: no execution numbers left")
	// ErrBadHolding means that a starting position or the cash is outside the limits.
	ErrBadHolding = errors.New("ledger: starting state is not valid")
	// ErrWrongAccount means that an event belongs to another customer.
	ErrWrongAccount = errors.New("ledger: belongs to another account")
	// ErrGap means that an event passed to Replay is not the next one.
	ErrGap = errors.New("ledger: events are missing")
	// ErrMismatch means that a replayed event does not follow from the state, or that an
	// execution differs from the one in memory.
	ErrMismatch = errors.New("ledger: event does not follow from the state")
	// ErrMalformed means that bytes are not a valid event, state or number.
	ErrMalformed = errors.New("ledger: malformed")
	// ErrVersion means that this build can't read the format version.
	ErrVersion = errors.New("ledger: unknown format version")
)
