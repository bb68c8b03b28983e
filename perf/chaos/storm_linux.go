package chaos

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// stormSize is the smallest size whose figures are judged.
const stormSize = 10_000

// stormWait is how long a quiet reader may wait, unless it waits longer without the
// storm, which is the machine's fault.
const stormWait = 10 * time.Millisecond

func storm() Fault {
	return Fault{
		Name: "storm", ID: "C8", Short: "1,000 price moves a second to all, beside quiet readers",
		How:     "sessions subscribed to every price, 1,000 price moves a second, beside quiet readers",
		Promise: "quiet clients never wait longer than 10 ms",
		Long:    Size{Rounds: 3, Size: stormSize}, Gate: Size{Rounds: 1, Size: 300},
		RoundsHelp: "windows without the fault, and as many with it",
		SizeHelp:   "sessions that subscribe to every price",
		Run:        runStorm,
	}
}

// stormMoves is how many prices move a second.
const stormMoves = 1000

func runStorm(ctx context.Context, r *Run) error {
	args := []string{"--price-moves", strconv.Itoa(stormMoves), "--max-connections", strconv.Itoa(r.Size + 1000)}
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{Args: args})))
	for _, w := range []load.Workload{load.Heartbeat, load.Positions} {
		b := &audience{run: r, addr: s.Addr, ready: make(chan struct{}, 1)}
		l := live{pairs: r.Rounds, ready: b.ready, Options: load.Options{
			Addr: s.Addr, Connections: 20, Rate: 500, Workload: w, Accounts: demoAccounts(20),
		}}
		c := l.sideBySide(ctx, r, b.attend)
		alone := microseconds(c.quiet.Max)
		r.Figure(string(w)+" p99 without the storm", microseconds(c.quiet.P99), "")
		r.Figure(string(w)+" maximum without the storm", alone, "")
		r.Figure(string(w)+" p99 in the storm", microseconds(c.beside.P99), "")
		r.Figure(string(w)+" p99.9 in the storm", microseconds(c.beside.P999), "")
		r.Figure(string(w)+" maximum in the storm", c.maxBeside, "")
		r.Figure("time until all were subscribed", b.joined, "")
		r.Figure("pushes a second beside "+string(w), float64(b.pushes.Load())/b.took.Seconds(), "")
		if b.pushes.Load() == 0 {
			r.Broken("nobody got a quote")
		}
		if lost := b.lost.Load(); lost > 0 {
			r.Broken("%d subscribers were closed although they read (notice %v)", lost, pb.NoticeCode(b.notice.Load()))
		}
		if r.Size >= stormSize && c.maxBeside > max(stormWait, alone) {
			r.Broken("a quiet reader waited %v, without the storm %v (%s)", rounded(c.maxBeside), rounded(alone), w)
		}
	}
	dropped, err := s.Metric(ctx, "holdfast_pushes_dropped_total")
	r.Figure("pushes dropped", int(dropped), "")
	return err
}

// audience is a crowd that subscribes to all prices and reads all pushes.
type audience struct {
	run    *Run
	addr   string
	pushes atomic.Int64
	lost   atomic.Int64
	notice atomic.Int32
	took   time.Duration
	joined time.Duration // the longest time until all were subscribed
	ready  chan struct{} // signals when all are
}

// attend logs in and subscribes all members, and reads until ctx ends.
func (a *audience) attend(ctx context.Context) {
	c := newCrowd(a.addr, 4)
	defer c.close()
	subscribe := subscription()
	subscribed := 0
	c.onOpen = func(m *member) { c.send(m, append(loginOf(m.number%customers), subscribe...)) }
	c.onFrame = func(_ *member, message codec.Message) {
		switch message.Command {
		case codec.CommandQuotes.Reply():
			subscribed++
		case codec.PushQuote, codec.PushPositionUpdate:
			a.pushes.Add(1)
		}
	}
	c.onEnd = func(m *member) {
		if ctx.Err() == nil {
			a.lost.Add(1)
			a.notice.Store(int32(m.notice))
		}
	}
	c.joinAll(a.run.Size)
	start := time.Now()
	if !c.until(patience, func() bool { return subscribed >= a.run.Size }) {
		a.run.Broken("only %d of %d sessions could subscribe within %v", subscribed, a.run.Size, patience)
	}
	a.joined = max(a.joined, time.Since(start))
	a.ready <- struct{}{}
	a.pushes.Store(0)
	start = time.Now()
	for ctx.Err() == nil {
		c.poll(5 * time.Millisecond)
	}
	a.took = time.Since(start)
}
