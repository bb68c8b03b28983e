package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// recover rebuilds the accounts: from the seed, then the snapshot, then the events in the
// journal after it.
func (d *Desk) recover(ctx context.Context) error {
	start := time.Now()
	snapshot, err := d.loadSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := d.readBook(ctx, snapshot); err != nil {
		return err
	}
	if err := d.openAccounts(snapshot); err != nil {
		return err
	}
	d.fills = make([]ledger.Price, d.market.Len())
	copy(d.fills, snapshot.course.fills)
	d.script = snapshot.course.script
	for n := range snapshot.course.market {
		d.applyMarket(&snapshot.course.market[n])
	}
	replayed, err := d.replay(ctx, snapshot.from)
	if err != nil {
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
		d.log.Info("accounts rebuilt", "from_batch", snapshot.from, "events", replayed, "took", time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// snapshot is what a snapshot has.
type snapshot struct {
	from   uint64 // the batch to replay from
	book   *Book
	course *course
	states map[ledger.Customer][]byte // of accounts
}

// loadSnapshot loads the snapshot. One without a book is of an earlier release and is not
// used: it lacks the order of the fills. It refuses a history that is ahead of the journal.
func (d *Desk) loadSnapshot(ctx context.Context) (*snapshot, error) {
	progress, err := d.history.Progress(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{course: new(course), states: make(map[ledger.Customer][]byte)}
	s.from, err = d.history.LoadSnapshot(ctx, func(customer uint32, state []byte) (err error) {
		if customer == bookRow {
			s.book, s.course, err = restoreBook(state)
		} else if s.book != nil { // the first row
			s.states[ledger.Customer(customer)] = bytes.Clone(state)
		}
		if err != nil {
			return fmt.Errorf("%w: snapshot of customer %d: %w", history.ErrDamaged, customer, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case progress > d.journal.LastBatch() || s.from > d.journal.LastBatch()+1:
		return nil, ErrHistoryAhead
	case s.book == nil:
		s.book, s.from = NewBook(), 1
	}
	return s, nil
}

// readBook completes the book with the definitions in the journal after the snapshot, and
// compares the seed with it.
func (d *Desk) readBook(ctx context.Context, s *snapshot) error {
	err := d.journal.Replay(ctx, s.from, func(at journal.Position, record []byte) error {
		if isEvents(record) {
			return nil
		}
		e, err := DecodeEntry(record)
		if err == nil {
			err = s.book.Add(&e)
		}
		return recordError(at, err)
	})
	if err != nil {
		return err
	}
	d.book = s.book
	if d.change, err = d.book.Compare(d.config.Seed); err != nil {
		return err
	}
	err = d.change.Check(func(c ledger.Customer) bool { return s.states[c] != nil })
	if err != nil {
		return err
	}
	d.market, err = market.New(d.change.Seed.Instruments)
	return err
}

// openAccounts opens the accounts of the seed. Those that are not in the snapshot have no
// events yet.
func (d *Desk) openAccounts(s *snapshot) error {
	customers := d.change.Seed.Customers
	opened := make([]*Account, len(customers))
	for i := range customers {
		a, err := d.newAccount(&customers[i], s.states[customers[i].Number])
		if err != nil {
			return err
		}
		opened[i] = a
	}
	d.accounts.Store(new(accounts).with(opened))
	return nil
}

// newAccount returns the account of a customer, with its state in a snapshot or nil.
func (d *Desk) newAccount(owner *seed.Customer, state []byte) (*Account, error) {
	a := &Account{desk: d, number: owner.Number}
	a.owner.Store(owner)
	opening, options := owner.Opening(), d.config.accountOptions()
	var err error
	if state == nil {
		if a.ledger, err = ledger.NewAccount(owner.Number, opening, options); err != nil {
			return nil, fmt.Errorf("desk: customer %d of the seed file: %w", owner.Number, err)
		}
		return a, nil
	}
	if a.ledger, err = ledger.RestoreAccount(state, opening, options); err == nil && a.ledger.Customer() != owner.Number {
		err = ledger.ErrWrongAccount
	}
	if err != nil {
		return nil, fmt.Errorf("%w: snapshot of customer %d: %w", history.ErrDamaged, owner.Number, err)
	}
	a.saved = a.ledger.LastNumber()
	return a, nil
}

func (d *Desk) replay(ctx context.Context, from uint64) (events int, err error) {
	err = d.journal.Replay(ctx, from, func(at journal.Position, record []byte) error {
		if isEvents(record) {
			return recordError(at, eachEvent(record, func(e *ledger.Event) error {
				events++
				return d.apply(e)
			}))
		}
		if len(record) == 0 || record[0] != recordMarket && record[0] != recordScript { // readBook has it
			return nil
		}
		entry, err := DecodeEntry(record)
		switch {
		case err != nil:
		case entry.Script != nil:
			d.script = *entry.Script
		default:
			d.applyMarket(entry.Market)
			d.countPrices(entry.Market)
		}
		return recordError(at, err)
	})
	return events, err
}

// countPrices makes the prices of a replayed event the last ones.
func (d *Desk) countPrices(m *MarketEvent) {
	for _, p := range m.Prices {
		if m.Kind == MarketPriced && int(p.Instrument) < len(d.fills) {
			d.fills[p.Instrument] = p.Price
		}
	}
}

func (d *Desk) apply(e *ledger.Event) error {
	if err := d.change.Refused(e.Customer()); err != nil {
		return err
	}
	a := d.Account(e.Customer())
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	if e.Kind.HasOrder() && int(e.Order.Instrument) >= len(d.fills) {
		return fmt.Errorf("instrument %d is not in the seed file", e.Order.Instrument)
	}
	if e.Kind == ledger.KindFill {
		d.fills[e.Execution.Instrument] = e.Execution.Price
	}
	_, err := a.ledger.Replay(e)
	return err
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
