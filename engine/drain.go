package engine

import (
	"context"
	"time"
)

// drain stops taking requests, finishes those in hand, tells the sessions and
// waits until their output is sent.
func (r *Reactor) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.Drain)
	defer cancel()
	r.draining.Store(true)
	if err := r.finishRequests(ctx); err != nil {
		return err
	}
	r.core.CloseAll(ReasonShuttingDown)
	for r.unsent() > 0 {
		select {
		case <-ctx.Done():
			return ErrDrainTimeout
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func (r *Reactor) finishRequests(ctx context.Context) error {
	r.barrier(func(*loop) {}) // what was read before draining is in the lanes now
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, l := range r.loops {
			l.lane.Wait()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return ErrDrainTimeout
	}
	if err := r.core.WaitOffLane(ctx); err != nil {
		return err
	}
	if r.config.OnDrain != nil {
		return r.config.OnDrain(ctx)
	}
	return nil
}

// unsent returns how many sessions have output that their peers have not taken.
func (r *Reactor) unsent() int {
	sessions := r.core.sessions.all()
	counts := make(chan int, len(r.loops))
	loops := r.barrier(func(l *loop) {
		n := 0
		for _, s := range sessions {
			if s.group.index == l.index && !s.closed && s.link.Buffered() > 0 {
				n++
			}
		}
		counts <- n
	})
	total := 0
	for range loops {
		total += <-counts
	}
	return total
}

// barrier runs f on each loop that has connections, behind everything that was
// posted before, and waits for all of them.
func (r *Reactor) barrier(f func(*loop)) int {
	done := make(chan struct{}, len(r.loops))
	started := 0
	r.bind.Lock()
	loops := r.loops
	for _, l := range loops {
		if l.events == nil {
			continue
		}
		task := runnable(func() {
			_ = l.Run(context.Background())
			f(l)
			done <- struct{}{}
		})
		if l.events.Execute(context.Background(), task) == nil {
			started++
		}
	}
	r.bind.Unlock()
	for range started {
		<-done
	}
	return started
}

type runnable func()

func (r runnable) Run(context.Context) error {
	r()
	return nil
}
