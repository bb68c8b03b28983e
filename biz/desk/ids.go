package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/ledger"
)

// The client order ids of two days are far more than everything else that a checkpoint has. So it adds
// only the new ones to its log, and a start loads them after the server has opened: an order whose id is
// above all earlier ones of its account needs none of them; another one first loads those of its account.

const (
	idBytes    = 8        // of a client order id in a log
	idLogBytes = 64 << 20 // of a log that are never too many
	idRest     = 3        // how long the loading rests for the time that it took
)

// storedIDs says which client order ids of the accounts are in a checkpoint.Log.
type storedIDs struct {
	log        checkpoint.Log
	ends       map[ledger.Customer]uint64 // the numbers that come next
	remembered uint64                     // how many ids the accounts had
}

func newStoredIDs() *storedIDs { return &storedIDs{ends: make(map[ledger.Customer]uint64)} }

// extend returns from which number on ids of an account are to be stored, if there are some.
func (s *storedIDs) extend(a *ledger.Account) (from uint64, some bool) {
	first, end := a.IDs()
	from = max(first, s.ends[a.Customer()])
	s.remembered += end - first
	s.ends[a.Customer()] = end
	return from, from < end
}

// idsToExtend returns the ids in a log that the next checkpoint can extend, which is not one of these
// checkpoints: damage to a log is to concern only one. A log that has become long beside what the
// accounts remember ends.
func (d *Desk) idsToExtend(kept []*checkpoint.Checkpoint) *storedIDs {
	for _, ids := range d.storedIDs {
		used := slices.ContainsFunc(kept, func(c *checkpoint.Checkpoint) bool { return c.Log == ids.log })
		if !used && ids.log.SizeBytes <= idLogBytes+2*idBytes*int64(ids.remembered) {
			return ids
		}
	}
	return newStoredIDs()
}

// keepIDs remembers the ids of the checkpoint that was saved, and forgets those of checkpoints that are
// not there any more.
func (d *Desk) keepIDs(kept []*checkpoint.Checkpoint, saved *storedIDs) {
	d.forgetIDs(saved.log.Number)
	d.storedIDs = slices.DeleteFunc(append(d.storedIDs, saved), func(ids *storedIDs) bool {
		return !slices.ContainsFunc(kept, func(c *checkpoint.Checkpoint) bool { return c.Log == ids.log })
	})
}

// forgetIDs makes the next checkpoint start another log instead of this one.
func (d *Desk) forgetIDs(log uint64) {
	d.storedIDs = slices.DeleteFunc(d.storedIDs, func(ids *storedIDs) bool { return ids.log.Number == log })
}

// idGaps are the client order ids that accounts lack.
type idGaps map[ledger.Customer]*ledger.IDGap

func (g idGaps) add(a *ledger.Account) {
	gap := a.IDGap()
	g[a.Customer()] = &gap
}

// see sees a section of the log that must have them.
func (g idGaps) see(key uint32, ids []byte) error {
	if gap := g[ledger.Customer(key)]; gap == nil || !gap.Add(ids) {
		return fmt.Errorf("%w: client order ids of customer %d that the account can't have", ledger.ErrMalformed, key)
	}
	return nil
}

// filled returns an error if the sections did not have all.
func (g idGaps) filled() error {
	for customer, gap := range g {
		if n := gap.Left(); n > 0 {
			return fmt.Errorf("%w: %d client order ids of customer %d are missing", ledger.ErrMalformed, n, customer)
		}
	}
	return nil
}

// check checks the log of a checkpoint whose accounts have these gaps, and calls seen with the size of each
// section. Errors are that of seen and ErrCheckpoint.
func (g idGaps) check(c *checkpoint.Checkpoint, seen func(bytes int) error) error {
	if !c.HasLog() {
		return nil
	}
	stopped := error(nil)
	err := c.LogSections(func(key uint32, ids []byte) error {
		if err := g.see(key, ids); err != nil {
			return err
		}
		stopped = seen(len(ids))
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err == nil:
		err = g.filled()
	}
	if err != nil {
		return unusable(c, err)
	}
	return nil
}

// loadIDsLater lets the accounts of a checkpoint get their client order ids from its log when they need
// them. Every byte of it is checked here. An error is ErrCheckpoint.
func (d *Desk) loadIDsLater(c *checkpoint.Checkpoint, gaps idGaps, accounts []*Account) (err error) {
	if !c.HasLog() {
		return nil
	}
	if d.idLog, err = c.IndexLog(gaps.see); err == nil {
		err = gaps.filled()
	}
	if err != nil {
		return unusable(c, err)
	}
	ids, index := newStoredIDs(), d.idLog
	ids.log = c.Log
	d.storedIDs = append(d.storedIDs, ids)
	for _, a := range accounts {
		if a == nil {
			continue
		}
		ids.extend(a.ledger)
		if gap := a.ledger.IDGap(); gap.Left() == 0 {
			continue
		}
		a.ledger.OnMissingIDs(func() error {
			err := index.Sections(uint32(a.number), a.ledger.RestoreIDs)
			if err != nil {
				d.log.Error("client order ids can't be read; orders whose ids come before others are refused", "customer", a.number, "error", err)
			}
			return err
		})
	}
	return nil
}

// loadIDs adds the client order ids that the accounts lack, while trading goes on.
func (d *Desk) loadIDs(ctx context.Context) {
	if d.idLog == nil {
		return
	}
	start, complete := time.Now(), true
	for _, a := range d.Accounts() {
		started := time.Now()
		a.mu.Lock()
		gap := a.ledger.IDGap()
		if a.ledger.LoadIDs() != nil {
			complete = false
		}
		a.mu.Unlock()
		if gap.Left() == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(idRest * time.Since(started)):
		}
	}
	d.log.Debug("client order ids loaded", "complete", complete, "took", time.Since(start).Round(time.Millisecond))
	if complete {
		if err := d.closeIDs(); err != nil {
			d.log.Warn("the log of a checkpoint can't be closed", "error", err)
		}
	}
}

// Release frees what a desk holds that was opened and never started.
func (d *Desk) Release() error {
	d.stop()
	d.running.Wait()
	return d.closeIDs()
}

// closeIDs ends the use of the log with the ids.
func (d *Desk) closeIDs() error {
	if d.idLog == nil {
		return nil
	}
	err := d.idLog.Close()
	d.idLog = nil
	return err
}
