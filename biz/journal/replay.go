package journal

import "context"

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
	w, err := j.walk(ctx, from)
	if err != nil {
		return err
	}
	defer w.close()
	return w.to(ctx, j.LastBatch(), fn)
}

// Follow calls fn for each durable batch from number from on, in order, and then waits for
// new batches; 0 and 1 both mean the beginning. It returns the errors of Replay, or
// ctx.Err().
//
// A slow reader costs the writer no memory.
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
