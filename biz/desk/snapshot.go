package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"holdfast/biz/history"
)

// A snapshot is due snapshotEvents after the last one: replaying that many takes about
// half a second.
const (
	snapshotEvents   = 2_000_000
	snapshotInterval = 5 * time.Second // between checks of the count
	snapshotRetryMax = 5 * time.Minute // longest pause after errors
	snapshotChunk    = 256             // states in memory at a time
	bookRow          = 0               // of the history's snapshots; no customer has this number
)

// snapshots saves one whenever it is due.
func (d *Desk) snapshots(ctx context.Context) {
	ticker := time.NewTicker(snapshotInterval)
	defer ticker.Stop()
	saved, pause := uint64(0), snapshotInterval
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		records := d.Stats().Records
		if records-saved < snapshotEvents || !d.snapshotsAllowed() {
			continue
		}
		err := d.SaveSnapshot(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			saved, pause = records, snapshotInterval
		case errors.Is(err, history.ErrDamaged):
			d.historyDamaged(err)
		default:
			pause = min(2*pause, snapshotRetryMax)
			d.log.Error("could not save a snapshot; it is tried again", "in", pause, "error", err)
		}
		ticker.Reset(pause)
	}
}

// snapshotsAllowed reports whether a snapshot may be saved: not in a damaged history, and
// not on a disk that is nearly full, where the journal needs the space.
func (d *Desk) snapshotsAllowed() bool {
	return !d.disk.low.Load() && d.historyDamage.Load() == nil
}

// accountState is the state of one account at one moment.
type accountState struct {
	account *Account
	number  uint64 // of its last event
	state   []byte
}

// SaveSnapshot stores the accounts that have changed since the last snapshot, one by one
// while trading goes on, after the book. All events before batch replayFrom are in it; a
// replay skips the events that an account already has.
func (d *Desk) SaveSnapshot(ctx context.Context) error {
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	replayFrom, book := d.bookState()
	var saved []accountState
	err := d.history.SaveSnapshot(ctx, replayFrom, func(yield func(uint32, []byte) error) error {
		// The last fills, too, must hold nothing that a crash could take back.
		if err := d.Durable(ctx); err != nil {
			return err
		}
		if err := yield(bookRow, book); err != nil {
			return err
		}
		for chunk := range slices.Chunk(d.Accounts(), snapshotChunk) {
			states := changedStates(chunk)
			if len(states) == 0 {
				continue
			}
			// A state must hold nothing that a crash could take back.
			if err := d.Durable(ctx); err != nil {
				return err
			}
			for _, t := range states {
				if err := yield(uint32(t.account.Customer()), t.state); err != nil {
					return err
				}
				saved = append(saved, accountState{account: t.account, number: t.number})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range saved {
		t.account.mu.Lock()
		t.account.saved = t.number
		t.account.mu.Unlock()
	}
	return nil
}

// bookState returns the state of the book, and the batch from which a replay must follow on:
// the definitions that are not in the state come later.
func (d *Desk) bookState() (replayFrom uint64, state []byte) {
	d.bookUse.Lock()
	defer d.bookUse.Unlock()
	replayFrom = d.journal.LastBatch() + 1
	c := course{newest: d.newest.Load()}
	c.fills, c.script = d.group.newest()
	return replayFrom, d.book.appendState(nil, &c, d.market)
}

// changedStates returns the states of the accounts with events that are in no snapshot.
func changedStates(accounts []*Account) []accountState {
	var states []accountState
	for _, a := range accounts {
		a.mu.Lock()
		if n := a.ledger.LastNumber(); n != a.saved {
			states = append(states, accountState{account: a, number: n, state: a.ledger.AppendState(nil)})
		}
		a.mu.Unlock()
	}
	return states
}
