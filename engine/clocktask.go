package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// clockTask advances the clock of one loop. At most one is queued in gnet, so that they
// do not pile up in a busy loop.
type clockTask struct {
	loop   *loop
	due    atomic.Bool
	queued stamp // belongs to the ticker while due is false, else to the task
}

// Run implements gnet.Runnable.
func (t *clockTask) Run(context.Context) error {
	l := t.loop
	timing := &l.core.groups[l.index].timing
	timing.loopLag.add(t.queued.until(l.core.stamp()))
	timing.tick()
	t.due.Store(false)
	l.core.groups[l.index].advance(time.Now())
	l.unblock() // Run does so only after output of the lane
	return nil
}

// OnTick is gnet's call at the start, when its loops run, and then at each tick. It
// advances the clocks of all loops. Goroutine: the ticker's.
func (r *Reactor) OnTick() (delay time.Duration, action gnet.Action) {
	if !r.running() {
		if r.bootError = r.boot(); r.bootError != nil {
			return time.Hour, gnet.Shutdown
		}
	}
	r.tick()
	r.core.ends.flush(time.Now())
	return r.config.Tick, gnet.None
}

// tick queues the clock tasks of the loops that have had connections. Goroutine: the
// ticker's.
func (r *Reactor) tick() {
	for _, l := range r.loops {
		if l.isBound() && l.clockTask.due.CompareAndSwap(false, true) {
			l.clockTask.queued = r.core.stamp()
			_ = l.events.Execute(context.Background(), &l.clockTask) // fails once the loop has ended
		}
	}
}
