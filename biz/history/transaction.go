package history

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite/sqlitex"
)

// Begin starts a transaction. If another one is open, it waits until ctx ends. Commit or
// Rollback must follow on the same goroutine.
func (s *Store) Begin(ctx context.Context) error {
	if err := s.lockWriter(ctx); err != nil {
		return err
	}
	w := s.write
	if w == nil {
		s.unlockWriter()
		return ErrGone
	}
	w.conn.SetInterrupt(ctx.Done()) // it may have to wait for another process
	err := run(w.begin)
	w.conn.SetInterrupt(nil)
	w.open = err == nil
	if err != nil {
		s.unlockWriter()
		return s.damaged.set(fmt.Errorf("history: begin: %w", cause(ctx, err)))
	}
	return nil
}

// Insert adds an execution to the transaction. It does not retain f. It fails with
// ErrInvalid or ErrDuplicate; ErrDuplicate may be reported only by Commit. After an error
// the transaction must be rolled back.
func (s *Store) Insert(f *Fill) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if (f.Side != Buy && f.Side != Sell) || f.Quantity <= 0 {
		return fmt.Errorf("%w: %d has side %d, quantity %d", ErrInvalid, f.ID, f.Side, f.Quantity)
	}
	w.pending.fills = append(w.pending.fills, *f)
	if !w.pending.full() {
		return nil
	}
	if err := w.flush(); err != nil {
		return s.damaged.set(fmt.Errorf("history: insert: %w", damage(err)))
	}
	return nil
}

// bustRow is the mark of a busted execution.
type bustRow struct {
	execution uint64
	by        uint64 // execution that corrects it, 0 for a bust
	reason    string
	time      int64
}

// Bust marks an execution as busted at time (Unix nanoseconds). The execution may be part of
// this transaction. A second bust of the same execution changes nothing. Bust fails with
// ErrUnknown if there is no such execution, and with ErrTooLarge if the reason exceeds
// MaxReason; the transaction can continue then.
func (s *Store) Bust(execution uint64, reason string, time int64) error {
	return s.addBust(bustRow{execution: execution, reason: reason, time: time})
}

// Correct is Bust for an execution that another one, by, replaces. That one must have been
// inserted before, or Correct fails with ErrUnknown.
func (s *Store) Correct(execution, by uint64, reason string, time int64) error {
	if by == 0 {
		return fmt.Errorf("%w: 0 corrects %d", ErrUnknown, execution)
	}
	return s.addBust(bustRow{execution: execution, by: by, reason: reason, time: time})
}

func (s *Store) addBust(b bustRow) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if len(b.reason) > MaxReason {
		return fmt.Errorf("%w: reason of %d bytes", ErrTooLarge, len(b.reason))
	}
	if err := w.bustOne(&b); err != nil {
		return s.damaged.set(fmt.Errorf("history: bust: %w", damage(err)))
	}
	return nil
}

func (w *writer) bustOne(b *bustRow) error {
	if err := w.flushFills(); err != nil {
		return err
	}
	if err := w.mustExist(b.execution); err != nil {
		return err
	}
	w.bust.BindNull(5)
	if b.by != 0 {
		if err := w.mustExist(b.by); err != nil {
			return err
		}
		w.bust.BindInt64(5, int64(b.by))
	}
	w.bust.BindInt64(1, int64(b.execution))
	w.bust.BindText(2, b.reason)
	w.bust.BindInt64(3, b.time)
	w.bust.BindInt64(4, int64(b.checksum()))
	return run(w.bust)
}

// mustExist fails with ErrUnknown if an execution has no row.
func (w *writer) mustExist(execution uint64) error {
	w.exists.BindInt64(1, int64(execution))
	n, err := sqlitex.ResultInt64(w.exists)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %d", ErrUnknown, execution)
	}
	return err
}

// ExecutionEvent returns the number of the event of an execution, which may be part of this
// transaction. It fails with ErrUnknown if there is no such execution; the transaction can
// continue then. PutOrder says what it is for.
func (s *Store) ExecutionEvent(execution uint64) (event uint64, err error) {
	w := s.write
	if !w.open {
		return 0, ErrNoTransaction
	}
	err = w.flushFills()
	var e Execution
	if err == nil {
		e, err = one(w.conn, idRange{query: pageQuery, first: execution, last: execution, limit: 1})
	}
	if err == nil && e.ID == 0 {
		err = fmt.Errorf("%w: %d", ErrUnknown, execution)
	}
	if err != nil {
		return 0, s.damaged.set(fmt.Errorf("history: event of an execution: %w", damage(err)))
	}
	return e.Event, nil
}

// Commit commits the transaction and sets the progress to batch: every event of the journal
// up to and including this batch is in the history. checksum is that of the batch, which
// tells journals apart. Commit fails with ErrOrder if batch is not above the progress. After
// an error the transaction is rolled back.
func (s *Store) Commit(batch uint64, checksum uint32) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if err := w.finish(batch, checksum); err != nil {
		return errors.Join(s.damaged.set(fmt.Errorf("history: commit: %w", damage(err))), s.Rollback())
	}
	w.progress = batch
	s.unlockWriter()
	return nil
}

// Rollback rolls back the transaction. Without a transaction it does nothing.
func (s *Store) Rollback() error {
	w := s.write
	if !w.open {
		return nil
	}
	defer s.unlockWriter()
	if err := w.undo(); err != nil {
		return fmt.Errorf("history: rollback: %w", damage(err))
	}
	return nil
}

func (w *writer) finish(batch uint64, checksum uint32) error {
	if batch <= w.progress {
		return fmt.Errorf("%w: %d after %d", ErrOrder, batch, w.progress)
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := errors.Join(w.putNumber(keyProgress, batch), w.putNumber(keyChecksum, uint64(checksum))); err != nil {
		return err
	}
	return w.end()
}

func (w *writer) end() error {
	err := run(w.commit)
	w.open = err != nil
	return err
}

func (w *writer) undo() error {
	w.open = false
	w.pending.clearFills()
	w.pending.clearOrders()
	if w.conn.AutocommitEnabled() {
		return nil // SQLite has already rolled back
	}
	return run(w.rollback)
}

// InsertNow writes an execution in a separate transaction. With Options.Durable the
// execution is on the disk when InsertNow returns. Errors are those of Insert. Goroutine:
// any; it waits for other transactions until ctx ends.
func (s *Store) InsertNow(ctx context.Context, f *Fill) error {
	return s.within(ctx, func(*writer) error { return errors.Join(s.Insert(f), s.write.flush()) })
}

// BustNow is Bust in a separate transaction, like InsertNow.
func (s *Store) BustNow(ctx context.Context, execution uint64, reason string, time int64) error {
	return s.within(ctx, func(*writer) error { return s.Bust(execution, reason, time) })
}

// within runs fn in a separate transaction.
func (s *Store) within(ctx context.Context, fn func(w *writer) error) error {
	if err := s.Begin(ctx); err != nil {
		return err
	}
	defer s.unlockWriter()
	err := fn(s.write)
	if err == nil {
		err = s.write.end()
	}
	if err != nil {
		return errors.Join(s.damaged.set(damage(err)), s.write.undo())
	}
	return nil
}

// lockWriter locks the writing connection. It waits until ctx ends.
func (s *Store) lockWriter(ctx context.Context) error {
	select {
	case <-s.closed:
		return ErrClosed
	default:
	}
	select {
	case <-s.writing:
		return nil
	case <-s.closed:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) unlockWriter() { s.writing <- struct{}{} }
