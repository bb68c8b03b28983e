package history

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite/sqlitex"
)

// Begin opens a transaction; it waits for its turn until ctx ends. Commit or
// Rollback must follow on the same goroutine.
func (s *Store) Begin(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	if err := s.write.beginIn(ctx); err != nil {
		s.give()
		return s.note.keep(fmt.Errorf("history: begin: %w", cause(ctx, err)))
	}
	return nil
}

// Insert adds an execution to the transaction; it keeps nothing of e, and does
// not look at Busted, BustReason and BustTime. It fails with ErrInvalid, and may
// fail with ErrDuplicate, which Commit reports at the latest. After an error the
// transaction must be rolled back.
func (s *Store) Insert(e *Execution) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if (e.Side != Buy && e.Side != Sell) || e.Quantity <= 0 {
		return fmt.Errorf("%w: %d has side %d, quantity %d", ErrInvalid, e.ID, e.Side, e.Quantity)
	}
	w.pending.add(e)
	if !w.pending.full() {
		return nil
	}
	if err := w.flush(); err != nil {
		return s.note.keep(fmt.Errorf("history: insert: %w", damage(err)))
	}
	return nil
}

// Bust marks an execution as busted at time, Unix nanoseconds; it may be one of
// this transaction. A second bust changes nothing: the first one stands. It
// fails with ErrUnknown if there is no such execution, and with ErrTooLarge if
// the reason is over MaxReason; the transaction goes on without it.
func (s *Store) Bust(execution uint64, reason string, time int64) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if len(reason) > MaxReason {
		return fmt.Errorf("%w: reason of %d bytes", ErrTooLarge, len(reason))
	}
	if err := w.bustOne(execution, reason, time); err != nil {
		return s.note.keep(fmt.Errorf("history: bust: %w", damage(err)))
	}
	return nil
}

func (w *writer) bustOne(execution uint64, reason string, time int64) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.exists.BindInt64(1, int64(execution))
	n, err := sqlitex.ResultInt64(w.exists)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: %d", ErrUnknown, execution)
	}
	w.bust.BindInt64(1, int64(execution))
	w.bust.BindText(2, reason)
	w.bust.BindInt64(3, time)
	w.bust.BindInt64(4, int64(keyedChecksum(execution, time, []byte(reason))))
	return run(w.bust)
}

// Commit ends the transaction and makes batch the progress: every event of the
// journal up to and with that batch is in. A batch at or below the progress made
// is ErrOrder. After an error the transaction is undone.
func (s *Store) Commit(batch uint64) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if err := w.finish(batch); err != nil {
		return errors.Join(s.note.keep(fmt.Errorf("history: commit: %w", damage(err))), s.Rollback())
	}
	w.progress = batch
	s.give()
	return nil
}

// Rollback undoes the transaction; without one it does nothing.
func (s *Store) Rollback() error {
	w := s.write
	if !w.open {
		return nil
	}
	defer s.give()
	if err := w.undo(); err != nil {
		return fmt.Errorf("history: rollback: %w", damage(err))
	}
	return nil
}

// beginIn opens a transaction and waits until ctx ends for another process that
// holds the file.
func (w *writer) beginIn(ctx context.Context) error {
	w.conn.SetInterrupt(ctx.Done())
	err := run(w.begin)
	w.conn.SetInterrupt(nil)
	w.open = err == nil
	return err
}

func (w *writer) finish(batch uint64) error {
	if batch <= w.progress {
		return fmt.Errorf("%w: %d after %d", ErrOrder, batch, w.progress)
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.putNumber(keyProgress, batch); err != nil {
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
	w.pending.clear()
	if w.conn.AutocommitEnabled() {
		return nil // SQLite has undone it already
	}
	return run(w.rollback)
}

// InsertNow writes an execution in a transaction of its own, and with
// Options.Durable it is on the disk when InsertNow returns. Errors are those of
// Insert. Goroutine: any; it waits for its turn until ctx ends.
func (s *Store) InsertNow(ctx context.Context, e *Execution) error {
	return s.within(ctx, func(*writer) error { return errors.Join(s.Insert(e), s.write.flush()) })
}

// BustNow is Bust in a transaction of its own, as InsertNow is Insert.
func (s *Store) BustNow(ctx context.Context, execution uint64, reason string, time int64) error {
	return s.within(ctx, func(*writer) error { return s.Bust(execution, reason, time) })
}

// within runs fn in a transaction of its own.
func (s *Store) within(ctx context.Context, fn func(w *writer) error) error {
	if err := s.Begin(ctx); err != nil {
		return err
	}
	defer s.give()
	err := fn(s.write)
	if err == nil {
		err = s.write.end()
	}
	if err != nil {
		return errors.Join(s.note.keep(damage(err)), s.write.undo())
	}
	return nil
}

// take waits for the turn to write.
func (s *Store) take(ctx context.Context) error {
	select {
	case <-s.closed:
		return ErrClosed
	default:
	}
	select {
	case <-s.turn:
		return nil
	case <-s.closed:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) give() { s.turn <- struct{}{} }
