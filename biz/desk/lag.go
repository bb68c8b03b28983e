package desk

import (
	"context"
	"errors"
	"time"

	"holdfast/biz/journal"
)

// HistoryBehind returns how many journal batches are not in the history yet.
func (d *Desk) HistoryBehind() uint64 {
	projected := d.projectedBatch.Load()
	return d.journal.LastBatch() - projected
}

// HistoryLag returns the time from the last batch in the history to the newest durable one; 0 if
// the history has all of them.
func (d *Desk) HistoryLag() time.Duration {
	projected := d.projectedTime.Load()
	if d.HistoryBehind() == 0 || projected == 0 || !d.started.Load() || d.group == nil {
		return 0
	}
	return max(0, time.Duration(d.group.durable.Load()-projected))
}

// readTimes reads the times of the newest batch and of the last one in the history, for
// HistoryLag. Later ones come from the commits and the projection.
func (d *Desk) readTimes(ctx context.Context, progress uint64) error {
	last, err := d.timeOf(ctx, d.journal.LastBatch())
	if err != nil {
		return err
	}
	if d.started.Load() && d.group != nil { // else the desk is not started
		d.group.durable.CompareAndSwap(0, last)
	}
	at, err := d.timeOf(ctx, max(progress, d.journal.FirstBatch()))
	if err != nil {
		return err
	}
	d.projectedTime.Store(at)
	return nil
}

// timeOf returns the time of a batch, 0 without such a batch.
func (d *Desk) timeOf(ctx context.Context, batch uint64) (at int64, err error) {
	if batch == 0 || batch > d.journal.LastBatch() {
		return 0, nil
	}
	read := errors.New("read")
	err = d.journal.Follow(ctx, batch, func(b *journal.Batch) error {
		at = b.Time
		return read
	})
	if errors.Is(err, read) {
		err = nil
	}
	return at, err
}
