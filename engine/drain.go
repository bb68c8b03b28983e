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
	r.core.closeAfterFeeds(ctx, ReasonShuttingDown, time.Now().Add(r.config.Drain/2))
	look, cancelLook := context.WithTimeout(context.Background(), r.config.Drain+lookTime)
	defer cancelLook()
	for {
		left, err := r.unsent(look)
		if left == 0 || err != nil {
			return err
		}
		if !sleep(ctx, 5*time.Millisecond) {
			r.core.log.Warn("stopped before clients had read all output; the rest is lost", "sessions", left, "drain", r.config.Drain)
			return nil
		}
	}
}

func (r *Reactor) finishRequests(ctx context.Context) error {
	giveUp := time.Now().Add(r.config.Drain / 2)
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
		held := r.core.Load().Held
		if blocked.Load() == 0 && held == 0 {
			break
		}
		if held > 0 && time.Now().After(giveUp) {
			r.core.log.Warn("clients do not read their replies; the rest of their requests is not executed", "sessions", held)
			if _, err := r.barrier(ctx, (*loop).closeHeld); err != nil {
				return err
			}
			giveUp = giveUp.Add(r.config.Drain)
		}
		if held > 0 && !sleep(ctx, shortestLook) {
			return fmt.Errorf("%w: requests wait for clients to read", ErrDrainTimeout)
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

// sleep returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
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
	for _, l := range r.loops {
		if !l.isBound() {
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
