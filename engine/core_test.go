package engine_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// wire is a carrier that stores what is written.
type wire struct {
	core    *engine.Core
	session *engine.Session
	mu      sync.Mutex
	posted  []*engine.Batch
	// The end of the time to linger is posted by a timer.
	flushing sync.Mutex
	sent     []byte
	writes   int
	backlog  int
	onWrite  func([]byte) // called before each write
	failing  bool
	closed   bool
}

// Post flushes at once, after what it is called within.
func (w *wire) Post(b *engine.Batch) {
	w.mu.Lock()
	w.posted = append(w.posted, b)
	w.mu.Unlock()
	for w.waits() && w.flushing.TryLock() {
		for b := w.next(); b != nil; b = w.next() {
			b.Flush()
		}
		w.flushing.Unlock()
	}
}

func (w *wire) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.posted) > 0
}

func (w *wire) next() *engine.Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.posted) == 0 {
		return nil
	}
	b := w.posted[0]
	w.posted = slices.Delete(w.posted, 0, 1)
	return b
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

// text is a dialect for tests: requests have the form of the packet dialect; replies and
// pushes are only their bodies.
type text struct{ codec.Packet }

func (text) AppendReply(dst []byte, _ codec.Command, _ uint64, _ codec.Result, body codec.Body) []byte {
	return appendText(dst, body)
}

func (text) AppendPush(dst []byte, _ codec.Command, _ uint64, body codec.Body) []byte {
	return appendText(dst, body)
}

func appendText(dst []byte, body codec.Body) []byte {
	if body == nil {
		return dst
	}
	b := make([]byte, body.SizeVT())
	n, err := body.MarshalToSizedBufferVT(b)
	if err != nil {
		panic(err)
	}
	return append(dst, b[len(b)-n:]...)
}

// onWire opens a session of the packet dialect that no reactor carries.
func onWire(t testing.TB, core *engine.Core) *wire {
	t.Helper()
	w := &wire{core: core}
	return w.open(t, core.AddCarrier(w), codec.Packet{})
}

// onInlineWire is onWire with an inline carrier.
func onInlineWire(t testing.TB, core *engine.Core, d codec.Dialect) *wire {
	t.Helper()
	w := &wire{core: core}
	return w.open(t, core.AddInlineCarrier(w), d)
}

// onText is onWire with the dialect text.
func onText(t testing.TB, core *engine.Core) *wire {
	t.Helper()
	w := &wire{core: core}
	return w.open(t, core.AddCarrier(w), text{})
}

// open opens the session of w on a carrier. The session and the core are closed at the end
// of the test.
func (w *wire) open(t testing.TB, carrier int, d codec.Dialect) *wire {
	t.Helper()
	var reason engine.Reason
	if w.session, reason = w.core.Open(carrier, w, &net.TCPAddr{}, &engine.Listener{Dialect: d}); w.session == nil {
		t.Fatal("no session:", reason)
	}
	t.Cleanup(func() {
		w.flushing.Lock()
		w.core.Closed(w.session, engine.ReasonPeerClosed)
		w.flushing.Unlock()
		if err := w.core.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// wiresOn opens n sessions of the dialect text on one carrier.
func wiresOn(t testing.TB, core *engine.Core, n int) []*wire {
	t.Helper()
	return wiresWith(t, core, n, text{})
}

// wiresWith is wiresOn with another dialect.
func wiresWith(t testing.TB, core *engine.Core, n int, d codec.Dialect) []*wire {
	t.Helper()
	first := &wire{core: core}
	carrier := core.AddCarrier(first)
	wires := []*wire{first.open(t, carrier, d)}
	for len(wires) < n {
		w := &wire{core: core}
		wires = append(wires, w.open(t, carrier, d))
	}
	return wires
}

// serve executes requests of the session, and posts the replies.
func (w *wire) serve(requests []byte) {
	ctx := w.core.NewContext()
	w.core.Serve(ctx, w.session, requests)
	ctx.Post()
}

// deferring returns a core whose special command defers its replies.
func deferring(t testing.TB, config engine.Config) (*engine.Core, *carriertest.Deferred) {
	t.Helper()
	d := new(carriertest.Deferred)
	config.Router = carriertest.Router(d.Defer)
	return newCore(t, config), d
}

// ask executes n requests of the session, which are deferred.
func (w *wire) ask(d *carriertest.Deferred, n int) []engine.Request {
	w.serve(frames(special, make([]string, n)...))
	return d.Take()
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

func TestServeCount(t *testing.T) {
	var turns []uint64
	router := engine.NewRouter(nil)
	router.Handle(special, engine.OnLane, func(c *engine.Context) { turns = append(turns, c.ServeCount()) })
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
	record := func(s string) { trace = append(trace, s) }
	router := engine.NewRouter(func(*engine.Context) { record("unknown") })
	router.Use(func(next engine.Handler) engine.Handler {
		return func(c *engine.Context) { record("outer"); next(c); record("/outer") }
	}, func(next engine.Handler) engine.Handler {
		return func(c *engine.Context) { record("inner"); next(c) }
	})
	hooks := engine.Hooks{
		Before: func(c *engine.Context) bool { record("before"); return len(c.Message.Body) == 0 },
		After:  func(*engine.Context) { record("after") },
	}
	router.Handle(special, engine.OnLane, func(*engine.Context) { record("handler") }, hooks)
	func() {
		defer func() {
			if v, ok := recover().(string); !ok || !strings.Contains(v, "already has a handler") {
				t.Errorf("second handler: %v", v)
			}
		}()
		router.Handle(special, engine.OnLane, echo)
	}()
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
	a, b := onText(t, core), onText(t, core)
	out := core.NewOutbox()
	for range 3 {
		out.Push(a.session, codec.PushQuote, 0, codec.Raw("a"))
		out.Push(b.session, codec.PushQuote, 0, codec.Raw("b"))
	}
	out.Post()
	if string(a.sent) != "aaa" || a.writes != 1 || string(b.sent) != "bbb" || b.writes != 1 {
		t.Fatalf("a: %q in %d writes, b: %q in %d", a.sent, a.writes, b.sent, b.writes)
	}
}

func TestDroppablePushesSpareASlowSession(t *testing.T) {
	core := newCore(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000}})
	w := onText(t, core)
	out := core.NewOutbox()
	send := func(backlog int) string {
		w.sent, w.backlog = nil, backlog
		out.Push(w.session, codec.PushExecution, 0, codec.Raw("1"))
		out.PushDroppable([]*engine.Session{w.session}, 1, codec.PushQuote, codec.Raw("quote"))
		out.Push(w.session, codec.PushExecution, 0, codec.Raw("2"))
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

// A discarded reply keeps its place in the order, but does not delay the end of its session;
// other sessions do not wait for it.
func TestDiscardedReplyDoesNotHoldUpTheEnd(t *testing.T) {
	core, deferred := deferring(t, engine.Config{})
	w, other := onText(t, core), onText(t, core)
	out := core.NewOutbox()
	out.Reply(w.ask(deferred, 1)[0], codec.ResultOK, codec.Raw("lost"))
	out.Discard()
	if out.Len() != 0 || out.Size() != 0 {
		t.Errorf("%d messages of %d bytes in the outbox", out.Len(), out.Size())
	}
	other.serve(frames(onLane, "x"))
	core.CloseAll(engine.ReasonUnavailable)
	if got := string(w.sent); strings.Contains(got, "lost") || !strings.Contains(got, "stopping") {
		t.Errorf("sent %q", got)
	}
	if !strings.HasPrefix(string(other.sent), "x") {
		t.Errorf("sent %q to the other", other.sent)
	}
}

func TestTakeGivesTheRepliesToTheCarrier(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onInlineWire(t, core, codec.Packet{})
	ctx := core.NewInlineContext()
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
			w := onInlineWire(t, core, codec.Packet{})
			ctx := core.NewInlineContext()
			core.Serve(ctx, w.session, frames(onLane, "before"))
			end(core, ctx, w)
			if got := ctx.Take(nil); got != nil || !w.session.Closing() {
				t.Errorf("taken: %q", got)
			}
			var m codec.Message
			used, _ := codec.Packet{}.Next(w.sent, &m)
			var notice codec.Message
			codec.Packet{}.Next(w.sent[used:], &notice)
			if string(m.Body) != "\x00before" || notice.Command != codec.PushNotice {
				t.Errorf("sent %q", w.sent)
			}
		})
	}
}

// A carrier may write the next reply itself once no reply is deferred. So the last deferred
// reply must be written before it stops counting.
func TestDeferredUntilWritten(t *testing.T) {
	for _, replies := range []int{1, 2} {
		core, deferred := deferring(t, engine.Config{})
		w := onInlineWire(t, core, text{})
		ctx, next := core.NewInlineContext(), core.NewInlineContext()
		core.Serve(ctx, w.session, frames(special, make([]string, replies)...))
		early := false
		w.onWrite = func(b []byte) {
			if strings.HasSuffix(string(b), "last") {
				core.Serve(next, w.session, frames(onLane, "next"))
				early = len(next.Take(nil)) > 0
			}
		}
		out, requests := core.NewOutbox(), deferred.Take()
		if replies == 2 {
			out.Reply(requests[0], codec.ResultOK, codec.Raw("first"))
			out.PushDroppable([]*engine.Session{w.session}, 1, codec.PushQuote, codec.Raw("quote"))
		}
		out.Reply(requests[replies-1], codec.ResultOK, codec.Raw("last"))
		out.Post()
		if !strings.HasSuffix(string(w.sent), "lastnext") || early {
			t.Errorf("%d replies: sent %q, a later one before the last: %v", replies, w.sent, early)
		}
		core.Serve(ctx, w.session, frames(onLane, "directly"))
		if got := string(ctx.Take(nil)); got != "directly" {
			t.Errorf("when nothing is deferred the carrier takes %q", got)
		}
	}
}

func TestServeDoesNotAllocate(t *testing.T) {
	core := newCore(t, engine.Config{Router: func() *engine.Router {
		r := engine.NewRouter(echo)
		r.Handle(special, engine.OnLane, ok)
		return r
	}()})
	w := onWire(t, core)
	ctx := core.NewContext()
	request := frames(special, make([]string, 64)...)
	round := func() {
		w.sent = w.sent[:0]
		core.Serve(ctx, w.session, request)
		ctx.Post()
	}
	for range 20 {
		round()
	}
	if allocs := testing.AllocsPerRun(200, round); allocs > 3 {
		t.Fatalf("%v allocations for 64 requests", allocs)
	}
}

func BenchmarkServe(b *testing.B) {
	r := engine.NewRouter(echo)
	r.Handle(special, engine.OnLane, ok)
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
