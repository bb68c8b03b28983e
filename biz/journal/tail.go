package journal

import (
	"context"
	"sync"
)

// A tail is the number of the last durable batch. Readers wait on it for the next batch.
// Goroutine: one advances it, any may read and wait.
type tail struct {
	mu     sync.Mutex
	last   uint64
	more   chan struct{} // closed at the next advance; nil if no reader waits
	closed bool
}

func (t *tail) number() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *tail) advance(last uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = last
	t.wake()
}

func (t *tail) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.wake()
}

func (t *tail) wake() {
	if t.more != nil {
		close(t.more)
		t.more = nil
	}
}

// beyond waits until a batch after number is durable, and returns the number of the last
// durable batch.
func (t *tail) beyond(ctx context.Context, number uint64) (uint64, error) {
	for {
		last, more, err := t.look(number)
		if more == nil {
			return last, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// look returns the number of the last durable batch, or a channel that is closed at the
// next advance if there is no batch after number.
func (t *tail) look(number uint64) (last uint64, more chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.last > number:
		return t.last, nil, nil
	case t.closed:
		return 0, nil, ErrClosed
	case t.more == nil:
		t.more = make(chan struct{})
	}
	return 0, t.more, nil
}
