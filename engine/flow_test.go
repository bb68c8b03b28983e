package engine_test

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

const (
	large     codec.Command = 0x24 // a large reply at once, on the lane
	largeLate codec.Command = 0x25 // a large reply that is deferred
	largeLoop codec.Command = 0x26 // on the event loop
	largeOff  codec.Command = 0x27 // off the lane
)

// library serves large replies in all ways. Each starts with the number of the request.
type library struct {
	*running
	size     int
	executed atomic.Int64
}

func newLibrary(t *testing.T, size int, limits engine.Limits, config engine.ReactorConfig) *library {
	t.Helper()
	l := &library{size: size}
	var core *engine.Core
	router := carriertest.Router(echo)
	answer := func(c *engine.Context) {
		l.executed.Add(1)
		c.Reply(codec.ResultOK, l.body(c.Message.Body))
	}
	router.Handle(large, engine.OnLane, answer)
	router.Handle(largeLoop, engine.OnLoop, answer)
	router.Handle(largeOff, engine.OffLane, answer)
	router.Handle(largeLate, engine.OnLane, func(c *engine.Context) {
		l.executed.Add(1)
		out := core.NewOutbox() // encodes now and posts later, as a commit does
		out.Reply(c.Defer(), codec.ResultOK, l.body(c.Message.Body))
		go func() { out.Post(); out.Free() }()
	})
	config.Loops = 1
	core = newCore(t, engine.Config{Router: router, Limits: limits})
	l.running = serve(t, core, config)
	return l
}

func (l *library) body(number []byte) codec.Raw {
	b := make([]byte, l.size)
	copy(b, number)
	return b
}

// ask sends n requests at once, numbered from 0 on.
func (l *library) ask(p *peer, cmd codec.Command, n int) {
	var b []byte
	for i := range n {
		b = p.Dialect.AppendPush(b, cmd, uint64(i), codec.Raw(strconv.Itoa(i)))
	}
	go func() { _, _ = p.Write(b) }() // a client that reads and writes at once
}

// expect reads the reply to request i.
func (l *library) expect(t *testing.T, p *peer, i int) {
	t.Helper()
	m, err := p.Next()
	if err != nil || m.Command == codec.PushNotice {
		t.Fatalf("instead of reply %d: %v, %v, %q", i, m.Command, err, m.Body)
	}
	body, _ := strings.CutPrefix(string(m.Body[:min(len(m.Body), 20)]), "\x00")
	if number := strings.TrimRight(body, "\x00"); number != strconv.Itoa(i) {
		t.Fatalf("reply %q, want that to request %d", number, i)
	}
}

// A client that reads as fast as it can gets all replies to as many requests as it may have
// in flight, however large, in order. Meanwhile, others are served, and what waits for the
// client is bounded.
func TestReaderOfLargeRepliesIsNeverCut(t *testing.T) {
	for _, dialect := range []codec.Dialect{codec.Packet{}, ordered{}} {
		for _, tc := range []struct {
			name string
			cmd  codec.Command
			most int // unsent bytes
		}{
			{"at once", large, 512<<10 + 2*100<<10},
			{"deferred", largeLate, 512<<10 + 2*100<<10},
			{"on the loop", largeLoop, 512<<10 + 2*100<<10},
			{"off the lane", largeOff, 512<<10 + 5*100<<10},
		} {
			name := tc.name
			if dialect.Ordered() {
				name += ", ordered"
			}
			t.Run(name, func(t *testing.T) {
				all := 500 // 50 MB
				if testing.Short() {
					all = 150
				}
				l := newLibrary(t, 100<<10, engine.Limits{}, engine.ReactorConfig{
					Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: dialect}},
				})
				p, other := dial(t, l.Addr), dial(t, l.Addr)
				p.Dialect, other.Dialect = dialect, dialect
				l.ask(p, tc.cmd, all)
				got := make(map[uint64]bool)
				for i := range all {
					if tc.cmd == largeOff && !dialect.Ordered() {
						m, err := p.Next()
						if err != nil || m.Command != tc.cmd.Reply() || got[m.ID] {
							t.Fatalf("instead of a reply: %v %d, %v", m.Command, m.ID, err)
						}
						got[m.ID] = true
					} else {
						l.expect(t, p, i)
					}
					if unsent := l.Load().UnsentBytes; unsent > tc.most {
						t.Fatalf("%d bytes unsent after reply %d, want %d at most", unsent, i, tc.most)
					}
					if i%100 == 0 {
						other.Echoes(onLane)
					}
				}
				p.Echoes(onLane)
				eventually(t, "the end of what waits", func() bool { load := l.Load(); return load.Held == 0 && load.UnsentBytes == 0 })
			})
		}
	}
}

// ordered is the packet dialect for clients that know replies by their order.
type ordered struct{ codec.Packet }

func (ordered) Ordered() bool { return true }

// Numbered pushes beside the replies do not end a client that reads as fast as it can.
func TestReaderOfLargeRepliesGetsPushes(t *testing.T) {
	const all, perReply = 100, 10
	l := newLibrary(t, 900<<10, engine.Limits{}, engine.ReactorConfig{})
	p := dial(t, l.Addr)
	p.Echoes(onLane)
	session, _ := l.Find(1) // the first of all
	l.ask(p, large, all)
	out, pushes, next := l.NewOutbox(), 0, uint64(0)
	for replies := 0; replies < all || next < uint64(pushes); {
		m, err := p.Next()
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Command == large.Reply() && m.ID == uint64(replies):
			replies++
			for range perReply {
				out.Push(session, codec.PushExecution, uint64(pushes), codec.Raw(make([]byte, 200)))
				pushes++
			}
			out.Post()
		case m.Command == codec.PushExecution && m.ID == next:
			next++
		default:
			t.Fatalf("got %v %d after %d replies and %d pushes", m.Command, m.ID, replies, next)
		}
	}
}

// Requests of a client that does not read are not executed, and it is cut in time.
func TestNonReaderIsHeldAndCut(t *testing.T) {
	l := newLibrary(t, 100<<10, engine.Limits{OutboundSoftTime: soon}, engine.ReactorConfig{Tick: tick})
	p := carriertest.DialNarrow(t, l.Addr)
	l.ask(p, large, 1000)
	eventually(t, "held requests", func() bool { return l.Load().Held == 1 })
	other := dial(t, l.Addr)
	other.Echoes(onLane)
	eventually(t, "the cut", func() bool { return l.Stats.Closes(engine.ReasonSlowConsumer) == 1 || l.Len() == 1 })
	p.Close()
	eventually(t, "the end", func() bool { return l.Len() == 1 && l.Load().Held == 0 })
	if n := l.executed.Load(); n > 100 {
		t.Errorf("%d requests executed for nobody", n)
	}
	if n := l.Stats.Closes(engine.ReasonSlowConsumer); n != 1 {
		t.Errorf("%d sessions cut as slow", n)
	}
}

// Held requests end with their session, and what they counted is free again.
func TestHeldRequestsEndWithTheirSession(t *testing.T) {
	l := newLibrary(t, 100<<10, engine.Limits{LaneBytes: 64 << 10}, engine.ReactorConfig{})
	for range 5 {
		p := carriertest.DialNarrow(t, l.Addr)
		l.ask(p, large, 1000) // 16 KB of requests
		eventually(t, "held requests", func() bool { return l.Load().Held == 1 })
		_ = p.Conn.(interface{ SetLinger(int) error }).SetLinger(0) // a reset
		p.Close()
		eventually(t, "their end", func() bool { return l.Load().Held == 0 && l.Len() == 0 })
	}
	dial(t, l.Addr).Echoes(onLane)
}

// All that a lane holds is bounded.
func TestHeldBytesAreBounded(t *testing.T) {
	l := newLibrary(t, 100<<10, engine.Limits{LaneBytes: 20 << 10, Linger: patience}, engine.ReactorConfig{})
	for range 2 {
		l.ask(carriertest.DialNarrow(t, l.Addr), large, 1000) // 16 KB of requests
	}
	eventually(t, "the close of one", func() bool { return l.Load().Held == 1 })
	l.CloseAll(engine.ReasonUnavailable)
}

// A malformed frame after held requests ends the session after their replies.
func TestRefusalWaitsForHeldRequests(t *testing.T) {
	l := newLibrary(t, 100<<10, engine.Limits{}, engine.ReactorConfig{})
	p := carriertest.DialNarrow(t, l.Addr)
	l.ask(p, large, 200)
	eventually(t, "held requests", func() bool { return l.Load().Held == 1 })
	p.MustWrite([]byte{0, 0, 0, 1})
	for i := range 200 {
		l.expect(t, p, i)
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED)
}

// A stop answers held requests if their client reads. If it does not, they are not executed,
// and the stop is in order.
func TestDrainOfHeldRequests(t *testing.T) {
	for _, reads := range []bool{true, false} {
		t.Run(strconv.FormatBool(reads), func(t *testing.T) {
			const all = 300
			drained := false
			config := engine.ReactorConfig{OnDrain: func(context.Context) error { drained = true; return nil }}
			if !reads {
				config.Drain = soon
			}
			l := newLibrary(t, 100<<10, engine.Limits{OutboundSoftTime: time.Hour}, config)
			p := carriertest.DialNarrow(t, l.Addr)
			l.ask(p, large, all)
			eventually(t, "held requests", func() bool { return l.Load().Held == 1 && l.Traffic().Requests == all })
			stopped := make(chan error, 1)
			go func() { stopped <- l.Stop() }()
			if reads {
				for i := range all {
					l.expect(t, p, i)
				}
				p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
				p.Close()
			}
			if err := <-stopped; err != nil || !drained {
				t.Errorf("stopped with %v, OnDrain called: %v", err, drained)
			}
			if n := l.executed.Load(); reads != (n == all) {
				t.Errorf("%d of %d requests executed", n, all)
			}
		})
	}
}

// A session with many requests off the lane leaves the tasks to others.
func TestFewTasksOffTheLanePerSession(t *testing.T) {
	unblock := make(chan struct{})
	var running atomic.Int64
	router := carriertest.Router(echo)
	router.Handle(largeOff, engine.OffLane, func(c *engine.Context) {
		running.Add(1)
		<-unblock
		c.Reply(codec.ResultOK, nil)
	})
	r := serve(t, newCore(t, engine.Config{Router: router}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	const all = 1000 // more than there are tasks
	p.MustWrite(frames(largeOff, make([]string, all)...))
	eventually(t, "held requests", func() bool { return r.Load().Held == 1 })
	dial(t, r.Addr).Echoes(offLane)
	if n := running.Load(); n != 4 {
		t.Errorf("%d tasks of a session", n)
	}
	close(unblock)
	for range all {
		if m, err := p.Next(); err != nil || m.Body[0] != 0 {
			t.Fatalf("%v, %v", m, err)
		}
	}
}
