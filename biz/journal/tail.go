package journal

import (
	"context"
	"sync"
)

// A tail is the number of the last durable batch, for those who wait for the
// next one. One goroutine advances it; any may read and wait.
type tail struct {
	mu     sync.Mutex
	last   uint64
	more   chan struct{} // closed at the next advance; nil if nobody waits
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

// beyond waits until a batch after number is durable and returns the last one
// that is.
func (t *tail) beyond(ctx context.Context, number uint64) (uint64, error) {
	for {
		last, more, err := t.look(number)
		if err != nil || more == nil {
			return last, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// look returns the last number if it lies beyond number, or else a channel
// that is closed when it is worth looking again.
func (t *tail) look(number uint64) (last uint64, more <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last > number {
		return t.last, nil, nil
	}
	if t.closed {
		return 0, nil, ErrClosed
	}
	if t.more == nil {
		t.more = make(chan struct{})
	}
	return 0, t.more, nil
}
