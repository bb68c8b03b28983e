package journal

import (
	"context"
	"errors"
)

// A walk reads batches in order and checks that each continues the chain.
type walk struct {
	j     *Journal
	r     *reader
	chain chain
	batch Batch
}

// walk starts before batch from. The batch before it is read too, since the
// chain continues from there.
func (j *Journal) walk(ctx context.Context, from uint64) (*walk, error) {
	from = max(from, 1)
	if last := j.LastBatch(); from > last+1 {
		return nil, ErrAhead
	}
	r, err := newReader(j.readConn, j.quit)
	if err != nil {
		return nil, closedOr(err)
	}
	w := &walk{j: j, r: r, chain: startOfChain()}
	if from == 1 {
		return w, nil
	}
	w.chain, err = chainBehind(ctx, r, j.dir, from-1)
	if err != nil {
		w.close()
		return nil, closedOr(err)
	}
	return w, nil
}

func (w *walk) close() { w.r.close() }

// next is the number of the batch that is read next.
func (w *walk) next() uint64 { return w.chain.batch }

// to reads all batches up to last, which is durable.
func (w *walk) to(ctx context.Context, last uint64, fn func(*Batch) error) error {
	for w.next() <= last {
		before := w.next()
		err := w.r.window(ctx, before, last, func(number uint64, msg []byte) error {
			return w.take(number, msg, fn)
		})
		if err != nil {
			return closedOr(err)
		}
		if w.next() == before {
			return w.damage(errors.New("the store cannot read it"))
		}
	}
	return nil
}

func (w *walk) take(number uint64, msg []byte, fn func(*Batch) error) error {
	h, err := w.chain.follow(number, msg)
	if err != nil {
		return w.damage(err)
	}
	w.batch = Batch{Number: number, First: h.first, Count: int(h.count), body: msg[headerBytes:],
		CaughtUp: number >= w.j.LastBatch()}
	return fn(&w.batch)
}

// damage names what is wrong with the next batch.
func (w *walk) damage(what error) error {
	return damageIn(w.j.dir, w.next(), what)
}

// chainBehind reads one batch and returns the chain behind it. That the batch
// itself follows its predecessor is not checked.
func chainBehind(ctx context.Context, r *reader, dir string, number uint64) (chain, error) {
	var c chain
	err := r.window(ctx, number, number, func(got uint64, msg []byte) error {
		if got != number {
			return nil
		}
		h, err := parseMessage(msg)
		if err != nil {
			return damageIn(dir, number, err)
		}
		c = after(number, h)
		return nil
	})
	if err == nil && c.batch == 0 {
		err = damageIn(dir, number, errors.New("the store cannot read it"))
	}
	return c, err
}
