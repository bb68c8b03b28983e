package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// clockTask advances the clock of one loop. At most one is queued in gnet, so that they
// do not pile up in a busy loop.
type clockTask struct {
	loop *loop
	due  atomic.Bool
}

// Run implements gnet.Runnable.
func (t *clockTask) Run(context.Context) error {
	t.due.Store(false)
	l := t.loop
	l.core.groups[l.index].advance(time.Now())
	l.unblock() // Run does so only after output of the lane
	return nil
}

// startTicks advances the clocks of all loops until stop is called, once or more often.
func (r *Reactor) startTicks() (stop func()) {
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

// tick queues the clock tasks of the loops that have had connections. Goroutine: the
// ticker's.
func (r *Reactor) tick() {
	r.bind.Lock()
	defer r.bind.Unlock()
	for _, l := range r.loops {
		if l.events == nil || !l.clockTask.due.CompareAndSwap(false, true) {
			continue
		}
		_ = l.events.Execute(context.Background(), &l.clockTask) // fails once the loop has ended
	}
}
