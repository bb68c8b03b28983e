package chaos

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/perf/load"
	"holdfast/perf/process"
)

func slowReaders() Fault {
	return Fault{
		Name: "slowreaders", ID: "C1", Short: "clients that send requests and never read, beside others",
		How:     "clients that send requests and never read, beside ten times as many that read",
		Promise: "the server closes these clients; a limit on unsent output bounds their memory; other clients wait at most 10 % longer",
		Long:    Size{Rounds: fullPairs, Size: 100}, Gate: Size{Rounds: 1, Size: 20},
		RoundsHelp: "windows without the fault, and as many with it",
		SizeHelp:   "clients that do not read",
		Run:        runSlowReaders,
	}
}

// slowReadersWindow is long enough for clients to be cut at the soft limit.
const slowReadersWindow = 15 * time.Second

// hardBytes is how much unsent output the server holds for one session.
const hardBytes = 1 << 20

func runSlowReaders(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{})))
	base := process.RSS(s.PID)
	highest := s.watchRSS(ctx)
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 10 * r.Size, Rate: 10_000}}
	if l.pairs > 1 {
		l.Duration = slowReadersWindow
	}
	var again int
	c := l.sideBySide(ctx, r, func(ctx context.Context) { again += askWithoutReading(ctx, s.Addr, r.Size) })
	cut := untilCut(ctx, s, r.Size)
	peak := highest()
	c.figures(r, 1.10)
	r.Figure("slow readers closed", cut, "")
	r.Figure("times that a closed one reconnected", again, "")
	r.Figure("memory at the start", base>>20, "MiB")
	r.Figure("highest memory", peak>>20, "MiB")
	if cut < r.Size {
		r.Broken("%d of %d clients that do not read were cut", cut, r.Size)
	}
	// Their queues, twice because growing copies a buffer, and the same again for garbage
	// that is not yet collected.
	if limit := base + uint64(r.Size)*4*hardBytes + 64<<20; peak > limit {
		r.Broken("the server grew to %d MiB; the limits allow %d", peak>>20, limit>>20)
	}
	return nil
}

// untilCut waits without live traffic until the server has cut n sessions, and returns
// how many it has cut.
func untilCut(ctx context.Context, s *Server, n int) (cut int) {
	asking, cancel := context.WithTimeout(ctx, patience)
	failed := make(chan error, 1)
	go func() { failed <- catch(func() { askWithoutReading(asking, s.Addr, n) }) }()
	defer func() { cancel(); check(<-failed) }()
	waitUntil(ctx, patience, 100*time.Millisecond, func() bool {
		cut = s.closedFor(ctx, "slow_consumer", "write_stall", "memory", "overloaded")
		return cut >= n
	})
	return cut
}

// The load of the clients that do not read, with replies of about 800 bytes. It is even
// and a few percent of the server's capacity, so that only the missing reads matter, not
// the requests. Steady clients exceed the soft limit after some seconds; greedy ones, one
// in ten, reach the hard limit in that time.
const (
	slowRate    = 10_000 // requests a second, all clients together
	slowAtOnce  = 20
	slowGreedy  = 5 // times as much
	greedyShare = 10
)

// askWithoutReading connects n clients that log in and request all prices over and over,
// without reading. A client that is cut reconnects; it returns how often that happened.
func askWithoutReading(ctx context.Context, addr string, n int) (again int) {
	c := newCrowd(addr, 0)
	defer c.close()
	steady, greedy := repeat(codec.CommandQuotes, slowAtOnce), repeat(codec.CommandQuotes, slowGreedy*slowAtOnce)
	c.onOpen = func(m *member) { c.send(m, loginOf(m.number%customers)) }
	for range n {
		c.join(true)
	}
	asked, start := 0, time.Now()
	for next := 0; ctx.Err() == nil; {
		c.poll(5 * time.Millisecond)
		due := int(time.Since(start).Seconds() * slowRate)
		for range c.members {
			if asked >= due {
				break
			}
			m := c.members[next%len(c.members)]
			next++
			switch {
			case m.over:
				again++
				c.reconnect(m)
			case !m.connected || len(m.pending) > 0:
			case m.number%greedyShare == 0:
				c.send(m, greedy)
				asked += slowGreedy * slowAtOnce
			default:
				c.send(m, steady)
				asked += slowAtOnce
			}
		}
		asked = max(asked, due-slowRate/10) // do not catch up on what could not be sent
	}
	return again
}
