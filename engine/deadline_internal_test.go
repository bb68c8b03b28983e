package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"holdfast/codec"
)

// script is a carrier with one session, whose peer the test controls.
type script struct {
	core    *Core
	session *Session
	start   time.Time
	passed  time.Duration
	unsent  int
	sent    []byte
	closed  bool
}

func (p *script) Post(b *Batch)     { b.Flush() }
func (p *script) Buffered() int     { return p.unsent }
func (p *script) CloseWrite() error { return nil }
func (p *script) Write(b []byte) error {
	p.sent = append(p.sent, b...)
	return nil
}
func (p *script) Close() error {
	p.closed = true
	p.core.Closed(p.session, ReasonPeerClosed)
	return nil
}

// pass advances the clock by seconds, one at a time.
func (p *script) pass(seconds int) {
	for range seconds {
		p.passed += time.Second
		p.core.groups[0].advance(p.start.Add(p.passed))
	}
}

// hear receives a complete frame that needs no reply.
func (p *script) hear() { p.session.heard, p.session.frameStart = p.session.group.now, 0 }

// keep writes more bytes; afterwards unsent bytes are not sent.
func (p *script) keep(t *testing.T, more, unsent int) {
	t.Helper()
	p.unsent = unsent
	p.session.write(make([]byte, more))
	if p.session.closed {
		t.Fatal("closed at the write")
	}
}

func newScript(t *testing.T, l Limits) *script {
	t.Helper()
	l.Linger = time.Hour // its timer would post from another goroutine
	core, err := NewCore(Config{Router: NewRouter(nil), Limits: l, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &script{core: core, start: time.Unix(1000, 0)}
	core.AddCarrier(p)
	core.groups[0].startClock(&core.limits, time.Second, p.start)
	p.session, _ = core.Open(0, p, nil, &Listener{Dialect: codec.Packet{}})
	t.Cleanup(func() {
		core.Closed(p.session, ReasonPeerClosed)
		if err := core.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// ends advances the clock until the session is closing, and returns when and why.
func (p *script) ends(t *testing.T) (time.Duration, Reason) {
	t.Helper()
	for range 600 {
		if p.session.closing.Load() {
			return p.passed, p.session.reason
		}
		p.pass(1)
	}
	t.Fatal("the session stays")
	return 0, ReasonNone
}

// A tick of a second rounds up: a limit of 5 s ends a session after 6 s, never
// before 5.
func TestDeadlines(t *testing.T) {
	tests := []struct {
		name   string
		limits Limits
		peer   func(*testing.T, *script)
		at     time.Duration
		reason Reason
	}{
		{"nothing is sent", Limits{}, func(*testing.T, *script) {}, 6 * time.Second, ReasonFirstFrameTimeout},
		{"single bytes of the first frame", Limits{}, func(_ *testing.T, p *script) {
			p.session.frameStart = p.session.group.now
			p.pass(4)
		}, 6 * time.Second, ReasonFirstFrameTimeout},
		{"one frame", Limits{}, func(_ *testing.T, p *script) { p.pass(3); p.hear() }, 64 * time.Second, ReasonIdle},
		{"a frame a minute", Limits{}, func(_ *testing.T, p *script) {
			for range 5 {
				p.hear()
				p.pass(60)
			}
		}, 301 * time.Second, ReasonIdle},
		{"a frame begun", Limits{}, func(_ *testing.T, p *script) {
			p.hear()
			p.pass(30)
			p.session.frameStart = p.session.group.now
		}, 41 * time.Second, ReasonFrameTimeout},
		{"no login", Limits{LoginTime: 10 * time.Second}, func(_ *testing.T, p *script) {
			for range 9 {
				p.hear()
				p.pass(1)
			}
			p.hear()
		}, 11 * time.Second, ReasonLoginTimeout},
		{"a login that waits, and fails", Limits{LoginTime: 10 * time.Second}, func(_ *testing.T, p *script) {
			p.hear()
			p.session.SetLoggingIn(true)
			for range 20 {
				p.pass(1)
				p.hear()
			}
			p.session.SetLoggingIn(false)
		}, 21 * time.Second, ReasonLoginTimeout},
		{"login in time, logout", Limits{LoginTime: 10 * time.Second}, func(_ *testing.T, p *script) {
			p.pass(2)
			p.hear()
			p.session.SetLoggedIn(true)
			p.pass(3)
			p.session.SetLoggedIn(false)
		}, 63 * time.Second, ReasonIdle},
		{"waits for a reply", Limits{}, func(_ *testing.T, p *script) {
			p.hear()
			p.session.inFlight = 1
			p.pass(200)
			p.session.answered(1)
		}, 261 * time.Second, ReasonIdle},
		{"waits for a deferred reply", Limits{}, func(_ *testing.T, p *script) {
			p.hear()
			out := p.core.NewOutbox()
			p.session.inFlight = 1
			out.Reply(Request{Session: p.session}, codec.ResultOK, nil)
			p.pass(200)
			out.Post()
		}, 261 * time.Second, ReasonIdle},
		{"gets pushes", Limits{}, func(_ *testing.T, p *script) {
			p.hear()
			out := p.core.NewOutbox()
			for range 50 {
				out.Push(p.session, codec.PushExecution, 0, nil)
				out.Post()
				p.pass(1)
			}
		}, 61 * time.Second, ReasonIdle},
		{"takes nothing", Limits{}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 1000, 1000)
		}, 12 * time.Second, ReasonWriteStall},
		{"takes a byte in 10 s", Limits{}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 1000, 1000)
			for range 4 {
				p.pass(10)
				p.unsent--
			}
		}, 52 * time.Second, ReasonWriteStall},
		{"takes a byte and gets one", Limits{}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 1000, 1000)
			p.pass(8)
			p.keep(t, 1, 1000)
		}, 20 * time.Second, ReasonWriteStall},
		{"above the soft limit, reading", Limits{}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 500<<10, 300<<10)
			for range 6 {
				p.pass(1)
				p.keep(t, 1000, 300<<10)
			}
		}, 7 * time.Second, ReasonSlowConsumer},
		{"below the soft limit now and then", Limits{}, func(t *testing.T, p *script) {
			p.hear()
			for range 4 {
				p.keep(t, 1000, 300<<10)
				p.pass(4)
				p.keep(t, 1000, 200<<10)
				p.pass(1)
			}
			p.unsent = 0
		}, 61 * time.Second, ReasonIdle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newScript(t, tt.limits)
			tt.peer(t, p)
			if p.session.closing.Load() && tt.at > p.passed {
				t.Fatalf("closed as %v by %v", p.session.reason, p.passed)
			}
			at, reason := p.ends(t)
			if at != tt.at || reason != tt.reason {
				t.Errorf("closed after %v as %v, want after %v as %v", at, reason, tt.at, tt.reason)
			}
			if notified := len(p.session.core.limits.appendNotice(nil, codec.Packet{}, reason)) > 0; notified == p.closed {
				t.Errorf("Notice: %v, closed at once: %v", notified, p.closed)
			}
		})
	}
}

func TestHeartbeatsGoToSilentSessionsThatAreLoggedIn(t *testing.T) {
	p := newScript(t, Limits{})
	heartbeat := codec.AppendHeader(nil, codec.PushHeartbeat, 0, 0)
	silent := func(seconds int, want string) {
		t.Helper()
		p.sent = nil
		for range seconds {
			p.hear()
			p.pass(1)
		}
		if string(p.sent) != want {
			t.Errorf("by %v it was sent %q, want %q", p.passed, p.sent, want)
		}
	}
	silent(100, "")
	p.session.SetLoggedIn(true)
	p.session.write([]byte("welcome"))
	silent(19, "")
	silent(2, string(heartbeat))
	silent(10, "")
	p.session.write([]byte("a push"))
	silent(19, "") // any output will do
	silent(1, string(heartbeat))
	p.keep(t, 10, 10)
	silent(5, "")
	for _, p.unsent = range []int{5, 2} { // and what is on its way, too
		silent(8, "")
	}
	p.unsent = 0
	p.session.SetLoggedIn(false)
	silent(60, "")
	if n := p.core.Stats.Heartbeats.Load(); n != 2 {
		t.Errorf("%d heartbeats counted", n)
	}
}

// A process that was stopped, or a loop that was stuck, has not read what its peers sent
// meanwhile: whatever time has passed, and even if that happens often, they do not count as
// silent or slow for it. The deadlines run on afterwards.
func TestTimeThatTheLoopMissed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits Limits
		peer   func(*testing.T, *script)
		rest   time.Duration // until the end, after the time that was missed
		reason Reason
	}{
		{"idle", Limits{}, func(_ *testing.T, p *script) { p.hear() }, 61 * time.Second, ReasonIdle},
		{"first frame", Limits{FirstFrameTime: 30 * time.Second}, func(*testing.T, *script) {}, 31 * time.Second, ReasonFirstFrameTimeout},
		{"frame", Limits{FrameTime: 30 * time.Second}, func(_ *testing.T, p *script) {
			p.hear()
			p.session.frameStart = p.session.group.now
		}, 31 * time.Second, ReasonFrameTimeout},
		{"write stall", Limits{WriteStallTime: 30 * time.Second}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 1000, 1000)
			p.pass(1)
		}, 31 * time.Second, ReasonWriteStall},
		{"soft limit", Limits{OutboundSoftTime: 30 * time.Second, WriteStallTime: time.Hour}, func(t *testing.T, p *script) {
			p.hear()
			p.keep(t, 500<<10, 300<<10)
			p.pass(1)
		}, 31 * time.Second, ReasonSlowConsumer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newScript(t, tt.limits)
			tt.peer(t, p)
			const stalls = 5
			for _, missed := range []time.Duration{3 * time.Second, time.Minute, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
				p.passed += missed
				p.core.groups[0].advance(p.start.Add(p.passed))
				if p.session.closing.Load() {
					t.Fatalf("closed as %v after %v that the loop missed", p.session.reason, missed)
				}
			}
			before := p.passed
			at, reason := p.ends(t)
			if rest := at - before; reason != tt.reason || rest > tt.rest || rest < tt.rest-stalls*maxStep*time.Second {
				t.Errorf("closed %v later as %v, want at most %v as %v", rest, reason, tt.rest, tt.reason)
			}
		})
	}
}

// A clock that goes back or does not move ends no session.
func TestTimeThatGoesBack(t *testing.T) {
	p := newScript(t, Limits{})
	p.hear()
	for _, step := range []time.Duration{-time.Hour, 0, -time.Nanosecond, -365 * 24 * time.Hour} {
		p.core.groups[0].advance(p.start.Add(step))
	}
	if p.session.closing.Load() {
		t.Fatalf("closed as %v", p.session.reason)
	}
	if at, reason := p.ends(t); at != 61*time.Second || reason != ReasonIdle {
		t.Errorf("closed after %v as %v", at, reason)
	}
}
