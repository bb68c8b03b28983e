package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/ledger"
)

// A checkpoint is due checkpointEvents after the last one, since replaying that many takes about
// half a second, and after Config.CheckpointInterval if anything has changed.
const (
	checkpointEvents   = 2_000_000
	checkpointInterval = 5 * time.Minute // the default
	checkpointRetryMax = 5 * time.Minute // longest pause after errors
	checkpointChunk    = 256             // states in memory at a time
	checkpointsKept    = 2
	bookSection        = 0 // of a checkpoint; the others have the numbers of customers, which are above 0
)

// checkpointDue reports whether a checkpoint is to be saved, where records were made durable and
// time has passed since the last one.
func (d *Desk) checkpointDue(records uint64, passed time.Duration) bool {
	if d.config.Checkpoints == "" || d.disk.low.Load() {
		return false
	}
	return records >= checkpointEvents || passed >= d.config.CheckpointInterval && d.changedSinceCheckpoint()
}

// changedSinceCheckpoint reports whether the journal has batches after the newest checkpoint.
func (d *Desk) changedSinceCheckpoint() bool {
	kept := *d.checkpoints.Load()
	return d.journal.LastBatch() > 0 && (len(kept) == 0 || kept[0].Point.Batch != d.journal.LastBatch())
}

// Checkpoint returns the newest checkpoint that was read or saved, or nil.
func (d *Desk) Checkpoint() *checkpoint.Checkpoint {
	if kept := *d.checkpoints.Load(); len(kept) > 0 {
		return kept[0]
	}
	return nil
}

// SaveCheckpoint stores the accounts in a checkpoint, one by one while trading goes on, after the
// book. All events up to the batch of its point are in it; a replay skips the later events that
// an account already has. It does nothing without Config.Checkpoints or before the first batch.
func (d *Desk) SaveCheckpoint(ctx context.Context) error { return d.writeCheckpoint(ctx, nil) }

// writeCheckpoint is SaveCheckpoint with checkpoint.Writer.Rest.
func (d *Desk) writeCheckpoint(ctx context.Context, rest func(time.Duration) error) (err error) {
	d.savingCheckpoint.Lock()
	defer d.savingCheckpoint.Unlock()
	last, book := d.bookState()
	if d.config.Checkpoints == "" || last == 0 {
		return nil
	}
	point, err := d.journal.Point(ctx, last)
	if err != nil {
		return err
	}
	w, err := checkpoint.Create(d.config.Checkpoints, point)
	if err != nil {
		return err
	}
	w.Rest = rest
	var saved *checkpoint.Checkpoint
	end, err := d.writeStates(ctx, w, book)
	if err == nil {
		saved, err = w.Finish(end)
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	if d.config.Keep != (Retention{}) {
		if err := d.readBack(saved, rest); err != nil {
			return errors.Join(err, checkpoint.Keep(d.config.Checkpoints, *d.checkpoints.Load()...))
		}
	}
	kept := []*checkpoint.Checkpoint{saved}
	for _, c := range *d.checkpoints.Load() {
		if c.Point.Batch != last && len(kept) < checkpointsKept {
			kept = append(kept, c)
		}
	}
	d.checkpoints.Store(&kept)
	if err := checkpoint.Keep(d.config.Checkpoints, kept...); err != nil {
		d.log.Warn("an older checkpoint can't be removed", "error", err)
	}
	d.log.Debug("checkpoint saved", "batch", last, "bytes", saved.SizeBytes)
	return nil
}

// writeStates writes the sections of a checkpoint. A state must hold nothing that a crash could
// take back: it is written when all of it is durable.
func (d *Desk) writeStates(ctx context.Context, w *checkpoint.Writer, book []byte) (end checkpoint.End, err error) {
	if err := d.Durable(ctx); err != nil { // the last fills, too
		return end, err
	}
	if err := w.Add(bookSection, book); err != nil {
		return end, err
	}
	accounts := slices.SortedFunc(slices.Values(d.Accounts()), func(a, b *Account) int { return cmp.Compare(a.Customer(), b.Customer()) })
	sum := newStateSum()
	var states states
	for chunk := range slices.Chunk(accounts, checkpointChunk) {
		if err := ctx.Err(); err != nil {
			return end, err
		}
		states.collect(chunk, sum)
		if err := d.Durable(ctx); err != nil {
			return end, err
		}
		if err := states.write(w); err != nil {
			return end, err
		}
	}
	return checkpoint.End{Through: d.journal.LastBatch(), Time: d.config.Now().UnixNano(), StateHash: sum.hash()}, nil
}

// bookState returns the state of the book, and the last batch before it: the definitions that are
// not in the state come later.
func (d *Desk) bookState() (last uint64, state []byte) {
	d.bookUse.Lock()
	defer d.bookUse.Unlock()
	last = d.journal.LastBatch()
	c := course{newest: d.newest.Load()}
	c.fills, c.script = d.group.newest()
	return last, d.book.appendState(nil, &c, d.market)
}

// states is the states of some accounts, each at one moment.
type states struct {
	bytes  []byte
	owners []ledger.Customer
	ends   []int // in bytes
}

// collect replaces the states by those of other accounts, and adds these to sum. Accounts without
// events are as in the seed.
func (s *states) collect(accounts []*Account, sum *stateSum) {
	s.bytes, s.owners, s.ends = s.bytes[:0], s.owners[:0], s.ends[:0]
	for _, a := range accounts {
		a.mu.Lock()
		if a.traded() {
			s.bytes = a.ledger.AppendState(s.bytes)
			s.owners, s.ends = append(s.owners, a.Customer()), append(s.ends, len(s.bytes))
			sum.add(a.ledger)
		}
		a.mu.Unlock()
	}
}

func (s *states) write(w *checkpoint.Writer) error {
	start := 0
	for n, end := range s.ends {
		if err := w.Add(uint32(s.owners[n]), s.bytes[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// readBack restores one account after the other from a checkpoint, as a start does: once the journal
// is trimmed, nothing else has them. rest is as in writeCheckpoint.
func (d *Desk) readBack(c *checkpoint.Checkpoint, rest func(time.Duration) error) error {
	if _, _, err := bookIn(c); err != nil {
		return err
	}
	count, start := 0, time.Now()
	return restoreStates(c, d.config.accountOptions(), func(customer ledger.Customer) (ledger.Opening, error) {
		a := d.Account(customer)
		if a == nil {
			return ledger.Opening{}, ledger.ErrMalformed
		}
		return a.Owner().Opening(), nil
	}, func(*ledger.Account) error {
		if count++; count%checkpointChunk != 0 || rest == nil {
			return nil
		}
		err := rest(time.Since(start))
		start = time.Now()
		return err
	})
}

// bookIn returns the book in a checkpoint. An error is ErrCheckpoint.
func bookIn(c *checkpoint.Checkpoint) (book *Book, fromThere *course, err error) {
	found := errors.New("found")
	err = c.Sections(func(key uint32, state []byte) (err error) {
		if key != bookSection {
			return ledger.ErrMalformed
		}
		if book, fromThere, err = restoreBook(state); err != nil {
			return err
		}
		return found
	})
	switch {
	case err == nil:
		return nil, nil, unusable(c, errors.New("it is empty"))
	case !errors.Is(err, found):
		return nil, nil, unusable(c, err)
	}
	return book, fromThere, nil
}

// restoreStates calls each for every account in a checkpoint; opening returns what it started with.
// Together they must have the hash of the accounts that were saved. Errors are that of each,
// ErrForeignData of opening, and ErrCheckpoint.
func restoreStates(c *checkpoint.Checkpoint, o ledger.Options,
	opening func(ledger.Customer) (ledger.Opening, error), each func(*ledger.Account) error,
) error {
	sum, stopped := newStateSum(), error(nil)
	err := c.Sections(func(key uint32, state []byte) error {
		if key == bookSection {
			return nil
		}
		customer := ledger.Customer(key)
		start, err := opening(customer)
		if errors.Is(err, ErrForeignData) {
			stopped = err
			return err
		}
		var a *ledger.Account
		if err == nil {
			a, err = ledger.RestoreAccount(state, start, o)
		}
		if err == nil && a.Customer() != customer {
			err = ledger.ErrWrongAccount
		}
		if err != nil {
			return fmt.Errorf("customer %d: %w", key, err)
		}
		sum.add(a)
		stopped = each(a)
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err == nil && sum.hash() != c.StateHash:
		err = errors.New("the accounts in it have another hash after reading than before writing")
	}
	if err != nil {
		return unusable(c, err)
	}
	return nil
}

// unusable returns the ErrCheckpoint for a checkpoint.
func unusable(c *checkpoint.Checkpoint, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrCheckpoint, c.Path, err)
}
