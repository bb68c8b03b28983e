package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"holdfast/biz/journal"
)

// A standby is what New follows a shared journal with, until this process leads it. It saves checkpoints
// and writes the history as an owner does, so that its next start replays little, and so that it has
// fresh ones when it takes over.
//
// A checkpoint is written by another goroutine than the one that follows. It encodes some accounts at a
// time, between two batches, rests, and is given up when this node leads the stream: so a take-over waits
// for the few accounts that are being encoded, not for a disk.
type standby struct {
	replayer *replayer

	mu      sync.Mutex // held while a batch is applied and while states are encoded
	led     bool       // the accounts change without mu from now on
	point   journal.Point
	events  int // that were applied
	started int // of them, when the last checkpoint was started
	saved   int // of them, when the last one that is complete was started
}

// apply applies a batch.
func (s *standby) apply(b *journal.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.replayer.batch(b); err != nil {
		s.led = true // some accounts may have a part of it
		return err
	}
	s.point = journal.Point{Batch: b.Number, Record: b.First + uint64(b.Count) - 1, Checksum: b.Checksum}
	s.events = s.replayer.events()
	return nil
}

// end says that New goes on. It returns how many events are in the newest checkpoint of this run.
func (s *standby) end() (saved int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.led = true
	return s.saved
}

// complete says that the last checkpoint that was started is complete.
func (s *standby) complete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = s.started
}

// unsaved returns how many events came after the newest checkpoint of this run, and the last batch.
func (s *standby) unsaved() (events int, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events - s.saved, s.point.Batch
}

// book implements stateSource.
func (s *standby) book(context.Context) (point journal.Point, state []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.replayer.desk
	if s.led || !d.book.Complete() {
		return point, nil, nil
	}
	s.started = s.events
	c := course{fills: s.replayer.fills(), script: d.script, sequences: d.sequences.clone(), newest: d.newest.Load()}
	return s.point, d.book.appendState(nil, &c, d.market), nil
}

const (
	standbyChunk = 32 // accounts that are encoded at a time
	standbyRest  = 4  // how long the encoding rests for the time that it took
)

// errTakingOver means that a checkpoint of a standby is given up.
var errTakingOver = errors.New("this node takes over")

// between implements stateSource.
func (s *standby) between(ctx context.Context, accounts []*Account, encode func([]*Account) error) error {
	took, err := s.encode(func() error { return encode(accounts[:min(len(accounts), standbyChunk)]) })
	if err != nil {
		return err
	}
	return sleep(ctx, standbyRest*took)
}

// encode calls do between two batches.
func (s *standby) encode(do func() error) (took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led || s.replayer.desk.journal.Leads() {
		return 0, errTakingOver
	}
	start := time.Now()
	err = do()
	return time.Since(start), err
}

// durable implements stateSource. What is in the stream is durable.
func (s *standby) durable(context.Context) error { return nil }

// last implements stateSource.
func (s *standby) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.point.Batch
}

// lead follows the journal from a batch on until this process leads it, and meanwhile writes the history
// and checkpoints.
func (d *Desk) lead(ctx context.Context, r *replayer, from uint64) error {
	s := &standby{replayer: r}
	aside, stop := context.WithCancel(context.Background())
	defer stop()
	stopEarlier := d.stop
	d.stop = func() { stop(); stopEarlier() }
	saved := make(chan struct{}, 1)
	d.running.Go(func() { d.saveStandby(aside, s, saved) })
	d.running.Go(func() { d.trimOn(aside, saved) })
	err := d.journal.Lead(ctx, from, func(b *journal.Batch) error {
		if err := d.checkUnchanged(b); err != nil {
			return err
		}
		return s.apply(b)
	})
	d.savedEvents = s.end()
	return err
}

// saveStandby is saveCheckpoints for a desk that follows.
func (d *Desk) saveStandby(ctx context.Context, s *standby, saved chan<- struct{}) {
	interval := min(maintainInterval, d.config.CheckpointInterval)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	newest, pause := time.Now(), interval
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		d.CheckDisk()
		events, last := s.unsaved()
		if last == 0 || !d.checkpointDueAt(last, uint64(events), time.Since(newest)) {
			continue
		}
		err := d.saveFrom(ctx, s, func(took time.Duration) error { return sleep(ctx, took) })
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errTakingOver): // perhaps another node is faster
		case err == nil:
			newest, pause = time.Now(), interval
			s.complete()
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
