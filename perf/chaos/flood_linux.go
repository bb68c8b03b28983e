package chaos

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/perf/load"
)

func flood() Fault {
	return Fault{
		Name: "flood", ID: "C3", Short: "connections opened and closed as fast as possible",
		How:     "connections opened and closed as fast as possible, beside live traffic",
		Promise: "live clients get every reply, their p99 at most doubles, and no session of the flood is left",
		Long:    Size{Rounds: fullPairs, Size: 64}, Gate: Size{Rounds: 1, Size: 16},
		RoundsHelp: "windows without the fault, and as many with it",
		SizeHelp:   "connections open at the same time",
		Run:        runFlood,
	}
}

func runFlood(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{})))
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 200, Rate: 5_000}}
	var opened int
	var took time.Duration
	attack := func(ctx context.Context) {
		runWhenIdle()
		start := time.Now()
		opened += openAndClose(ctx, s.Addr, r.Size)
		took += time.Since(start)
	}
	short := l
	short.Duration = time.Second / 2
	short.measure(ctx, attack) // fills the pools
	before := useAtRest(ctx, s)
	opened, took = 0, 0
	l.sideBySide(ctx, r, attack).figures(r, 2)
	r.Figure("connections opened", opened, "")
	r.Figure("connections opened a second", float64(opened)/took.Seconds(), "")
	useAtRest(ctx, s).left(r, before)
	return nil
}

// openAndClose keeps n connects in progress until ctx ends. Each connection is closed as
// soon as it is open, by FIN or reset, after nothing, a request or half a request in
// turn. It returns how many there were.
func openAndClose(ctx context.Context, addr string, n int) (opened int) {
	c := newCrowd(addr, 2)
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
		c.leave(m, opened%8 != 0) // only one in eight leaves a port in TIME_WAIT
	}
	c.joinAll(n)
	for ctx.Err() == nil {
		c.poll(5 * time.Millisecond)
		c.reconnectAll()
	}
	return opened
}
