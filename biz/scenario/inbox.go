package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast/biz/client"
)

// inbox keeps the pushes of a session for those who wait for one.
//
// Limit: a session lives for one case, so what it gets is bounded by that.
type inbox struct {
	mu      sync.Mutex
	pushes  []client.Push
	breaks  int
	changed chan struct{} // closed and replaced at each push
}

func newInbox() *inbox { return &inbox{changed: make(chan struct{})} }

func (in *inbox) add(p client.Push) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if _, broken := p.Event.(client.SequenceBreak); broken {
		in.breaks++
	}
	in.pushes = append(in.pushes, p)
	close(in.changed)
	in.changed = make(chan struct{})
}

// mark returns a place before all later pushes.
func (in *inbox) mark() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.pushes)
}

// broken tells how often the sequence of pushes had a gap or a double.
func (in *inbox) broken() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.breaks
}

// await returns the first push after the mark that is wanted.
func (in *inbox) await(
	ctx context.Context, mark int, timeout time.Duration, what string, wanted func(client.Push) bool,
) (client.Push, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		in.mu.Lock()
		fresh, changed := in.pushes[mark:], in.changed
		in.mu.Unlock()
		for _, p := range fresh {
			if wanted(p) {
				return p, nil
			}
		}
		mark += len(fresh)
		select {
		case <-changed:
		case <-ctx.Done():
			return client.Push{}, ctx.Err()
		case <-timer.C:
			return client.Push{}, fmt.Errorf("%w within %v: %s", ErrNoPush, timeout, what)
		}
	}
}
