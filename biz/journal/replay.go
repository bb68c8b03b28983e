package journal

import "context"

// Replay calls fn for each record that is durable when Replay is called, in
// order, starting with the first record of batch from; 0 and 1 both mean the
// beginning. The record is valid until fn returns.
//
// It returns the first error of fn as it is, a *DamageError at the first batch
// that does not continue the chain, ErrAhead if from lies more than one beyond
// the end, and ErrClosed if the journal is closed meanwhile.
func (j *Journal) Replay(ctx context.Context, from uint64, fn func(at Position, record []byte) error) error {
	w, err := j.walk(ctx, from)
	if err != nil {
		return err
	}
	defer w.close()
	return w.to(ctx, j.LastBatch(), func(b *Batch) error {
		for n, rec := range b.Records() {
			if err := fn(Position{Batch: b.Number, Record: n}, rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// Follow calls fn for each batch from number from on, in order, and then waits
// for new ones; 0 and 1 both mean the beginning. Only durable batches are
// delivered. It ends with the errors of Replay, or with ctx.Err().
//
// Follow reads in windows of about 1 MiB, so a reader that falls behind costs
// the writer no memory.
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

// Counts is what Verify found.
type Counts struct {
	Batches uint64
	Records uint64
	Bytes   uint64 // of the batches, headers included
}

// Verify reads the whole journal and checks the chain from the first batch to
// the last one that is durable when Verify is called. On a *DamageError the
// counts are those up to the damage.
func (j *Journal) Verify(ctx context.Context) (Counts, error) {
	var c Counts
	w, err := j.walk(ctx, 1)
	if err != nil {
		return c, err
	}
	defer w.close()
	err = w.to(ctx, j.LastBatch(), func(b *Batch) error {
		c.Batches++
		c.Records += uint64(b.Count)
		c.Bytes += uint64(headerBytes + len(b.body))
		return nil
	})
	return c, err
}
