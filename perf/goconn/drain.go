package goconn

import (
	"context"
	"maps"
	"slices"
	"time"

	"holdfast/engine"
)

// drain stops reading requests, finishes those in flight, sends the sessions a Notice,
// waits until their output is sent, and ends all goroutines. After a timeout, goroutines
// that still run end later, by themselves.
func (s *Server) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Drain)
	defer cancel()
	err := s.finishRequests(ctx)
	if err == nil {
		s.core.CloseAll(engine.ReasonShuttingDown)
		err = s.finishOutput(ctx)
	}
	for _, c := range s.all() {
		_ = c.base().tcp.Close()
	}
	if err == nil {
		s.open.Wait()
	}
	for _, p := range s.pushers {
		p.stop()
	}
	return err
}

func (s *Server) finishRequests(ctx context.Context) error {
	for _, c := range s.all() {
		_ = c.base().tcp.SetReadDeadline(time.Unix(1, 0)) // ends the present read or the next one
	}
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		s.reading.Wait()
		s.workers.stop()
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		return engine.ErrDrainTimeout
	}
	if err := s.core.WaitOffLane(ctx); err != nil {
		return err
	}
	if s.config.OnDrain != nil {
		return s.config.OnDrain(ctx)
	}
	return nil
}

// finishOutput waits until the peers have received everything that was posted.
func (s *Server) finishOutput(ctx context.Context) error {
	flushed := make(chan struct{}, len(s.pushers))
	for _, p := range s.pushers {
		p.do(func() { flushed <- struct{}{} })
	}
	for range s.pushers {
		select {
		case <-flushed:
		case <-ctx.Done():
			return engine.ErrDrainTimeout
		}
	}
	for s.unsent() {
		select {
		case <-ctx.Done():
			return engine.ErrDrainTimeout
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// unsent reports whether a session has unsent output.
func (s *Server) unsent() bool {
	return slices.ContainsFunc(s.all(), func(c carried) bool { return c.Buffered() > 0 })
}

// all returns the open connections.
func (s *Server) all() []carried {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}
