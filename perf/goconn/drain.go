package goconn

import (
	"context"
	"time"

	"holdfast/engine"
)

// drain stops taking requests, finishes those in hand, tells the sessions, waits
// until their output is sent, and ends all goroutines. What is still at work when
// the time is over ends later, by itself.
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
		_ = c.base().tcp.SetReadDeadline(time.Unix(1, 0)) // ends the reading, now or when it is next tried
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

// finishOutput waits until the peers have taken what was posted.
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

// unsent tells whether a peer has not taken all of its output yet.
func (s *Server) unsent() bool {
	for _, c := range s.all() {
		if c.Buffered() > 0 {
			return true
		}
	}
	return false
}

// all returns the connections that are open now.
func (s *Server) all() []carried {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]carried, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}
