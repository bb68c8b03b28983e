package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast/biz/client"
)

// inbox stores the pushes of a session until a step waits for them.
//
// Limit: the pushes of one case, since a session lasts for one case.
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

// mark returns the number of pushes so far: later pushes come after this mark.
func (in *inbox) mark() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.pushes)
}

// broken returns how often a push was missing or repeated.
func (in *inbox) broken() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.breaks
}

// await returns the first event of type E after the mark that wanted accepts, and the number
// of its push.
func await[E client.Event](a *actor, s *session, mark int, what string, wanted func(sequence uint64, e E) bool) (event E, sequence uint64, err error) {
	p, err := s.in.await(a.ctx, mark, a.stage.options.Timeout, what, func(p client.Push) bool {
		e, ok := p.Event.(E)
		return ok && wanted(p.Sequence, e)
	})
	if err != nil {
		return event, 0, err
	}
	return p.Event.(E), p.Sequence, nil
}

// await returns the first push after the mark that wanted accepts.
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
