package history

import (
	"context"
	"fmt"
)

// Begin starts a transaction, which is in memory until Commit. If another one is open, it waits
// until ctx ends. Commit or Rollback must follow on the same goroutine. ctx applies to the entire
// transaction: once it has ended, Commit fails.
func (s *Store) Begin(ctx context.Context) error {
	if err := s.lockWriter(ctx); err != nil {
		return err
	}
	if s.gone {
		s.unlockWriter()
		return ErrGone
	}
	s.open, s.ctx = true, ctx
	return nil
}

// Insert adds an execution to the transaction. It does not retain f. It fails with
// ErrInvalid; Commit reports ErrDuplicate.
func (s *Store) Insert(f *Fill) error {
	if !s.open {
		return ErrNoTransaction
	}
	if (f.Side != Buy && f.Side != Sell) || f.Quantity <= 0 {
		return fmt.Errorf("%w: %d has side %d, quantity %d", ErrInvalid, f.ID, f.Side, f.Quantity)
	}
	s.next.addFill(f)
	return nil
}

// Bust marks an execution as busted at time (Unix nanoseconds). The execution may be part of
// this transaction. A second bust of the same execution changes nothing. Bust fails with
// ErrUnknown if there is no such execution, and with ErrTooLarge if the reason exceeds
// MaxReason; the transaction can continue then.
func (s *Store) Bust(execution uint64, reason string, time int64) error {
	return s.addBust(&bustRow{execution: execution, reason: reason, time: time})
}

// Correct is Bust for an execution that another one, by, replaces. That one must have been
// inserted before, or Correct fails with ErrUnknown.
func (s *Store) Correct(execution, by uint64, reason string, time int64) error {
	if by == 0 {
		return fmt.Errorf("%w: 0 corrects %d", ErrUnknown, execution)
	}
	return s.addBust(&bustRow{execution: execution, by: by, reason: reason, time: time})
}

func (s *Store) addBust(b *bustRow) error {
	if len(b.reason) > MaxReason {
		return fmt.Errorf("%w: reason of %d bytes", ErrTooLarge, len(b.reason))
	}
	_, err := s.ExecutionEvent(b.execution)
	if err == nil && b.by != 0 {
		_, err = s.ExecutionEvent(b.by)
	}
	if err != nil {
		return err
	}
	s.next.busts = append(s.next.busts, *b)
	return nil
}

// ExecutionEvent returns the number of the event of an execution, which may be part of this
// transaction. It fails with ErrUnknown if there is no such execution; the transaction can
// continue then. PutOrder says what it is for.
func (s *Store) ExecutionEvent(execution uint64) (event uint64, err error) {
	if !s.open {
		return 0, ErrNoTransaction
	}
	if f := s.next.find(execution); f != nil {
		return f.Event, nil
	}
	e, ok, err := s.Execution(s.ctx, execution)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %d", ErrUnknown, execution)
	}
	return e.Event, err
}

// PutOrder adds an order to the transaction, or replaces its state. FirstEvent and
// LastPlacingEvent of the row stay those of the first PutOrder of this order, PlacedAs its
// ClientOrderID and PlacedQuantity its Quantity; those of later ones are ignored. Several states of an order in one
// transaction are written once. It does not retain o. It fails with ErrInvalid.
//
// A market order that one execution fills wholly should have no row: its order follows from
// the execution (Fill.Simple). If such an execution is busted or corrected later, the order is
// put for the first time then, with the event of the execution (ExecutionEvent) as FirstEvent
// and LastPlacingEvent.
func (s *Store) PutOrder(o *Order) error {
	if !s.open {
		return ErrNoTransaction
	}
	if (o.Side != Buy && o.Side != Sell) || o.Quantity < 0 {
		return fmt.Errorf("%w: order %d has side %d, quantity %d", ErrInvalid, o.ID, o.Side, o.Quantity)
	}
	s.next.addOrder(o)
	return nil
}

// Commit writes the transaction and sets the progress to batch: every event of the journal
// up to and including this batch is in the history. checksum is that of the batch, which
// tells journals apart. Commit fails with ErrOrder if batch is not above the progress, and with
// ErrDuplicate if a customer has an execution with an id of this transaction, or a newer one.
// SQLite fails with ErrDamaged if the executions of a customer before those of the transaction
// are not there.
// After an error nothing of the transaction is written.
func (s *Store) Commit(batch uint64, checksum uint32) error {
	if !s.open {
		return ErrNoTransaction
	}
	defer s.end()
	if batch <= s.batch { // PostgreSQL can have gone back, with its last transactions lost
		p, err := s.readProgress(s.ctx)
		if err != nil {
			return fmt.Errorf("history: commit: %w", err)
		}
		s.batch = p.batch
	}
	if batch <= s.batch {
		return fmt.Errorf("history: commit: %w: %d after %d", ErrOrder, batch, s.batch)
	}
	s.next.batch, s.next.checksum = batch, checksum
	if err := s.backend.write(s.ctx, &s.next); err != nil {
		return fmt.Errorf("history: commit: %w", s.failed(err))
	}
	s.batch = batch
	return nil
}

// Rollback drops the transaction. Without a transaction it does nothing.
func (s *Store) Rollback() error {
	if s.open {
		s.end()
	}
	return nil
}

// end makes the transaction empty, and lets other goroutines write.
func (s *Store) end() {
	s.next.reset()
	s.open, s.ctx = false, nil
	s.unlockWriter()
}

// InsertNow writes an execution in a separate transaction. With Options.Durable the
// execution is on the disk when InsertNow returns. Errors are those of Insert and Commit.
// Goroutine: any; it waits for other transactions until ctx ends.
func (s *Store) InsertNow(ctx context.Context, f *Fill) error {
	return s.within(ctx, func() error { return s.Insert(f) })
}

// BustNow is Bust in a separate transaction, like InsertNow.
func (s *Store) BustNow(ctx context.Context, execution uint64, reason string, time int64) error {
	return s.within(ctx, func() error { return s.Bust(execution, reason, time) })
}

// within writes what fn adds in a separate transaction, which leaves the progress as it is.
func (s *Store) within(ctx context.Context, fn func() error) error {
	if err := s.Begin(ctx); err != nil {
		return err
	}
	defer s.end()
	if err := fn(); err != nil {
		return err
	}
	return s.failed(s.backend.write(ctx, &s.next))
}

// lockWriter waits until no other goroutine writes, or ctx ends.
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
