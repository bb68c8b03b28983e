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
)

// recover rebuilds the accounts: from the seed, then the snapshot, then the events in the
// journal after it.
func (d *Desk) recover(ctx context.Context) error {
	start := time.Now()
	if err := d.checkData(ctx); err != nil {
		return err
	}
	from, err := d.loadSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := d.openAccounts(); err != nil {
		return err
	}
	replayed, err := d.replay(ctx, from)
	if err != nil {
		return err
	}
	d.restorePrices()
	if d.journal.LastBatch() > 0 {
		d.log.Info("accounts rebuilt", "from_batch", from, "events", replayed, "took", time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// checkData refuses a journal of another seed, and a history that is ahead of the journal.
func (d *Desk) checkData(ctx context.Context) error {
	progress, err := d.history.Progress(ctx)
	if err != nil {
		return err
	}
	if progress > d.journal.LastBatch() {
		return ErrHistoryAhead
	}
	if d.journal.LastBatch() == 0 {
		return nil
	}
	want := genesisRecord(d.config.Seed.SHA256)
	err = d.journal.Replay(ctx, 1, func(_ journal.Position, record []byte) error {
		if !bytes.Equal(record, want) {
			return ErrForeignData
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}

// errSeen ends a replay after its first record.
var errSeen = errors.New("seen")

// loadSnapshot restores the accounts in the snapshot and returns the batch to replay from.
func (d *Desk) loadSnapshot(ctx context.Context) (uint64, error) {
	restored := make(map[ledger.Customer]*ledger.Account)
	from, err := d.history.LoadSnapshot(ctx, func(customer uint32, state []byte) error {
		a, err := ledger.RestoreAccount(state, d.config.RecentEvents)
		if err != nil {
			return fmt.Errorf("%w: snapshot of customer %d: %w", history.ErrDamaged, customer, err)
		}
		restored[ledger.Customer(customer)] = a
		return nil
	})
	for i := range d.config.Seed.Customers {
		owner := d.config.Seed.Customers[i]
		a := &Account{desk: d, owner: owner, ledger: restored[owner.Number]}
		if a.ledger != nil {
			a.saved = a.ledger.LastNumber()
		}
		d.accounts[owner.Number] = a
		d.order = append(d.order, a)
	}
	return from, err
}

// openAccounts opens the accounts that are not in the snapshot.
func (d *Desk) openAccounts() error {
	for _, a := range d.order {
		if a.ledger != nil {
			continue
		}
		opened, err := ledger.NewAccount(a.owner.Number, a.owner.Cash, a.owner.Holdings, d.config.RecentEvents)
		if err != nil {
			return fmt.Errorf("desk: customer %d of the seed file: %w", a.owner.Number, err)
		}
		a.ledger = opened
	}
	return nil
}

func (d *Desk) replay(ctx context.Context, from uint64) (events int, err error) {
	err = d.journal.Replay(ctx, from, func(at journal.Position, record []byte) error {
		e, reason, ok, err := decodeEvent(record)
		if err == nil && ok {
			err = d.apply(&e, reason)
			events++
		}
		if err != nil {
			return fmt.Errorf("desk: record %d in batch %d: %w", at.Record, at.Batch, err)
		}
		return nil
	})
	if errors.Is(err, journal.ErrAhead) { // only the snapshot was
		err = ErrHistoryAhead
	}
	return events, err
}

func (d *Desk) apply(e *ledger.Event, reason string) error {
	a := d.accounts[e.Customer()]
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	_, err := a.ledger.Replay(e, reason)
	return err
}

// restorePrices sets the last price of each instrument to that of its newest trade in
// memory.
func (d *Desk) restorePrices() {
	newest := make([]int64, d.market.Len())
	for _, a := range d.order {
		for _, e := range a.ledger.Recent(nil) { // newest first, so the newest of several with one time wins
			id := e.Execution.Instrument
			if e.Kind == ledger.KindFill && e.Time > newest[id] {
				newest[id] = e.Time
				d.market.SetLast(id, e.Execution.Price)
			}
		}
	}
}

// bindSeed writes the first record of a new journal.
func (d *Desk) bindSeed(ctx context.Context, g *groupCommit) error {
	if d.journal.LastBatch() > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return g.recorded(ctx, genesisRecord(d.config.Seed.SHA256))
}
