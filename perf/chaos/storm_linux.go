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

// stormSize is the size from which on the figures of the table count.
const stormSize = 10_000

// stormWait is how long a quiet reader may wait, unless it waits longer alone: that
// is the machine's.
const stormWait = 10 * time.Millisecond

func storm() Fault {
	return Fault{
		Name: "storm", ID: "C8", Short: "1,000 price moves a second to all, beside quiet readers",
		How:     "sessions subscribed to every price, 1,000 price moves a second, beside quiet readers",
		Promise: "quiet readers never wait over 10 ms",
		Long:    Size{Rounds: 3, Size: stormSize}, Gate: Size{Rounds: 1, Size: 300},
		Run: runStorm,
	}
}

// stormMoves is how many prices move a second.
const stormMoves = 1000

// subscription is the frame that subscribes to all instruments.
func subscription() []byte {
	return codec.AppendRequest(nil, codec.CommandQuotes, 2, &pb.QuotesRequest{Subscribe: true})
}

func runStorm(ctx context.Context, r *Run) error {
	args := []string{"--price-moves", strconv.Itoa(stormMoves), "--max-connections", strconv.Itoa(r.Size + 1000)}
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{Args: args}))
	if err != nil {
		return err
	}
	for _, w := range []load.Workload{load.Heartbeat, load.Positions} {
		b := &audience{run: r, addr: s.Addr, ready: make(chan struct{}, 1)}
		l := live{pairs: r.Rounds, ready: b.ready, Options: load.Options{
			Addr: s.Addr, Connections: 20, Rate: 500, Workload: w, Accounts: demoAccounts(20),
		}}
		c, err := l.sideBySide(ctx, r, b.attend)
		if err != nil {
			return err
		}
		c.kept(r)
		alone := microseconds(c.quiet.Max)
		r.Figure(string(w)+" p99 alone", microseconds(c.quiet.P99), "")
		r.Figure(string(w)+" maximum alone", alone, "")
		r.Figure(string(w)+" p99 in the storm", microseconds(c.beside.P99), "")
		r.Figure(string(w)+" p99.9 in the storm", microseconds(c.beside.P999), "")
		r.Figure(string(w)+" maximum in the storm", c.maxBeside, "")
		r.Figure("all subscribed after", b.joined, "")
		r.Figure("pushes a second beside "+string(w), float64(b.pushes.Load())/b.took.Seconds(), "")
		if b.pushes.Load() == 0 {
			r.Broken("nobody got a quote")
		}
		if lost := b.lost.Load(); lost > 0 {
			r.Broken("%d subscribers that read were closed (notice %v)", lost, pb.NoticeCode(b.notice.Load()))
		}
		if r.Size >= stormSize && c.maxBeside > max(stormWait, alone) {
			r.Broken("a quiet reader waited %v, alone %v (%s)", rounded(c.maxBeside), rounded(alone), w)
		}
	}
	dropped, err := s.Metric(ctx, "holdfast_pushes_dropped_total")
	r.Figure("pushes left out", int(dropped), "")
	return err
}

// audience is a crowd that is subscribed and reads all it gets.
type audience struct {
	run    *Run
	addr   string
	pushes atomic.Int64
	lost   atomic.Int64
	notice atomic.Int32
	took   time.Duration
	joined time.Duration // the longest time until all were subscribed
	ready  chan struct{} // gets a word when all are
}

// attend has everybody log in and subscribe, and reads until ctx ends.
func (a *audience) attend(ctx context.Context) error {
	c, err := newCrowd(a.addr, 4)
	if err != nil {
		return err
	}
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
	for range a.run.Size {
		if _, err := c.join(false); err != nil {
			return err
		}
		if len(c.members)%100 == 0 {
			c.turn(0)
		}
	}
	begin := time.Now()
	if !c.until(patience, func() bool { return subscribed >= a.run.Size }) {
		a.run.Broken("%d of %d could subscribe in %v", subscribed, a.run.Size, patience)
	}
	a.joined = max(a.joined, time.Since(begin))
	a.ready <- struct{}{}
	a.pushes.Store(0)
	begin = time.Now()
	for ctx.Err() == nil {
		c.turn(5 * time.Millisecond)
	}
	a.took = time.Since(begin)
	return nil
}
