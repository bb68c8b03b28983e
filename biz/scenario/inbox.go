package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"holdfast/biz/client"
)

// inbox stores the pushes of a session until a step waits for them. Goroutine: any.
//
// Limit: the pushes of one scenario, since a session lasts for one.
type inbox struct {
	mu      sync.Mutex
	pushes  []received
	last    uint64                 // number of the last push, or of the last snapshot
	breaks  []client.SequenceBreak // where pushes are missing or repeated
	changed chan struct{}          // closed and replaced at each push
}

// received is a push; claimed means that a step has expected it.
type received struct {
	client.Push
	claimed bool
}

func newInbox() *inbox { return &inbox{changed: make(chan struct{})} }

func (in *inbox) add(p client.Push) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if b, broken := p.Event.(client.SequenceBreak); broken {
		in.breaks = append(in.breaks, b)
	}
	in.pushes = append(in.pushes, received{Push: p})
	in.last = max(in.last, p.Sequence)
	in.touch()
}

func (in *inbox) touch() {
	close(in.changed)
	in.changed = make(chan struct{})
}

// restart records the number of the last push that a snapshot includes.
func (in *inbox) restart(sequence uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.last = max(in.last, sequence)
	in.touch()
}

// mark returns the number of pushes so far: later pushes come after this mark.
func (in *inbox) mark() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.pushes)
}

// sequence returns the number of the last push.
func (in *inbox) sequence() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.last
}

// broken returns the breaks after the first n.
func (in *inbox) broken(n int) []client.SequenceBreak {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.breaks[n:]
}

// reach waits until the push with this number was received, or a later one.
func (in *inbox) reach(ctx context.Context, sequence uint64) error {
	return in.until(ctx, func() bool { return in.last >= sequence })
}

// until waits until ok, which is called under the lock, returns true.
func (in *inbox) until(ctx context.Context, ok func() bool) error {
	for {
		in.mu.Lock()
		found, changed := ok(), in.changed
		in.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// since returns the pushes after a mark.
func (in *inbox) since(mark int) []client.Push {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := make([]client.Push, 0, len(in.pushes)-mark)
	for _, p := range in.pushes[mark:] {
		list = append(list, p.Push)
	}
	return list
}

// claim waits for a push after the mark that no other step has claimed and that wanted accepts,
// and claims it. The error is ErrNoPush, or the end of ctx.
func (in *inbox) claim(ctx context.Context, mark int, timeout time.Duration, wanted func(client.Push) bool) (found client.Push, err error) {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = in.until(waiting, func() bool {
		for ; mark < len(in.pushes); mark++ {
			if p := &in.pushes[mark]; !p.claimed && wanted(p.Push) {
				p.claimed, found = true, p.Push
				return true
			}
		}
		return false
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w within %v", ErrNoPush, timeout)
	}
	return found, err
}
