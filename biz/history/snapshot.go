package history

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// A transaction of snapshots has at most this many accounts and bytes (or one account, if
// that is larger), so that the projector waits only briefly.
const (
	maxStates     = 1024
	maxStateBytes = 4 << 20
)

// SaveSnapshot stores the states that iterate yields, replacing older states of the same
// accounts, and then replayFrom: the first journal batch that may have an event which a
// stored state lacks. Newer states are allowed, since replay skips events that an account
// already has. A state must have only events that are durable in the journal; otherwise
// it is ahead of the journal after a crash.
//
// The states are written in transactions of limited size, and replayFrom last. If
// SaveSnapshot stops in between, the former replayFrom remains with states that are at
// least as new, which is still a valid snapshot. yield does not retain state; an error of
// iterate ends SaveSnapshot. Do not call it within a transaction of the same goroutine.
func (s *Store) SaveSnapshot(ctx context.Context, replayFrom uint64, iterate func(yield func(customer uint32, state []byte) error) error) error {
	b := stateBatch{store: s, ctx: ctx}
	if err := iterate(b.add); err != nil {
		return err
	}
	if err := b.flush(); err != nil {
		return err
	}
	err := s.within(ctx, func(w *writer) error { return w.putNumber(keyReplayFrom, replayFrom) })
	if err != nil {
		return fmt.Errorf("history: snapshot: %w", err)
	}
	return nil
}

// LoadSnapshot calls fn with every stored state, in the order of the customers, and
// returns the batch from which to replay the journal: 1 if there is no snapshot. state is
// valid until fn returns. A state with a wrong checksum is ErrDamaged.
func (s *Store) LoadSnapshot(ctx context.Context, fn func(customer uint32, state []byte) error) (replayFrom uint64, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		// Read this first: states that are saved meanwhile are then newer, which is allowed.
		if replayFrom, err = readNumber(c, keyReplayFrom, 1); err != nil {
			return err
		}
		return eachState(c, fn)
	})
	return replayFrom, err
}

func eachState(c *sqlite.Conn, fn func(customer uint32, state []byte) error) error {
	stmt, err := c.Prepare("SELECT customer, state, checksum FROM snapshot ORDER BY customer")
	if err != nil {
		return err
	}
	var buf []byte
	return each(stmt, func(row *sqlite.Stmt) error {
		n := row.ColumnLen(1)
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		state := buf[:n]
		row.ColumnBytes(1, state)
		customer := row.ColumnInt64(0)
		if row.ColumnInt64(2) != stateChecksum(uint32(customer), state) {
			return fmt.Errorf("%w: snapshot of customer %d", ErrDamaged, customer)
		}
		return fn(uint32(customer), state)
	})
}

func stateChecksum(customer uint32, state []byte) int64 {
	return int64(keyedChecksum(uint64(customer), int64(len(state)), state))
}

// stateBatch collects the states of one transaction, so that the writing connection is not
// locked while the caller produces them.
type stateBatch struct {
	store  *Store
	ctx    context.Context
	states []byte
	spans  []span
}

// span is where the state of a customer is: states[from:to].
type span struct {
	customer uint32
	from, to int
}

func (b *stateBatch) add(customer uint32, state []byte) error {
	if len(state) > MaxState {
		return fmt.Errorf("%w: snapshot of customer %d, %d bytes", ErrTooLarge, customer, len(state))
	}
	if len(b.spans) == maxStates || len(b.states)+len(state) > maxStateBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	from := len(b.states)
	b.states = append(b.states, state...)
	b.spans = append(b.spans, span{customer, from, len(b.states)})
	return nil
}

func (b *stateBatch) flush() error {
	if len(b.spans) == 0 {
		return nil
	}
	if err := b.store.within(b.ctx, b.write); err != nil {
		return fmt.Errorf("history: snapshot: %w", err)
	}
	b.states, b.spans = b.states[:0], b.spans[:0]
	return nil
}

func (b *stateBatch) write(w *writer) error {
	for _, s := range b.spans {
		state := b.states[s.from:s.to]
		w.setState.BindInt64(1, int64(s.customer))
		w.setState.BindBytes(2, state)
		w.setState.BindInt64(3, stateChecksum(s.customer, state))
		if err := run(w.setState); err != nil {
			return err
		}
	}
	return nil
}
