package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// turn is the task of one loop that lets its time pass. At most one is handed to
// gnet: a loop that is behind gets no pile of them.
type turn struct {
	loop *loop
	due  atomic.Bool
}

// Run implements gnet.Runnable.
func (t *turn) Run(context.Context) error {
	t.due.Store(false)
	l := t.loop
	l.core.groups[l.index].advance(time.Now())
	l.unblock() // also when the lane had nothing to write
	return nil
}

// startTicks has the time pass in all loops until the returned function is
// called, which may be called again.
func (r *Reactor) startTicks() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(r.config.Tick)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				r.tick()
				r.core.ends.flush(now)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// tick asks the loops that have had connections. Goroutine: the ticker's.
func (r *Reactor) tick() {
	r.bind.Lock()
	defer r.bind.Unlock()
	for _, l := range r.loops {
		if l.events == nil || !l.turn.due.CompareAndSwap(false, true) {
			continue
		}
		_ = l.events.Execute(context.Background(), &l.turn) // in vain when the loop has ended
	}
}
