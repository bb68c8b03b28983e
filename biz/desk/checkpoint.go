package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// A checkpoint is due checkpointEvents after the last one, since replaying that many takes about
// half a second, and after Config.CheckpointInterval if anything has changed.
const (
	checkpointEvents   = 2_000_000
	checkpointInterval = 5 * time.Minute // the default
	checkpointRetryMax = 5 * time.Minute // longest pause after errors
	checkpointChunk    = 256             // states in memory at a time, unless they are large
	checkpointBytes    = 4 << 20         // of states and ids after which a chunk ends
	checkpointsKept    = 2
	bookSection        = 0 // of a checkpoint; the others have the numbers of customers, which are above 0
)

// checkpointDue reports whether a checkpoint is to be saved, where records were made durable and
// time has passed since the last one.
func (d *Desk) checkpointDue(records uint64, passed time.Duration) bool {
	return d.checkpointDueAt(d.journal.LastBatch(), records, passed)
}

// checkpointDueAt is checkpointDue where that is the last batch.
func (d *Desk) checkpointDueAt(last, records uint64, passed time.Duration) bool {
	if d.config.Checkpoints == "" || d.disk.low.Load() {
		return false
	}
	return d.replaceNewest.Load() || records >= checkpointEvents || passed >= d.config.CheckpointInterval && d.newerThanCheckpoint(last)
}

// changedSinceCheckpoint reports whether the journal has batches after the newest checkpoint.
func (d *Desk) changedSinceCheckpoint() bool { return d.newerThanCheckpoint(d.journal.LastBatch()) }

// newerThanCheckpoint reports whether a batch is not that of the newest checkpoint.
func (d *Desk) newerThanCheckpoint(batch uint64) bool {
	kept := *d.checkpoints.Load()
	return batch > 0 && (len(kept) == 0 || kept[0].Point.Batch != batch)
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
func (d *Desk) writeCheckpoint(ctx context.Context, rest func(time.Duration) error) error {
	return d.saveFrom(ctx, owner{d}, rest)
}

// A stateSource is what a checkpoint is made from.
type stateSource interface {
	// book returns the state of the book and of the market, and the last batch before it: what is
	// not in the state comes later. The zero Point means that there is nothing to store.
	book(ctx context.Context) (journal.Point, []byte, error)
	// between calls encode with some of the accounts while nothing changes that it encodes of one. An
	// error is that of encode, or why the accounts can't be stored any more.
	between(ctx context.Context, accounts []*Account, encode func([]*Account) error) error
	// durable returns when all that was encoded is durable.
	durable(ctx context.Context) error
	// last returns the last batch of which something may be in an account.
	last() uint64
}

// owner is a desk that was started.
type owner struct{ *Desk }

func (o owner) book(ctx context.Context) (journal.Point, []byte, error) {
	last, state := o.bookState()
	if last == 0 {
		return journal.Point{}, nil, nil
	}
	point, err := o.journal.Point(ctx, last)
	return point, state, err
}

// between needs no lock beside Account.mu.
func (o owner) between(_ context.Context, accounts []*Account, encode func([]*Account) error) error {
	return encode(accounts)
}

func (o owner) durable(ctx context.Context) error { return o.Durable(ctx) }

func (o owner) last() uint64 { return o.journal.LastBatch() }

// saveFrom stores a checkpoint that is made from src. rest is as in writeCheckpoint.
func (d *Desk) saveFrom(ctx context.Context, src stateSource, rest func(time.Duration) error) (err error) {
	d.savingCheckpoint.Lock()
	defer d.savingCheckpoint.Unlock()
	if d.config.Checkpoints == "" {
		return nil
	}
	point, book, err := src.book(ctx)
	if err != nil || point.Batch == 0 {
		return err
	}
	last := point.Batch
	var kept []*checkpoint.Checkpoint // of those before
	for _, c := range *d.checkpoints.Load() {
		if c.Point.Batch != last && len(kept) < checkpointsKept-1 {
			kept = append(kept, c)
		}
	}
	before := d.idsToExtend(kept)
	saved, ids, err := d.storeCheckpoint(ctx, &checkpointOf{src, point, book, rest}, before)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, syscall.ENOSPC) { // its log may be the reason
			d.forgetIDs(before.log.Number)
		}
		return err
	}
	kept = slices.Insert(kept, 0, saved)
	d.keepIDs(kept, ids)
	d.checkpoints.Store(&kept)
	d.replaceNewest.Store(false)
	if err := checkpoint.Keep(d.config.Checkpoints, kept...); err != nil {
		d.log.Warn("an older checkpoint can't be removed", "error", err)
	}
	d.log.Debug("checkpoint saved", "batch", last, "bytes", saved.SizeBytes)
	return nil
}

// checkpointOf is what a checkpoint is to have.
type checkpointOf struct {
	src   stateSource
	point journal.Point
	book  []byte
	rest  func(time.Duration) error // checkpoint.Writer.Rest
}

// storeCheckpoint writes a checkpoint and its ids, after those that are stored. With Config.Keep it reads
// all back.
func (d *Desk) storeCheckpoint(ctx context.Context, of *checkpointOf, ids *storedIDs) (saved *checkpoint.Checkpoint, now *storedIDs, err error) {
	w, err := checkpoint.Create(d.config.Checkpoints, of.point, ids.log)
	if err != nil && ids.log != (checkpoint.Log{}) {
		d.log.Warn("the log of an earlier checkpoint can't be used; a new one is written", "error", err)
		ids = newStoredIDs()
		w, err = checkpoint.Create(d.config.Checkpoints, of.point, ids.log)
	}
	if err != nil {
		return nil, nil, err
	}
	w.Rest = of.rest
	now = &storedIDs{ends: maps.Clone(ids.ends)}
	end, err := d.writeStates(ctx, w, of, now)
	if err == nil {
		saved, err = w.Finish(end)
	}
	if err != nil {
		return nil, nil, errors.Join(err, w.Abort())
	}
	if d.config.Keep != (Retention{}) {
		if err := d.readBack(saved, of.rest); err != nil {
			return nil, nil, errors.Join(err, checkpoint.Keep(d.config.Checkpoints, *d.checkpoints.Load()...))
		}
	}
	now.log = saved.Log
	return saved, now, nil
}

// writeStates writes the sections of a checkpoint. A state must hold nothing that a crash could
// take back: it is written when all of it is durable.
func (d *Desk) writeStates(ctx context.Context, w *checkpoint.Writer, of *checkpointOf, ids *storedIDs) (end checkpoint.End, err error) {
	if err := of.src.durable(ctx); err != nil { // the last fills, too
		return end, err
	}
	if err := w.Add(bookSection, of.book); err != nil {
		return end, err
	}
	accounts := slices.SortedFunc(slices.Values(d.Accounts()), func(a, b *Account) int { return cmp.Compare(a.Customer(), b.Customer()) })
	sum := newStateSum()
	var chunk chunk
	for len(accounts) > 0 {
		if err := ctx.Err(); err != nil {
			return end, err
		}
		n := 0
		err := of.src.between(ctx, accounts, func(some []*Account) (err error) {
			n, err = chunk.collect(some, sum, ids)
			return err
		})
		if err != nil {
			return end, err
		}
		accounts = accounts[n:]
		if err := of.src.durable(ctx); err != nil {
			return end, err
		}
		if err := chunk.write(w); err != nil {
			return end, err
		}
	}
	return checkpoint.End{Through: of.src.last(), Time: d.config.Now().UnixNano(), StateHash: sum.hash()}, nil
}

// bookState returns the state of the book and of the market, and the last batch before it: what is
// not in the state comes later. What the state has beyond that batch is at least in the open commit,
// as no step is between the change of the market and that of the journal.
func (d *Desk) bookState() (last uint64, state []byte) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	d.bookUse.Lock()
	defer d.bookUse.Unlock()
	last = d.journal.LastBatch()
	c := course{newest: d.newest.Load()}
	d.group.newest(&c)
	return last, d.book.appendState(nil, &c, d.market)
}

// chunk is what a checkpoint has of some accounts, each at one moment.
type chunk struct{ states, ids parts }

// parts are bytes of accounts, one after the other.
type parts struct {
	bytes  []byte
	owners []ledger.Customer
	ends   []int // in bytes
}

func (p *parts) clear() { p.bytes, p.owners, p.ends = p.bytes[:0], p.owners[:0], p.ends[:0] }

// add says that all bytes which no other account has are of this one.
func (p *parts) add(owner ledger.Customer) {
	p.owners, p.ends = append(p.owners, owner), append(p.ends, len(p.bytes))
}

func (p *parts) write(add func(key uint32, content []byte) error) error {
	start := 0
	for n, end := range p.ends {
		if err := add(uint32(p.owners[n]), p.bytes[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// collect replaces the accounts by the first ones of others, and returns how many it took. It adds them
// to sum, and their ids to stored. Accounts without events are as in the seed.
func (c *chunk) collect(accounts []*Account, sum *stateSum, stored *storedIDs) (n int, err error) {
	c.states.clear()
	c.ids.clear()
	for n < min(len(accounts), checkpointChunk) && len(c.states.bytes)+len(c.ids.bytes) < checkpointBytes {
		if err := c.add(accounts[n], sum, stored); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c *chunk) add(a *Account, sum *stateSum, stored *storedIDs) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.traded() {
		return nil
	}
	if err := a.ledger.LoadIDs(); err != nil {
		return err
	}
	c.states.bytes = a.ledger.AppendState(c.states.bytes)
	c.states.add(a.Customer())
	sum.add(a.ledger)
	if from, some := stored.extend(a.ledger); some {
		c.ids.bytes = a.ledger.AppendIDs(c.ids.bytes, from)
		c.ids.add(a.Customer())
	}
	return nil
}

func (c *chunk) write(w *checkpoint.Writer) error {
	if err := c.states.write(w.Add); err != nil {
		return err
	}
	return c.ids.write(w.AddLog)
}

// readBack restores one account after the other from a checkpoint, as a start does, and checks its log:
// once the journal is trimmed, nothing else has them. rest is as in writeCheckpoint.
func (d *Desk) readBack(c *checkpoint.Checkpoint, rest func(time.Duration) error) error {
	if _, _, err := bookIn(c); err != nil {
		return err
	}
	bytes, start := 0, time.Now()
	pause := func(more int) error {
		if bytes += more; bytes < checkpointBytes || rest == nil {
			return nil
		}
		err := rest(time.Since(start))
		bytes, start = 0, time.Now()
		return err
	}
	gaps, err := restoreStates(c, d.config.accountOptions(), func(customer ledger.Customer) (ledger.Opening, error) {
		a := d.Account(customer)
		if a == nil {
			return ledger.Opening{}, ledger.ErrMalformed
		}
		return a.Owner().Opening(), nil
	}, func(*ledger.Account) error { return pause(checkpointBytes / checkpointChunk) })
	if err != nil {
		return err
	}
	return gaps.check(c, pause)
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

// restoreStates calls each for every account in a checkpoint, without its client order ids, and returns
// the gaps that they leave; opening returns what an account started with. Together the accounts must have
// the hash of those that were saved. Errors are that of each, ErrForeignData of opening, and ErrCheckpoint.
func restoreStates(c *checkpoint.Checkpoint, o ledger.Options,
	opening func(ledger.Customer) (ledger.Opening, error), each func(*ledger.Account) error,
) (gaps idGaps, err error) {
	sum, stopped := newStateSum(), error(nil)
	gaps = make(idGaps)
	err = c.Sections(func(key uint32, state []byte) error {
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
		gaps.add(a)
		stopped = each(a)
		return stopped
	})
	switch {
	case stopped != nil:
		return nil, stopped
	case err == nil && sum.hash() != c.StateHash:
		err = errors.New("the accounts in it have another hash after reading than before writing")
	}
	if err != nil {
		return nil, unusable(c, err)
	}
	return gaps, nil
}

// unusable returns the ErrCheckpoint for a checkpoint.
func unusable(c *checkpoint.Checkpoint, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrCheckpoint, c.Path, err)
}
