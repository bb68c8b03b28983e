package chaos

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/perf/load"
)

// floodPairs is the size from which on the figures of the table count.
const floodPairs = 11

func flood() Fault {
	return Fault{
		Name: "flood", ID: "C3", Short: "connections opened and closed as fast as it goes",
		How:     "connections opened and closed as fast as it goes, beside live traffic",
		Promise: "live clients get every answer, their p99 is doubled at most, nothing is left of the flood",
		Long:    Size{Rounds: floodPairs, Size: 64}, Gate: Size{Rounds: 1, Size: 16},
		Run: runFlood,
	}
}

func runFlood(ctx context.Context, r *Run) error {
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{}))
	if err != nil {
		return err
	}
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 200, Rate: 5_000}}
	var opened int
	var took time.Duration
	attack := func(ctx context.Context) error {
		standBack()
		begin := time.Now()
		n, err := openAndClose(ctx, s.Addr, r.Size)
		opened += n
		took += time.Since(begin)
		return err
	}
	before, err := l.useAtRest(ctx, s, attack)
	if err != nil {
		return err
	}
	opened, took = 0, 0
	c, err := l.sideBySide(ctx, r, attack)
	if err != nil {
		return err
	}
	c.figures(r)
	c.kept(r)
	r.Figure("connections opened", opened, "")
	r.Figure("a second", float64(opened)/took.Seconds(), "")
	after, err := settledUse(ctx, s)
	if err != nil {
		return err
	}
	after.left(r, before)
	if r.Rounds >= floodPairs && c.p99Ratio > 2 {
		r.Broken("live p99 is %.2f times what it is alone", c.p99Ratio)
	}
	return nil
}

// useAtRest is what the server has after a short flood, which fills the pools.
func (l live) useAtRest(ctx context.Context, s *Server, attack func(context.Context) error) (use, error) {
	l.Duration = time.Second / 2
	if _, err := l.measure(ctx, attack); err != nil {
		return use{}, err
	}
	return settledUse(ctx, s)
}

// openAndClose keeps n connects under way until ctx ends; each is closed as soon
// as it is open: with nothing sent, with a request, with half a request, by FIN
// or by a reset in turn. It gives how many there were.
func openAndClose(ctx context.Context, addr string, n int) (opened int, err error) {
	c, err := newCrowd(addr, 2)
	if err != nil {
		return 0, err
	}
	defer c.close()
	request := repeat(codec.CommandConn, 1)
	c.onOpen = func(m *member) {
		opened++
		switch opened % 3 {
		case 1:
			c.send(m, request)
		case 2:
			c.send(m, request[:5])
		}
		c.leave(m, opened%8 != 0) // few of them leave a port in TIME_WAIT
	}
	for range n {
		if _, err := c.join(false); err != nil {
			return opened, err
		}
	}
	for ctx.Err() == nil {
		c.turn(5 * time.Millisecond)
		for _, m := range c.members {
			if m.over {
				if err := c.again(m); err != nil {
					return opened, err
				}
			}
		}
	}
	return opened, nil
}

// waitConnected waits until the server has so many sessions at most.
func waitConnected(ctx context.Context, s *Server, most int) bool {
	return waitMetric(ctx, s, "holdfast_client_connected", func(v float64) bool { return int(v) <= most })
}

// waitMetric waits until a figure of the server is as it has to be, or patience
// is at its end.
func waitMetric(ctx context.Context, s *Server, name string, good func(float64) bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; {
		if v, err := s.Metric(ctx, name); err == nil && good(v) {
			return true
		}
		pause(ctx, 50*time.Millisecond)
	}
	return false
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
