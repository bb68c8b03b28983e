package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// lookTime is how long the loops may take to report unsent output. A loop that takes
// longer is stuck.
const lookTime = 2 * time.Second

// drain stops taking requests, finishes those already received, sends each session a
// Notice and waits until all output is sent. Output that nobody reads is not an error:
// it is dropped when the time is over.
func (r *Reactor) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.Drain)
	defer cancel()
	r.draining.Store(true)
	if err := r.finishRequests(ctx); err != nil {
		return err
	}
	r.core.CloseAll(ReasonShuttingDown)
	look, cancelLook := context.WithTimeout(context.Background(), r.config.Drain+lookTime)
	defer cancelLook()
	for {
		left, err := r.unsent(look)
		if left == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			r.core.log.Warn("stopped before clients had read all output; the rest is lost", "sessions", left, "drain", r.config.Drain)
			return nil
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (r *Reactor) finishRequests(ctx context.Context) error {
	for {
		var blocked atomic.Int64
		// After this, everything that was read before is in the lanes or blocked.
		if _, err := r.barrier(ctx, func(l *loop) {
			l.queue.drain()
			blocked.Add(int64(len(l.blocked)))
		}); err != nil {
			return err
		}
		if err := r.waitForLanes(ctx); err != nil {
			return err
		}
		if blocked.Load() == 0 {
			break
		}
	}
	if err := r.core.WaitOffLane(ctx); err != nil {
		return fmt.Errorf("%w: requests off the lane: %d", err, r.core.offLaneTasks.Load())
	}
	if r.config.OnDrain != nil {
		return r.config.OnDrain(ctx)
	}
	return nil
}

// waitForLanes returns when the lanes are empty.
func (r *Reactor) waitForLanes(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, l := range r.loops {
			l.lane.Wait()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: requests are still running", ErrDrainTimeout)
	}
}

// unsent returns how many sessions have output that their peers have not taken.
func (r *Reactor) unsent(ctx context.Context) (int, error) {
	sessions := r.core.sessions.all()
	counts := make(chan int, len(r.loops))
	loops, err := r.barrier(ctx, func(l *loop) {
		n := 0
		for _, s := range sessions {
			if s.group.index == l.index && !s.closed && s.link.Buffered() > 0 {
				n++
			}
		}
		counts <- n
	})
	if err != nil {
		return 0, err
	}
	total := 0
	for range loops {
		total += <-counts
	}
	return total, nil
}

// barrier runs f on each loop that has connections, after everything that was posted
// before, and waits for all of them. It returns ErrDrainTimeout if ctx ends first.
func (r *Reactor) barrier(ctx context.Context, f func(*loop)) (loops int, err error) {
	done := make(chan struct{}, len(r.loops))
	started := 0
	r.bind.Lock()
	for _, l := range r.loops {
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
		select {
		case <-done:
		case <-ctx.Done():
			return 0, ErrDrainTimeout
		}
	}
	return started, nil
}

type runnable func()

func (r runnable) Run(context.Context) error {
	r()
	return nil
}
