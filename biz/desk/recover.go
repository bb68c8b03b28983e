package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// recover rebuilds the accounts: from the seed, then the checkpoint, then the events in the
// journal after it.
func (d *Desk) recover(ctx context.Context) error {
	start := time.Now()
	from := d.config.Checkpoint
	progress, err := d.history.Progress(ctx)
	if err == nil {
		err = d.checkHistory(progress)
	}
	if err != nil {
		return err
	}
	if err := d.checkCheckpoint(ctx, from); err != nil {
		return err
	}
	replayFrom, course, err := d.loadBook(from)
	if err != nil {
		return err
	}
	if err := d.readBook(ctx, replayFrom); err != nil {
		return err
	}
	if err := d.openAccounts(from); err != nil {
		return err
	}
	d.fills = make([]ledger.Price, d.market.Len())
	copy(d.fills, course.fills)
	d.script = course.script
	if d.sequences = course.sequences; d.sequences == nil {
		d.sequences = make(sequences)
	}
	for n := range course.market {
		d.applyMarket(&course.market[n])
	}
	if d.config.Lead {
		d.projectEarly()
	}
	if d.replayed, err = d.replay(ctx, replayFrom); err != nil {
		return err
	}
	for id, price := range d.fills {
		if price != 0 {
			d.market.SetLast(ledger.InstrumentID(id), price)
		}
	}
	d.addOrderBooks()
	d.openBooks()
	if d.journal.LastBatch() > 0 {
		d.log.Info("accounts rebuilt", "from_batch", replayFrom, "events", d.replayed, "took", time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// checkHistory refuses a history with that progress that does not fit the journal's ends.
func (d *Desk) checkHistory(progress uint64) error {
	switch first := d.journal.FirstBatch(); {
	case progress > d.journal.LastBatch():
		return ErrHistoryAhead
	case progress+1 < first:
		return fmt.Errorf("%w: it ends with batch %d, and the journal starts with batch %d", ErrHistoryLacks, progress, first)
	}
	return nil
}

// checkCheckpoint refuses a checkpoint of another journal, and a journal whose start is neither
// in a checkpoint nor there.
func (d *Desk) checkCheckpoint(ctx context.Context, c *checkpoint.Checkpoint) error {
	first, last := d.journal.FirstBatch(), d.journal.LastBatch()
	switch {
	case c == nil && first == 1:
		return nil
	case c == nil:
		return fmt.Errorf("%w: it starts with batch %d", ErrNoCheckpoint, first)
	case c.Through > last:
		return fmt.Errorf("%w: %s has batches up to %d, and the journal ends with batch %d", ErrForeignCheckpoint, c.Path, c.Through, last)
	}
	here, err := d.journal.Point(ctx, c.Point.Batch)
	switch {
	case errors.Is(err, journal.ErrTrimmed):
		return unusable(c, fmt.Errorf("the journal starts with batch %d", first))
	case err != nil:
		return err
	case here != c.Point:
		return fmt.Errorf("%w: batch %d has checksum %08x in %s, and %08x in the journal", ErrForeignCheckpoint,
			here.Batch, c.Point.Checksum, c.Path, here.Checksum)
	}
	return nil
}

// loadBook sets the book to that of the checkpoint, and returns from where to replay the journal.
func (d *Desk) loadBook(c *checkpoint.Checkpoint) (replayFrom uint64, fromThere *course, err error) {
	if c == nil {
		d.book = NewBook()
		return 1, new(course), nil
	}
	d.book, fromThere, err = bookIn(c)
	return c.Point.Batch + 1, fromThere, err
}

// readBook completes the book with the definitions in the journal after the checkpoint, and
// compares the seed with it.
func (d *Desk) readBook(ctx context.Context, from uint64) error {
	d.bookBatch = d.journal.LastBatch()
	err := d.journal.Replay(ctx, from, func(at journal.Position, record []byte) error {
		if isEvents(record) {
			return nil
		}
		e, err := DecodeEntry(record)
		if err == nil {
			err = d.book.Add(&e)
		}
		return recordError(at, err)
	})
	if err != nil {
		return err
	}
	if d.change, err = d.book.Compare(d.config.Seed); err != nil {
		return err
	}
	d.market, err = market.New(d.change.Seed.Instruments)
	return err
}

// openAccounts opens the accounts of the seed. Those that are not in the checkpoint have no
// events yet.
func (d *Desk) openAccounts(c *checkpoint.Checkpoint) error {
	customers := d.change.Seed.Customers
	opened := make([]*Account, len(customers))
	if c != nil {
		if err := d.restoreAccounts(c, opened); err != nil {
			return err
		}
	}
	for i := range customers {
		if opened[i] != nil {
			continue
		}
		a, err := d.newAccount(&customers[i])
		if err != nil {
			return err
		}
		opened[i] = a
	}
	d.accounts.Store(new(accounts).with(opened))
	return nil
}

// restoreAccounts opens the accounts of a checkpoint, in the places of their customers in the
// seed.
func (d *Desk) restoreAccounts(c *checkpoint.Checkpoint, opened []*Account) error {
	customers := d.change.Seed.Customers
	places := make(map[ledger.Customer]int, len(customers))
	for i := range customers {
		places[customers[i].Number] = i
	}
	gaps, err := restoreStates(c, d.config.accountOptions(), func(customer ledger.Customer) (ledger.Opening, error) {
		if err := d.change.Refused(customer); err != nil {
			return ledger.Opening{}, err
		}
		place, listed := places[customer]
		if !listed || opened[place] != nil {
			return ledger.Opening{}, ledger.ErrMalformed
		}
		return customers[place].Opening(), nil
	}, func(l *ledger.Account) error {
		place := places[l.Customer()]
		opened[place] = d.accountOf(&customers[place], l)
		return nil
	})
	if err != nil {
		return err
	}
	return d.loadIDsLater(c, gaps, opened)
}

// newAccount returns the account of a customer without events.
func (d *Desk) newAccount(owner *seed.Customer) (*Account, error) {
	l, err := ledger.NewAccount(owner.Number, owner.Opening(), d.config.accountOptions())
	if err != nil {
		return nil, fmt.Errorf("desk: customer %d of the seed file: %w", owner.Number, err)
	}
	return d.accountOf(owner, l), nil
}

func (d *Desk) accountOf(owner *seed.Customer, l *ledger.Account) *Account {
	a := &Account{desk: d, number: owner.Number, ledger: l}
	a.owner.Store(owner)
	return a
}

// openBooks puts the working orders of all accounts into the books.
func (d *Desk) openBooks() {
	var orders []ledger.Order
	for _, a := range d.Accounts() {
		orders, _ = a.ledger.OrdersFrom(orders[:0], 0, ledger.MaxOrders)
		for n := range orders {
			d.put(d.orderBook(orders[n].Instrument), &orders[n])
		}
	}
}

// recordError says in which record an error is. One that the seed file causes is not the
// record's.
func recordError(at journal.Position, err error) error {
	if err == nil || errors.Is(err, ErrForeignData) {
		return err
	}
	return fmt.Errorf("desk: record %d in batch %d: %w", at.Record, at.Batch, err)
}
