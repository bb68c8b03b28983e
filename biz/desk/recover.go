package desk

import (
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
	copy(d.fills, snapshot.fills)
	replayed, err := d.replay(ctx, snapshot.from)
	if err != nil {
		return err
	}
	for id, price := range d.fills {
		if price != 0 {
			d.market.SetLast(ledger.InstrumentID(id), price)
		}
	}
	if d.journal.LastBatch() > 0 {
		d.log.Info("accounts rebuilt", "from_batch", snapshot.from, "events", replayed, "took", time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// snapshot is what a snapshot has.
type snapshot struct {
	from     uint64 // the batch to replay from
	book     *Book
	fills    []ledger.Price // of the last fill of each instrument; 0: no fill
	accounts map[ledger.Customer]*ledger.Account
}

// loadSnapshot loads the snapshot. One without a book is of an earlier release and is not
// used: it lacks the order of the fills. It refuses a history that is ahead of the journal.
func (d *Desk) loadSnapshot(ctx context.Context) (*snapshot, error) {
	progress, err := d.history.Progress(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{accounts: make(map[ledger.Customer]*ledger.Account)}
	s.from, err = d.history.LoadSnapshot(ctx, func(customer uint32, state []byte) (err error) {
		if customer == bookRow {
			s.book, s.fills, err = restoreBook(state)
		} else if s.book != nil { // the first row
			s.accounts[ledger.Customer(customer)], err = ledger.RestoreAccount(state, d.config.RecentEvents)
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
		if len(record) > 0 && record[0] == recordEvent {
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
	err = d.change.Check(func(c ledger.Customer) bool { return s.accounts[c] != nil })
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
		a, err := d.newAccount(&customers[i], s.accounts[customers[i].Number])
		if err != nil {
			return err
		}
		opened[i] = a
	}
	d.accounts.Store(new(accounts).with(opened))
	return nil
}

// newAccount returns the account of a customer, with its state in a snapshot or nil.
func (d *Desk) newAccount(owner *seed.Customer, state *ledger.Account) (*Account, error) {
	a := &Account{desk: d, number: owner.Number, ledger: state}
	a.owner.Store(owner)
	if state != nil {
		a.saved = state.LastNumber()
		return a, nil
	}
	var err error
	if a.ledger, err = ledger.NewAccount(owner.Number, owner.Cash, owner.Holdings, d.config.RecentEvents); err != nil {
		return nil, fmt.Errorf("desk: customer %d of the seed file: %w", owner.Number, err)
	}
	return a, nil
}

func (d *Desk) replay(ctx context.Context, from uint64) (events int, err error) {
	err = d.journal.Replay(ctx, from, func(at journal.Position, record []byte) error {
		if len(record) == 0 || record[0] != recordEvent { // readBook has it
			return nil
		}
		e, reason, _, err := decodeEvent(record)
		if err == nil {
			err = d.apply(&e, reason)
			events++
		}
		return recordError(at, err)
	})
	return events, err
}

func (d *Desk) apply(e *ledger.Event, reason string) error {
	if err := d.change.Refused(e.Customer()); err != nil {
		return err
	}
	a := d.Account(e.Customer())
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	if int(e.Execution.Instrument) >= len(d.fills) {
		return fmt.Errorf("instrument %d is not in the seed file", e.Execution.Instrument)
	}
	if e.Kind == ledger.KindFill {
		d.fills[e.Execution.Instrument] = e.Execution.Price
	}
	_, err := a.ledger.Replay(e, reason)
	return err
}

// recordError says in which record an error is. One that the seed file causes is not the
// record's.
func recordError(at journal.Position, err error) error {
	if err == nil || errors.Is(err, ErrForeignData) {
		return err
	}
	return fmt.Errorf("desk: record %d in batch %d: %w", at.Record, at.Batch, err)
}
