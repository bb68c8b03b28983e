package chaos

import (
	"context"
	"errors"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// slowReadersPairs is the size from which on the figures of the table count.
const slowReadersPairs = 11

func slowReaders() Fault {
	return Fault{
		Name: "slowreaders", ID: "C1", Short: "clients that ask and never read, beside those that do",
		How:     "clients that ask and never read, beside ten times as many that do",
		Promise: "they are cut, memory is bounded by their limit, others wait 10 % longer at most",
		Long:    Size{Rounds: slowReadersPairs, Size: 100}, Gate: Size{Rounds: 1, Size: 20},
		Run: runSlowReaders,
	}
}

// slowReadersWindow is long enough for clients to be cut at the soft limit.
const slowReadersWindow = 15 * time.Second

// hardBytes is how much unsent output the server holds for one session.
const hardBytes = 1 << 20

func runSlowReaders(ctx context.Context, r *Run) error {
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{}))
	if err != nil {
		return err
	}
	base := s.RSS()
	watch := watchRSS(ctx, s)
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 10 * r.Size, Rate: 10_000}}
	if l.pairs > 1 {
		l.Duration = slowReadersWindow
	}
	var again int
	c, err := l.sideBySide(ctx, r, func(ctx context.Context) error {
		n, err := askWithoutReading(ctx, s.Addr, r.Size)
		again += n
		return err
	})
	if err != nil {
		watch()
		return err
	}
	cut, err := untilCut(ctx, s, r.Size)
	peak := watch()
	if err != nil {
		return err
	}
	c.figures(r)
	c.kept(r)
	r.Figure("slow readers cut", cut, "")
	r.Figure("of them came back", again, "times")
	r.Figure("memory at the start", base>>20, "MiB")
	r.Figure("highest", peak>>20, "MiB")
	if cut < r.Size {
		r.Broken("%d of %d clients that do not read were cut", cut, r.Size)
	}
	// Their queues, twice since a buffer that grows is copied, and as much again for
	// what the collector has not found yet.
	if limit := base + uint64(r.Size)*4*hardBytes + 64<<20; peak > limit {
		r.Broken("the server grew to %d MiB; the limits allow %d", peak>>20, limit>>20)
	}
	if r.Rounds >= slowReadersPairs && c.p99Ratio > 1.10 {
		r.Broken("others' p99 is %.2f times what it is alone", c.p99Ratio)
	}
	return nil
}

// untilCut goes on without live traffic until the server has cut that many, and
// gives how many it has.
func untilCut(ctx context.Context, s *Server, n int) (cut int, err error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := askWithoutReading(asking, s.Addr, n)
		failed <- err
	}()
	for cut < n && asking.Err() == nil && err == nil {
		pause(asking, 100*time.Millisecond)
		cut, err = closedFor(ctx, s, "slow_consumer", "write_stall", "memory", "overloaded")
	}
	cancel()
	return cut, errors.Join(err, <-failed)
}

// What clients ask for that do not read, in replies of some 800 bytes: evenly, so
// that it is a few percent of what the server can do. Not what they ask is to be
// felt, but that they do not read. The steady ones are over the soft limit after
// some seconds, the greedy ones, one in ten, reach the hard limit by then.
const (
	slowRate    = 10_000 // requests a second, of all together
	slowAtOnce  = 20
	slowGreedy  = 5 // times as much
	greedyShare = 10
)

// askWithoutReading has n clients log in and ask for all prices, over and over,
// without ever reading. One that is cut comes back. It gives how often.
func askWithoutReading(ctx context.Context, addr string, n int) (again int, err error) {
	c, err := newCrowd(addr, 0)
	if err != nil {
		return 0, err
	}
	defer c.close()
	steady, greedy := repeat(codec.CommandQuotes, slowAtOnce), repeat(codec.CommandQuotes, slowGreedy*slowAtOnce)
	c.onOpen = func(m *member) { c.send(m, loginOf(m.number%customers)) }
	for range n {
		if _, err := c.join(true); err != nil {
			return 0, err
		}
	}
	asked, begin := 0, time.Now()
	for turn := 0; ctx.Err() == nil; {
		c.turn(5 * time.Millisecond)
		due := int(time.Since(begin).Seconds() * slowRate)
		for range c.members {
			if asked >= due {
				break
			}
			m := c.members[turn%len(c.members)]
			turn++
			switch {
			case m.over:
				again++
				if err := c.again(m); err != nil {
					return again, err
				}
			case !m.connected || len(m.pending) > 0:
			case m.number%greedyShare == 0:
				c.send(m, greedy)
				asked += slowGreedy * slowAtOnce
			default:
				c.send(m, steady)
				asked += slowAtOnce
			}
		}
		asked = max(asked, due-slowRate/10) // what nobody could take is not made up for
	}
	return again, nil
}

// repeat returns n frames of a command without a body, in one piece.
func repeat(command codec.Command, n int) []byte {
	var b []byte
	for i := range uint64(n) {
		b = codec.AppendMessage(b, codec.Message{Command: command, ID: i + 1})
	}
	return b
}

// loginOf returns the frame that logs a shipped customer in, by number from 0.
func loginOf(customer int) []byte {
	number := uint32(firstCustomer + customer)
	return codec.AppendRequest(nil, codec.CommandLogin, 1, &pb.LoginRequest{
		Customer: number, Credential: &pb.LoginRequest_Token{Token: demoToken(number)},
	})
}

// closedFor adds up the sessions that were closed for these reasons.
func closedFor(ctx context.Context, s *Server, reasons ...string) (total int, err error) {
	all, err := s.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	for _, reason := range reasons {
		total += int(all[closes(reason)])
	}
	return total, nil
}

// closes names the counter of a reason.
func closes(reason string) string { return `holdfast_closes_total{reason="` + reason + `"}` }

// watchRSS looks at the server's memory until the function returned is called,
// which gives the highest.
func watchRSS(ctx context.Context, s *Server) (stop func() uint64) {
	ctx, cancel := context.WithCancel(ctx)
	highest := make(chan uint64)
	go func() {
		peak := s.RSS()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				highest <- max(peak, s.RSS())
				return
			case <-tick.C:
				peak = max(peak, s.RSS())
			}
		}
	}()
	return func() uint64 {
		cancel()
		return <-highest
	}
}
