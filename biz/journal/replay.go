package journal

import (
	"context"
	"errors"
)

// Replay calls fn for each record that is durable when Replay is called, in order,
// starting with the first record of batch from; 0 and 1 both mean the beginning. The
// record is valid until fn returns.
//
// It returns the first error of fn unchanged, a *DamageError at the first batch that does
// not continue the chain, ErrAhead if from is beyond the next batch, ErrTrimmed if from is
// before FirstBatch or Trim removed a batch that was not read yet, and ErrClosed if the journal
// is closed meanwhile.
func (j *Journal) Replay(ctx context.Context, from uint64, fn func(at Position, record []byte) error) error {
	return j.ReplayBatches(ctx, from, func(b *Batch) error {
		for n, rec := range b.Records() {
			if err := fn(Position{Batch: b.Number, Record: n}, rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReplayBatches is Replay with the batches as a whole.
func (j *Journal) ReplayBatches(ctx context.Context, from uint64, fn func(b *Batch) error) error {
	if j.srv != nil {
		return j.replayFiles(ctx, max(from, 1), j.LastBatch(), fn)
	}
	w, err := j.walk(ctx, from)
	if err != nil {
		return err
	}
	defer w.close()
	return w.to(ctx, j.LastBatch(), fn)
}

// replayFiles is ReplayBatches for a store in this process: it reads the files, up to batch last. That
// takes a third of the time and of the memory.
func (j *Journal) replayFiles(ctx context.Context, from, last uint64, fn func(b *Batch) error) error {
	s := &scan{dir: j.dir, mark: mark{batch: last}, toMark: true, each: func(b *Batch) error {
		if b.Number < from {
			return nil
		}
		b.CaughtUp = b.Number == last
		return fn(b)
	}}
	if err := j.open(ctx); err != nil {
		return err
	}
	switch base := j.blocks.before(); {
	case from <= base.Batch:
		return trimmed(from, base)
	case from > last+1:
		return ErrAhead
	case from > last:
		return nil
	}
	if err := s.chooseFrom(from); err != nil {
		return j.trimmedOr(from, err)
	}
	for i := range s.files {
		if err := j.open(ctx); err != nil {
			return err
		}
		if s.complete() {
			return nil
		}
		if _, err := s.file(i); err != nil {
			return j.trimmedOr(s.end.batch, err)
		}
	}
	if !s.complete() {
		return damageIn(j.dir, s.end.batch, errors.New("missing"))
	}
	return nil
}

// Follow calls fn for each durable batch from number from on, in order, and then waits for
// new batches; 0 and 1 both mean the beginning. It returns the errors of Replay, or
// ctx.Err().
//
// Follow reads in windows of about 1 MiB, so a slow reader costs the writer no memory.
func (j *Journal) Follow(ctx context.Context, from uint64, fn func(b *Batch) error) error {
	w, err := j.walk(ctx, from)
	if err != nil {
		return err
	}
	defer w.close()
	for {
		last, err := j.tail.beyond(ctx, w.next()-1)
		if err != nil {
			return err
		}
		if err := w.to(ctx, last, fn); err != nil {
			return err
		}
	}
}
