package gateway_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// watcher is a client that reconnects again and again and resumes.
type watcher struct {
	*wire
	last      uint64            // number of the last push read
	seen      map[uint64]string // each push as text, without prices
	snapshots int               // logins that were not resumed
	skipped   int               // pushes that snapshots replaced
	history   []byte            // that last belongs to
	problem   string
}

// watch connects a client that resumes after push from.
func (s *server) watch(c client.Customer, from uint64) *watcher {
	s.t.Helper()
	id := s.service.HistoryID()
	w := &watcher{seen: make(map[uint64]string), last: from, history: id[:]}
	w.again(s, c)
	return w
}

// again connects and logs in again. Pushes that were not read are lost.
func (w *watcher) again(s *server, c client.Customer) *pb.LoginReply {
	s.t.Helper()
	if w.wire != nil {
		w.close()
	}
	w.wire = s.wire()
	request := tokenLogin(c)
	request.ResumeFrom, request.HistoryId = w.last, w.history
	r, body := w.ask(codec.CommandLogin, 1, request)
	var reply pb.LoginReply
	must(s.t, reply.UnmarshalVT(body))
	switch {
	case r != codec.ResultOK:
		s.t.Fatalf("login: %s", r)
	case reply.Resumed && (reply.PushSequence != w.last || len(reply.Positions) > 0):
		w.problem = fmt.Sprintf("resumed at %d with %d positions, want at %d", reply.PushSequence, len(reply.Positions), w.last)
	case !reply.Resumed:
		w.snapshots++
		w.skipped += int(reply.PushSequence - w.last)
	}
	w.last, w.history = reply.PushSequence, reply.HistoryId
	return &reply
}

// numbered reads up to the next numbered push. Positions at new prices come between them.
func (w *watcher) numbered() codec.Message {
	w.t.Helper()
	for {
		if m := w.next(); m.ID != 0 {
			return m
		}
	}
}

// pushes reads n numbered pushes.
func (w *watcher) pushes(n int) {
	w.t.Helper()
	for range n {
		m := w.numbered()
		if m.ID != w.last+1 {
			w.problem = fmt.Sprintf("push %d comes after %d", m.ID, w.last)
		}
		w.last = m.ID
		w.seen[m.ID] = withoutPrices(w.t, m)
	}
}

// until reads up to a push.
func (w *watcher) until(sequence uint64) {
	w.t.Helper()
	w.pushes(int(sequence - w.last))
}

// withoutPrices returns a push without what it shows of the account as it is now: prices, cash,
// what is frozen.
func withoutPrices(t testing.TB, m codec.Message) string {
	t.Helper()
	unpriced := func(p *pb.Position) {
		p.LastPrice, p.MarketValue, p.UnrealisedProfit, p.Sellable, p.Frozen = 0, 0, 0, 0, 0
	}
	var body interface {
		UnmarshalVT([]byte) error
		MarshalVT() ([]byte, error)
	}
	switch m.Command {
	case codec.PushPositionUpdate:
		update := new(pb.PositionUpdate)
		must(t, update.UnmarshalVT(m.Body))
		unpriced(update.Position)
		update.MarketValue, update.Cash, update.FrozenCash, update.UnsettledCash, body = 0, 0, 0, 0, update
	case codec.PushExecutionBusted:
		busted := new(pb.ExecutionBusted)
		must(t, busted.UnmarshalVT(m.Body))
		unpriced(busted.Position)
		body = busted
	case codec.PushOrderUpdate:
		update := new(pb.OrderUpdate)
		must(t, update.UnmarshalVT(m.Body))
		update.Cash, update.FrozenCash, update.UnsettledCash, update.Position, body = 0, 0, 0, nil, update
	case codec.PushAccountUpdate:
		update := new(pb.AccountUpdate)
		must(t, update.UnmarshalVT(m.Body))
		update.Account, body = nil, update
	default:
		return m.Command.String() + string(m.Body)
	}
	b, err := body.MarshalVT()
	must(t, err)
	return m.Command.String() + string(b)
}

// TestResumedAsIfNeverAway: clients lose their connection at any moment, also because the
// server stops or crashes, while others trade. In the end they have exactly the pushes of a
// client that was always connected, except where they got a snapshot because they had missed
// more than the server keeps in memory.
func TestResumedAsIfNeverAway(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		must(t, f.Value.Set("6"))
		defer func() { must(t, f.Value.Set(f.DefValue)) }()
	}
	rapid.Check(t, func(r *rapid.T) {
		recent := rapid.SampledFrom([]int{4, 40, 0}).Draw(r, "recent")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "order of things"), 1))
		lives := rapid.SliceOfN(rapid.SampledFrom([]string{"stop", "crash"}), 1, 3).Draw(r, "ends")
		s := start(t, setup{recent: recent})
		defer func() { s.stop() }()
		away := &watcher{seen: make(map[uint64]string)}
		twin := make(map[uint64]string)
		for life, end := range lives {
			present := s.watch(alice, 0)
			scripts := [][]deed{
				deeds("reset").Draw(r, fmt.Sprintf("client 1 of life %d", life)), deeds("reset").Draw(r, fmt.Sprintf("client 2 of life %d", life)),
			}
			tradeAndFlap(r, s, scripts, away, random, recent)
			s.service.StepAgain() // nobody sees what the next start executes
			present.until(s.login(alice).positions().Sequence)
			if present.problem != "" {
				r.Error(present.problem)
			}
			maps.Copy(twin, present.seen)
			if end == "stop" {
				s = s.restart()
				continue
			}
			with := s.setup
			with.dir = s.copyData()
			s.stop()
			s = start(t, with)
		}
		flap(r, s, away, recent)
		away.until(s.login(alice).positions().Sequence)
		if away.problem != "" {
			r.Error(away.problem)
		}
		for n, push := range away.seen {
			if twin[n] != push {
				r.Errorf("push %d is %q, was %q", n, push, twin[n])
			}
		}
		if missing := len(twin) - len(away.seen); missing != away.skipped {
			r.Errorf("%d pushes never came, %d were before snapshots", missing, away.skipped)
		}
	})
}

// tradeAndFlap trades in alice's account as two clients and an operator, while away
// disconnects and reconnects.
func tradeAndFlap(r *rapid.T, s *server, scripts [][]deed, away *watcher, random *rand.Rand, recent int) {
	op := s.login(operator)
	var work sync.WaitGroup
	for _, script := range scripts {
		tr := s.login(alice)
		work.Go(func() {
			for _, d := range script {
				if err := d.do(r.Context(), tr, op, alice); err != nil {
					r.Errorf("%+v: %v", d, err)
				}
			}
		})
	}
	asking := s.login(alice)
	for range 1 + random.IntN(8) {
		if recent == 0 && random.IntN(2) == 0 { // with fewer events in memory, a hold may cut the others
			op.operate(client.HoldPushes{Customer: alice, Duration: time.Duration(random.IntN(5)) * time.Millisecond})
		}
		flap(r, s, away, recent)
		if there := int(asking.positions().Sequence - away.last); there > 0 {
			away.pushes(random.IntN(there + 1)) // often in the middle of an event
		}
	}
	work.Wait()
}

// flap reconnects. A snapshot may come only if more was missed than is in memory.
func flap(r *rapid.T, s *server, away *watcher, recent int) {
	if recent == 0 {
		recent = 256
	}
	from := away.last
	if reply := away.again(s, alice); !reply.Resumed && from > 0 && reply.PushSequence-from <= uint64(recent) {
		r.Errorf("no resume from %d at %d, though %d events are kept", from, reply.PushSequence, recent)
	}
}

func TestResume(t *testing.T) {
	executed := []codec.Command{codec.PushExecution, codec.PushPositionUpdate}
	bust := []codec.Command{codec.PushExecutionBusted, codec.PushPositionUpdate, codec.PushOrderUpdate}
	cases := []struct {
		name    string
		recent  int
		hard    int // OutboundHardBytes
		from    uint64
		resumed bool
		missed  []codec.Command
		warns   bool
	}{
		{"nothing missed", 0, 0, 7, true, nil, false},
		{"one push", 0, 0, 6, true, bust[2:], false},
		{"two pushes", 0, 0, 5, true, bust[1:], false},
		{"a bust", 0, 0, 4, true, bust, false},
		{"all but the first", 0, 0, 1, true, slices.Concat(executed[1:], executed, bust), false},
		{"as much as is kept", 2, 0, 2, true, slices.Concat(executed, bust), false},
		{"a part of an event more", 2, 0, 1, false, nil, false},
		{"more than a session may have unsent", 0, 400, 1, false, nil, false},
		{"asks for a snapshot", 0, 0, 0, false, nil, false},
		{"from the future", 0, 0, 8, false, nil, true},
		{"from the end of time", 0, 0, 1<<64 - 1, false, nil, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			s := start(t, setup{
				recent: tc.recent, limits: engine.Limits{OutboundHardBytes: tc.hard},
				log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			tr, op := s.login(alice), s.login(operator)
			x := tr.buy(tin, 7)
			tr.buy(rail, 1)
			op.bust(x.ID, "typo")
			w := s.watch(alice, tc.from)
			if (w.snapshots == 0) != tc.resumed || w.problem != "" {
				t.Fatalf("%d snapshots, %s", w.snapshots, w.problem)
			}
			if tc.resumed {
				w.checkMissed(tc.missed)
			}
			if warned := strings.Contains(log.String(), "this account never made"); warned != tc.warns {
				t.Errorf("log: %q", log.String())
			}
			s.watch(alice, 1<<40) // logs no second warning
			if n := strings.Count(log.String(), "this account never made"); n > 1 {
				t.Errorf("%d lines: %q", n, log.String())
			}
			tr.buy(tin, 1) // pushes go on after
			w.until(9)
			if w.problem != "" {
				t.Error(w.problem)
			}
		})
	}
}

// checkMissed reads these pushes. The bust of "buy 7" leaves nothing of it.
func (w *watcher) checkMissed(want []codec.Command) {
	w.t.Helper()
	for _, cmd := range want {
		m := w.numbered()
		w.last++
		if m.Command != cmd || m.ID != w.last {
			w.t.Errorf("%s %d, want %s %d", m.Command, m.ID, cmd, w.last)
		}
		if m.Command == codec.PushExecutionBusted {
			var body pb.ExecutionBusted
			must(w.t, body.UnmarshalVT(m.Body))
			if body.Reason != "typo" || body.Position.Quantity != 0 {
				w.t.Errorf("busted: %v", &body)
			}
		}
	}
}

// TestReconnect: a screen that was disconnected shows in the end the same as one that was
// always connected, also after a restart. After too long an absence it shows the account.
func TestReconnect(t *testing.T) {
	for _, tc := range []struct {
		name    string
		recent  int
		restart bool
		resumed bool
	}{{"resumed", 0, false, true}, {"resumed after a restart", 0, true, true}, {"too far", 2, false, false}} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{recent: tc.recent})
			away, tr := s.login(alice), s.login(alice)
			x := tr.buy(tin, 10)
			want := tr.positions()
			_, err := away.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == want.Sequence })
			must(t, err)
			must(t, away.Close())
			for range 3 {
				tr.buy(rail, 1)
			}
			s.login(operator).bust(x.ID, "typo")
			if tc.restart {
				with := s.setup
				s.stop()
				with.listen = s.addr
				s = start(t, with)
				tr = s.login(alice)
			}
			s.service.MovePrice(railID, 75_0000)
			next, welcome, err := away.Reconnect(t.Context(), alice, client.DemoToken(alice))
			must(t, err)
			defer next.Close()
			want = tr.positions()
			d, err := next.View().Wait(t.Context(), func(d *client.Display) bool {
				return d.Sequence == want.Sequence && slices.Equal(d.Positions, want.Positions)
			})
			if err != nil || welcome.Resumed != tc.resumed || d.Gaps+d.Doubles > 0 {
				t.Fatalf("%v, %+v, shown %+v", err, welcome, d)
			}
			wrong := func(x client.Execution) bool { return x.Busted != (x.Key == tin) }
			if n := len(d.Executions); slices.ContainsFunc(d.Executions, wrong) || tc.resumed && n != 4 || !tc.resumed && n != 0 {
				t.Errorf("executions %v", d.Executions)
			}
		})
	}
}

// lockedBuffer is a buffer for the log of a server.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
