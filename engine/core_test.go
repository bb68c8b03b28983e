package engine_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
)

// wire is a plumbing of its own: it keeps what is written.
type wire struct {
	core     *engine.Core
	session  *engine.Session
	flushing sync.Mutex // the end of the time to linger is posted by a timer
	sent     []byte
	writes   int
	backlog  int
	onWrite  func([]byte) // called before each write
	failing  bool
	closed   bool
}

func (w *wire) Post(b *engine.Batch) {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	b.Flush()
}

func (w *wire) Buffered() int     { return w.backlog }
func (w *wire) CloseWrite() error { return nil }

func (w *wire) Write(b []byte) error {
	if w.failing {
		return net.ErrClosed
	}
	if w.onWrite != nil {
		w.onWrite(b)
	}
	w.sent = append(w.sent, b...)
	w.writes++
	return nil
}

func (w *wire) Close() error {
	w.closed = true
	w.core.Closed(w.session, engine.ReasonPeerClosed)
	return nil
}

// onWire opens a session that no reactor carries.
func onWire(t testing.TB, core *engine.Core) *wire {
	t.Helper()
	w := &wire{core: core}
	var reason engine.Reason
	if w.session, reason = core.Open(core.AddCarrier(w), w, &net.TCPAddr{}); w.session == nil {
		t.Fatal("no session:", reason)
	}
	t.Cleanup(func() {
		w.flushing.Lock()
		core.Closed(w.session, engine.ReasonPeerClosed)
		w.flushing.Unlock()
		if err := core.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func frames(cmd codec.Command, bodies ...string) []byte {
	var b []byte
	for i, body := range bodies {
		b = codec.AppendMessage(b, codec.Message{Command: cmd, ID: uint64(i), Body: []byte(body)})
	}
	return b
}

func TestOtherPlumbingCarriesSessions(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onWire(t, core)
	ctx := core.NewContext()
	core.Serve(ctx, w.session, frames(onLane, "a", "b"))
	ctx.Post()
	if w.writes != 1 || !strings.Contains(string(w.sent), "\x00a") || !strings.Contains(string(w.sent), "\x00b") {
		t.Fatalf("%d writes: %q", w.writes, w.sent)
	}
}

func TestTurnNumbersWhatCameTogether(t *testing.T) {
	var turns []uint64
	router := engine.NewRouter(nil)
	if err := router.Handle(special, engine.OnLane, func(c *engine.Context) { turns = append(turns, c.Turn()) }); err != nil {
		t.Fatal(err)
	}
	core := newCore(t, engine.Config{Router: router})
	w := onWire(t, core)
	ctx := core.NewContext()
	core.Serve(ctx, w.session, frames(special, "a", "b"))
	core.Serve(ctx, w.session, frames(special, "c"))
	if len(turns) != 3 || turns[0] != turns[1] || turns[1] == turns[2] {
		t.Fatalf("turns %d, want two equal ones and another", turns)
	}
}

func TestHooksAndMiddleware(t *testing.T) {
	var trace []string
	note := func(s string) { trace = append(trace, s) }
	router := engine.NewRouter(func(*engine.Context) { note("unknown") })
	router.Use(func(next engine.Handler) engine.Handler {
		return func(c *engine.Context) { note("outer"); next(c); note("/outer") }
	}, func(next engine.Handler) engine.Handler {
		return func(c *engine.Context) { note("inner"); next(c) }
	})
	hooks := engine.Hooks{
		Before: func(c *engine.Context) bool { note("before"); return len(c.Message.Body) == 0 },
		After:  func(*engine.Context) { note("after") },
	}
	if err := router.Handle(special, engine.OnLane, func(*engine.Context) { note("handler") }, hooks); err != nil {
		t.Fatal(err)
	}
	if err := router.Handle(special, engine.OnLane, echo); !errors.Is(err, engine.ErrRegistered) {
		t.Errorf("second handler: %v", err)
	}
	core := newCore(t, engine.Config{Router: router})
	w := onWire(t, core)
	core.Serve(core.NewContext(), w.session, append(frames(special, "", "stop"), frames(onLane, "")...))
	want := "outer inner before handler after /outer outer inner before /outer unknown"
	if got := strings.Join(trace, " "); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestProperties(t *testing.T) {
	core := newCore(t, engine.Config{})
	name, visits := engine.NewProperty[string](core), engine.NewProperty[int](core)
	w := onWire(t, core)
	if name.Get(w.session) != "" || visits.Get(w.session) != 0 {
		t.Error("a new session has properties")
	}
	name.Set(w.session, "ann")
	visits.Set(w.session, 3)
	if name.Get(w.session) != "ann" || visits.Get(w.session) != 3 {
		t.Errorf("got %q, %d", name.Get(w.session), visits.Get(w.session))
	}
}

func TestOutboxWritesOncePerSession(t *testing.T) {
	core := newCore(t, engine.Config{})
	a, b := onWire(t, core), onWire(t, core)
	out := core.NewOutbox()
	for range 3 {
		out.Append(a.session, []byte("a"), 0)
		out.Append(b.session, []byte("b"), 0)
	}
	out.Post()
	if string(a.sent) != "aaa" || a.writes != 1 || string(b.sent) != "bbb" || b.writes != 1 {
		t.Fatalf("a: %q in %d writes, b: %q in %d", a.sent, a.writes, b.sent, b.writes)
	}
}

func TestDroppablePushesSpareASlowSession(t *testing.T) {
	core := newCore(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000}})
	w := onWire(t, core)
	out := core.NewOutbox()
	send := func(backlog int) string {
		w.sent, w.backlog = nil, backlog
		out.Append(w.session, []byte("1"), 0)
		out.AppendDroppable(w.session, 1, []byte("quote"))
		out.Append(w.session, []byte("2"), 0)
		out.Post()
		return string(w.sent)
	}
	if got := send(100); got != "1quote2" {
		t.Errorf("at the soft limit: %q", got)
	}
	if got := send(101); got != "12" || core.Stats.Dropped.Load() != 1 {
		t.Errorf("above it: %q, %d dropped", got, core.Stats.Dropped.Load())
	}
}

func TestDiscardedRepliesHoldNothingUp(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onWire(t, core)
	held := core.NewHoldingOutbox()
	held.Append(w.session, []byte("lost"), 1)
	held.Discard()
	ctx := core.NewContext()
	core.Serve(ctx, w.session, frames(onLane, "x"))
	ctx.Post()
	if !strings.HasSuffix(string(w.sent), "\x00x") {
		t.Fatalf("sent %q", w.sent)
	}
}

func TestTakeGivesTheRepliesToTheCarrier(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onWire(t, core)
	ctx := core.NewDirectContext()
	if got := ctx.Take([]byte("x")); string(got) != "x" {
		t.Errorf("taken before anything was served: %q", got)
	}
	for _, body := range []string{"one", "two"} {
		core.Received(w.session, 2, 100)
		core.Serve(ctx, w.session, frames(onLane, body, body))
		got := string(ctx.Take([]byte("x")))
		if !strings.HasPrefix(got, "x\x00") || strings.Count(got, "\x00"+body) != 2 || ctx.Take(nil) != nil {
			t.Errorf("taken: %q", got)
		}
	}
	if w.writes != 0 {
		t.Errorf("written besides: %q", w.sent)
	}
	want := engine.Traffic{Requests: 4, Replies: 4, BytesIn: 200, BytesOut: 4 * 17}
	if got := core.Traffic(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// The end of a session, and the replies before it, leave through the carrier.
func TestTakePostsAnEnd(t *testing.T) {
	for name, end := range map[string]func(*engine.Core, *engine.Context, *wire){
		"panic": func(core *engine.Core, c *engine.Context, w *wire) { core.Serve(c, w.session, frames(panics, "")) },
		"close": func(_ *engine.Core, c *engine.Context, _ *wire) { c.Close(engine.ReasonMalformed) },
	} {
		t.Run(name, func(t *testing.T) {
			core := newCore(t, engine.Config{})
			w := onWire(t, core)
			ctx := core.NewDirectContext()
			core.Serve(ctx, w.session, frames(onLane, "before"))
			end(core, ctx, w)
			if got := ctx.Take(nil); got != nil || !w.session.Closing() {
				t.Errorf("taken: %q", got)
			}
			m, used := codec.DecodeScanned(w.sent)
			notice, _ := codec.DecodeScanned(w.sent[used:])
			if string(m.Body) != "\x00before" || notice.Command != codec.PushNotice {
				t.Errorf("sent %q", w.sent)
			}
		})
	}
}

// A carrier may write the next reply itself as soon as none is deferred, so the
// last of these is written before it stops counting.
func TestDeferredUntilWritten(t *testing.T) {
	for _, replies := range []int{1, 2} {
		sink := new(queue)
		core := newCore(t, engine.Config{Sink: sink})
		sink.out = core.NewHoldingOutbox()
		w := onWire(t, core)
		early := false
		w.onWrite = func(b []byte) {
			if string(b) == "last" {
				ctx := core.NewDirectContext()
				core.Serve(ctx, w.session, frames(onLane, "next"))
				early = len(ctx.Take(nil)) > 0
			}
		}
		out := core.NewHoldingOutbox()
		if replies == 2 {
			out.Append(w.session, []byte("first"), 1)
			out.AppendDroppable(w.session, 1, []byte("quote"))
		}
		out.Append(w.session, []byte("last"), 1)
		out.Post()
		if !strings.HasSuffix(string(w.sent), "last") || early {
			t.Errorf("%d replies: sent %q, a later one before the last: %v", replies, w.sent, early)
		}
	}
}

func TestServeDoesNotAllocate(t *testing.T) {
	core := newCore(t, engine.Config{Router: func() *engine.Router {
		r := engine.NewRouter(echo)
		if err := r.Handle(special, engine.OnLane, func(c *engine.Context) { c.Result(codec.ResultOK) }); err != nil {
			t.Fatal(err)
		}
		return r
	}()})
	w := onWire(t, core)
	ctx := core.NewContext()
	request := frames(special, make([]string, 64)...)
	turn := func() {
		w.sent = w.sent[:0]
		core.Serve(ctx, w.session, request)
		ctx.Post()
	}
	for range 20 {
		turn()
	}
	if allocs := testing.AllocsPerRun(200, turn); allocs > 3 {
		t.Fatalf("%v allocations for 64 requests", allocs)
	}
}

func BenchmarkServe(b *testing.B) {
	r := engine.NewRouter(echo)
	if err := r.Handle(special, engine.OnLane, func(c *engine.Context) { c.Result(codec.ResultOK) }); err != nil {
		b.Fatal(err)
	}
	core := newCore(b, engine.Config{Router: r})
	w := onWire(b, core)
	ctx := core.NewContext()
	request := frames(special, make([]string, 16)...)
	b.ReportAllocs()
	for b.Loop() {
		w.sent = w.sent[:0]
		core.Serve(ctx, w.session, request)
		ctx.Post()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/request")
}
