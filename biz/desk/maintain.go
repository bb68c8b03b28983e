package desk

import (
	"context"
	"errors"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
)

const (
	maintainInterval = time.Second / 4          // between two looks at whether a checkpoint is due
	restEvents       = checkpointEvents * 5 / 4 // a checkpoint rests while a start would replay fewer
	trimInterval     = 10 * time.Second         // between two trims without a new checkpoint
)

// saveCheckpoints saves a checkpoint whenever it is due, and then sends to saved, which holds one.
// Until one is complete a start replays what comes meanwhile, too: so it begins earlier by what came
// during the last one, at most by half.
func (d *Desk) saveCheckpoints(ctx context.Context, saved chan<- struct{}) {
	interval := min(maintainInterval, d.config.CheckpointInterval)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	last, pause := time.Now(), interval
	recordsThen, already, during := uint64(0), uint64(d.replayed-d.savedEvents), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		records := d.Stats().Records
		before := already + records - recordsThen // a start now would replay so much
		if !d.checkpointDue(before+during, time.Since(last)) {
			continue
		}
		err := d.writeCheckpoint(ctx, d.restWriting(ctx, records+restEvents-min(before, restEvents)))
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			during = min(d.Stats().Records-records, checkpointEvents/2)
			last, recordsThen, already, pause = time.Now(), records, 0, interval
			select {
			case saved <- struct{}{}:
			default:
			}
		default:
			pause = min(2*pause, checkpointRetryMax)
			d.log.Error("could not save a checkpoint; it is tried again", "in", pause, "error", err)
		}
		ticker.Reset(pause)
	}
}

// trimOn trims the journal after each checkpoint, and at intervals. No checkpoint waits for it: it
// takes minutes if much of the journal was not checked yet.
func (d *Desk) trimOn(ctx context.Context, saved <-chan struct{}) {
	ticker := time.NewTicker(trimInterval)
	defer ticker.Stop()
	for {
		d.trim(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-saved:
		}
	}
}

// restWriting returns the checkpoint.Writer.Rest of a checkpoint that is written while trading goes
// on: the disk is as long for others as it was for the checkpoint. From that many records on it does
// not rest any more.
func (d *Desk) restWriting(ctx context.Context, until uint64) func(time.Duration) error {
	return func(took time.Duration) error {
		if d.Stats().Records >= until {
			return ctx.Err()
		}
		return sleep(ctx, took)
	}
}

// sleep returns after some time, or with ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// A Retention says how much of the journal stays. The zero value is all of it.
type Retention struct {
	Age   time.Duration // batches up to this age stay; 0: age does not count
	Bytes int64         // about so large may the journal become; 0: size does not count
}

// Others are what a desk with Config.Lead knows of the other nodes that store its journal.
type Others interface {
	// Spares tells them up to which batch this one needs none of the journal's any more, 0: none
	// is spared. It is called every ten seconds.
	Spares(batch uint64)
	// Spared returns up to which batch they need none, at most wanted.
	Spared(ctx context.Context, wanted uint64) uint64
}

// trim removes the batches from the journal that Config.Keep does not keep, up to the older of two
// checkpoints, and what the history has durably: a start needs no batch before that checkpoint,
// and resume and retries need none that the accounts or the history have. A standby only tells what it
// does not need.
func (d *Desk) trim(ctx context.Context) {
	trimmable := d.trimmable
	if d.config.Lead {
		trimmable = d.trimmableByAll
	}
	upTo := trimmable(ctx)
	first := d.journal.FirstBatch()
	if upTo < first {
		return
	}
	now, err := d.journal.Trim(ctx, upTo)
	var damage *journal.DamageError
	switch {
	case ctx.Err() != nil, errors.Is(err, journal.ErrCopying): // it is tried again
	case errors.As(err, &damage):
		d.olderDamaged(err)
	case err != nil:
		d.log.Error("the journal can't be trimmed; it is tried again", "error", err)
	case now > first:
		d.log.Info("the journal was trimmed", "first_batch", now, "bytes", d.journal.SizeBytes())
	}
}

// trimmable returns the last batch that may be removed, 0 if none may.
func (d *Desk) trimmable(ctx context.Context) uint64 {
	upTo := d.unkept()
	if upTo < d.journal.FirstBatch() {
		return 0
	}
	return min(upTo, d.spares(ctx))
}

// trimmableByAll is trimmable for a journal that other nodes have, too: they are told what this one
// does not need.
func (d *Desk) trimmableByAll(ctx context.Context) uint64 {
	if d.config.Others == nil || d.config.Keep == (Retention{}) {
		return 0
	}
	if err := d.journal.Refresh(ctx); err != nil && ctx.Err() == nil {
		d.log.Debug("where the journal starts is not known at the moment", "error", err)
	}
	spares := d.spares(ctx)
	d.config.Others.Spares(spares)
	if !d.started.Load() {
		return 0
	}
	upTo := min(d.unkept(), spares)
	if upTo < d.journal.FirstBatch() {
		return 0
	}
	return d.config.Others.Spared(ctx, upTo)
}

// unkept returns the last batch that Config.Keep does not keep.
func (d *Desk) unkept() (upTo uint64) {
	keep := d.config.Keep
	if keep.Age > 0 {
		upTo = d.journal.OlderThan(d.config.Now().Add(-keep.Age))
	}
	if keep.Bytes > 0 {
		upTo = max(upTo, d.journal.OverSize(keep.Bytes))
	}
	return upTo
}

// spares returns up to which batch two checkpoints and the history have everything.
func (d *Desk) spares(ctx context.Context) uint64 {
	kept := d.checkpointsThere()
	if len(kept) < checkpointsKept || d.HistoryDamage() != nil || d.older.damage.Load() != nil {
		return 0
	}
	durable, err := d.durableHistory(ctx)
	if err != nil { // the projection reports it
		return 0
	}
	return min(durable, kept[len(kept)-1].Point.Batch-1) // the batch of the point stays, to compare it
}

// checkpointsThere returns the checkpoints whose files are still there.
func (d *Desk) checkpointsThere() (kept []*checkpoint.Checkpoint) {
	for _, c := range *d.checkpoints.Load() {
		if c.There() {
			kept = append(kept, c)
		}
	}
	return kept
}

// durableHistory returns the last batch that the history has whatever happens to the machine.
func (d *Desk) durableHistory(ctx context.Context) (batch uint64, err error) {
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	batch, err = d.history.Sync(ctx)
	return batch, errors.Join(err, d.historyPresent())
}
