package journal

import (
	"context"
	"errors"
	"fmt"
)

// A walk reads batches in order and checks that each continues the chain.
type walk struct {
	j     *Journal
	r     batchReader
	chain chain
	batch Batch
}

// walk starts a walk at batch from. It also reads the batch before, since the chain
// continues from there.
func (j *Journal) walk(ctx context.Context, from uint64) (*walk, error) {
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	from = max(from, 1)
	base := j.blocks.before()
	if from <= base.Batch {
		return nil, trimmed(from, base)
	}
	if last := j.LastBatch(); from > last+1 {
		return nil, ErrAhead
	}
	r, err := j.newReader()
	if err != nil {
		return nil, closedOr(err)
	}
	w := &walk{j: j, r: r, chain: chainFrom(base)}
	if from == w.next() {
		return w, nil
	}
	if w.chain, err = chainAfter(ctx, r, j.dir, from-1); err != nil {
		w.close()
		return nil, j.refreshed(from-1, closedOr(err))
	}
	return w, nil
}

func (w *walk) close() { w.r.close() }

// next returns the number of the batch to read next.
func (w *walk) next() uint64 { return w.chain.batch }

// to reads all batches up to last, which must be durable.
func (w *walk) to(ctx context.Context, last uint64, fn func(*Batch) error) error {
	for w.next() <= last {
		if err := w.j.open(ctx); err != nil { // a window that is there at once would win
			return err
		}
		before := w.next()
		err := w.r.window(ctx, before, last, func(b found) error { return w.take(&b, fn) })
		if err != nil {
			return closedOr(err)
		}
		if w.next() == before {
			return w.damage(errors.New("the store can't read it"))
		}
	}
	return nil
}

func (w *walk) take(b *found, fn func(*Batch) error) error {
	void, err := w.chain.pass(b.number, b.epoch)
	if void {
		w.j.countVoid(b.number)
		return nil
	}
	var h header
	if err == nil {
		h, err = w.chain.follow(b.number, b.msg)
	}
	if err != nil {
		return w.damage(err)
	}
	w.batch = Batch{Number: b.number, First: h.first, Count: int(h.count), Checksum: h.crc, Time: b.time, Epoch: b.epoch,
		body: b.msg[headerBytes:], CaughtUp: b.number >= w.j.LastBatch()}
	return fn(&w.batch)
}

// damage returns the error for the next batch.
func (w *walk) damage(what error) error {
	return w.j.refreshed(w.next(), damageIn(w.j.dir, w.next(), what))
}

// trimmedOr returns ErrTrimmed if a batch was trimmed, else err.
func (j *Journal) trimmedOr(batch uint64, err error) error {
	if base := j.blocks.before(); batch <= base.Batch {
		return trimmed(batch, base)
	}
	return err
}

func trimmed(batch uint64, base Point) error {
	return fmt.Errorf("%w: batch %d; the journal starts with batch %d", ErrTrimmed, batch, base.Batch+1)
}

// chainAfter reads one batch, which must not be void, and returns the chain after it. It does not
// check that this batch continues the one before.
func chainAfter(ctx context.Context, r batchReader, dir string, number uint64) (chain, error) {
	b, err := one(ctx, r, number)
	if err != nil {
		return chain{}, err
	}
	if b.msg == nil {
		return chain{}, damageIn(dir, number, errors.New("the store can't read it"))
	}
	h, err := parseMessage(b.msg)
	if err != nil {
		return chain{}, damageIn(dir, number, err)
	}
	return after(number, h, b.epoch), nil
}
