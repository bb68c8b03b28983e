package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

func TestEachClassAnswers(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 2})
	for _, cmd := range []codec.Command{onLane, onLoop, offLane} {
		dial(t, r.addr).echoes(cmd)
	}
	p := dial(t, r.addr)
	p.send(0x3F, 9, "")
	p.expect(0xBF, 9, string([]byte{byte(codec.ResultUnknownCommand)}))
	p.echoes(onLane)
}

func TestRepliesKeepTheOrderOfRequests(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 2})
	var wg sync.WaitGroup
	for range 8 {
		p := dial(t, r.addr)
		wg.Go(func() {
			const n = 3000
			wg.Go(func() {
				for i := range n {
					cmd := onLane
					if i%3 == 0 {
						cmd = onLoop
					}
					p.send(cmd, uint64(i), "x")
				}
			})
			for i := range n {
				m, err := p.next()
				if err != nil || m.ID != uint64(i) {
					t.Errorf("reply %d has id %d, %v", i, m.ID, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// queue is a sink whose outbox is posted when the test says so.
type queue struct {
	mu  sync.Mutex
	out *engine.Outbox
}

func (q *queue) Hold(s *engine.Session, frames []byte, answered int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Append(s, frames, answered)
}

func (q *queue) HoldClose(s *engine.Session, reason engine.Reason) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Close(s, reason)
}

func (q *queue) post() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Post()
}

func TestRepliesQueueBehindADeferredOne(t *testing.T) {
	sink := new(queue)
	deferred := make(chan struct{}, 1)
	router := testRouter(t, func(c *engine.Context) {
		sink.Hold(c.Session, codec.AppendResult(nil, c.Message, codec.ResultOK), 1)
		c.Defer()
		deferred <- struct{}{}
	})
	core := newCore(t, engine.Config{Router: router, Sink: sink})
	sink.out = core.NewHoldingOutbox()
	r := serve(t, core, engine.ReactorConfig{Loops: 1})
	p, other := dial(t, r.addr), dial(t, r.addr)
	p.send(special, 1, "")
	p.send(onLane, 2, "b")
	p.send(onLoop, 3, "c")
	<-deferred
	other.echoes(onLane) // another session does not wait
	other.echoes(onLoop)
	sink.post()
	p.expect(special.Reply(), 1, "\x00")
	p.send(onLoop, 4, "d")
	eventually(t, "all replies", func() bool { sink.post(); return r.Traffic().Replies == 6 })
	p.expect(onLane.Reply(), 2, "\x00b")
	p.expect(onLoop.Reply(), 3, "\x00c")
	p.expect(onLoop.Reply(), 4, "\x00d")
}

func TestNoticeQueuesBehindADeferredReply(t *testing.T) {
	sink := new(queue)
	deferred := make(chan struct{}, 1)
	router := testRouter(t, func(c *engine.Context) {
		c.Defer()
		sink.Hold(c.Session, codec.AppendResult(nil, c.Message, codec.ResultOK), 1)
		deferred <- struct{}{}
	})
	core := newCore(t, engine.Config{Router: router, Sink: sink})
	sink.out = core.NewHoldingOutbox()
	r := serve(t, core, engine.ReactorConfig{Loops: 1})
	for _, end := range [][]byte{{0, 0, 0, 3}, codec.AppendMessage(nil, codec.Message{Command: panics})} {
		p := dial(t, r.addr)
		p.send(onLane, 1, "a")
		p.send(special, 2, "")
		<-deferred
		p.write(end)
		other := dial(t, r.addr)
		other.echoes(onLane) // behind it in the lane
		sink.post()
		p.expect(onLane.Reply(), 1, "\x00a")
		p.expect(special.Reply(), 2, "\x00")
		m, err := p.next()
		if err != nil || m.Command != codec.PushNotice {
			t.Errorf("the end is %v, %v", m.Command, err)
		}
	}
}

func TestBadLengths(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{MaxFrameBytes: 4096}}), engine.ReactorConfig{Loops: 1})
	const malformed, large = pb.NoticeCode_NOTICE_CODE_MALFORMED, pb.NoticeCode_NOTICE_CODE_TOO_LARGE
	tests := []struct {
		name   string
		header string
		notice pb.NoticeCode
	}{
		{"0", "\x00\x00\x00\x00", malformed},
		{"3", "\x00\x00\x00\x03", malformed},
		{"12", "\x00\x00\x00\x0c", malformed},
		{"negative", "\xff\xff\xff\xf0", large},
		{"over the maximum", "\x00\x00\x10\x01", large},
		{"4 GiB", "\xff\xff\xff\xff", large},
		{"with much behind it", "\x00\x00\x00\x02" + strings.Repeat("x", 50_000), malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := dial(t, r.addr)
			p.send(onLane, 1, "good")
			p.write([]byte(tt.header))
			p.expect(onLane.Reply(), 1, "\x00good")
			p.expectNotice(tt.notice)
			dial(t, r.addr).echoes(onLane)
		})
	}
	eventually(t, "the end of all sessions", func() bool { return r.Len() == 0 })
	if n := r.Stats.Closes(engine.ReasonMalformed); n != 4 {
		t.Errorf("%d sessions counted as malformed, want 4", n)
	}
}

func TestOneByteAtATime(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	if err := p.Conn.(*net.TCPConn).SetNoDelay(true); err != nil {
		t.Fatal(err)
	}
	frames := codec.AppendMessage(nil, codec.Message{Command: onLane, ID: 1, Body: []byte("slow")})
	frames = codec.AppendMessage(frames, codec.Message{Command: onLoop, ID: 2, Body: []byte("slower")})
	for i := range frames {
		p.write(frames[i : i+1])
	}
	p.expect(onLane.Reply(), 1, "\x00slow")
	p.expect(onLoop.Reply(), 2, "\x00slower")
}

func TestTruncatedFrameChangesNothing(t *testing.T) {
	called := make(chan string, 1)
	router := testRouter(t, func(c *engine.Context) { called <- string(c.Message.Body) })
	r := serve(t, newCore(t, engine.Config{Router: router}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	frame := codec.AppendMessage(nil, codec.Message{Command: special, ID: 1, Body: []byte("never")})
	p.write(frame[:len(frame)-1])
	p.Close()
	eventually(t, "the close", func() bool { return r.Stats.Closes(engine.ReasonPeerClosed) == 1 })
	dial(t, r.addr).echoes(onLane)
	select {
	case body := <-called:
		t.Fatalf("the truncated frame %q was executed", body)
	default:
	}
}

func TestPanicCostsOneSession(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 1})
	p, other := dial(t, r.addr), dial(t, r.addr)
	other.echoes(onLane)
	p.send(onLane, 1, "before")
	p.send(panics, 2, "")
	p.send(onLane, 3, "after")
	p.expect(onLane.Reply(), 1, "\x00before")
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL)
	other.echoes(onLane)
	if n := r.Stats.Panics.Load(); n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func TestConnectionLimit(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{MaxConnections: 2}}), engine.ReactorConfig{Loops: 2})
	a, b := dial(t, r.addr), dial(t, r.addr)
	a.echoes(onLane)
	b.echoes(onLane)
	dial(t, r.addr).expectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS)
	a.echoes(onLane)
	b.Close()
	eventually(t, "room for another", func() bool { return r.Len() == 1 })
	dial(t, r.addr).echoes(onLane)
	if n := r.Stats.Closes(engine.ReasonTooManyConnections); n != 1 {
		t.Errorf("%d refusals counted", n)
	}
}

func TestTooManyRequestsInFlight(t *testing.T) {
	unblock := make(chan struct{})
	started := make(chan struct{}, 1)
	router := testRouter(t, func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Result(codec.ResultOK) })
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{InFlightRequests: 10}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	p.send(special, 0, "")
	<-started
	for i := range 10 {
		p.send(onLane, uint64(1+i), "")
	}
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_OVERLOADED)
	close(unblock)
	dial(t, r.addr).echoes(onLane)
}

func TestOffLaneTasksAreBounded(t *testing.T) {
	unblock := make(chan struct{})
	router := engine.NewRouter(echo)
	if err := router.Handle(special, engine.OffLane, func(c *engine.Context) { <-unblock; c.Result(codec.ResultOK) }); err != nil {
		t.Fatal(err)
	}
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{OffLaneTasks: 3}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	for i := range 4 {
		p.send(special, uint64(i), "")
	}
	p.expect(special.Reply(), 3, string([]byte{byte(codec.ResultOverloaded)}))
	p.echoes(onLane) // blocked tasks do not hold up the lane
	close(unblock)
	for range 3 {
		if m, err := p.next(); err != nil || m.Body[0] != 0 {
			t.Fatalf("%v, %v", m, err)
		}
	}
}

func TestSlowConsumerIsCut(t *testing.T) {
	limits := engine.Limits{OutboundHardBytes: 256 << 10, InFlightRequests: 1 << 20, InFlightBytes: 1 << 30}
	big := make([]byte, 64<<10)
	router := testRouter(t, func(c *engine.Context) {
		c.Frames(codec.AppendMessage(nil, codec.Message{Command: special.Reply(), ID: c.Message.ID, Body: big}))
	})
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: limits}), engine.ReactorConfig{Loops: 1})
	p, other := dial(t, r.addr), dial(t, r.addr)
	for i := range 400 { // 25 MiB of replies, none of them read
		frame := codec.AppendMessage(nil, codec.Message{Command: special, ID: uint64(i)})
		if _, err := p.Write(frame); err != nil {
			break
		}
	}
	eventually(t, "the cut", func() bool { return r.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
	other.echoes(onLane)
}

func TestDrainAnswersWhatWasReceived(t *testing.T) {
	unblock, started := make(chan struct{}), make(chan struct{}, 1)
	router := testRouter(t, func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Result(codec.ResultOK) })
	drained := false
	r := serve(t, newCore(t, engine.Config{Router: router}), engine.ReactorConfig{
		Loops: 1, OnDrain: func(context.Context) error { drained = true; return nil },
	})
	p := dial(t, r.addr)
	var frames []byte
	frames = codec.AppendMessage(frames, codec.Message{Command: special, ID: 1})
	for i := range 100 {
		frames = codec.AppendMessage(frames, codec.Message{Command: onLane, ID: uint64(2 + i)})
	}
	p.write(frames)
	<-started
	eventually(t, "the receipt of all", func() bool { return r.Traffic().Requests == 101 })
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	close(unblock)
	p.expect(special.Reply(), 1, "\x00")
	for i := range 100 {
		p.expect(onLane.Reply(), uint64(2+i), "\x00")
	}
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	p.Close()
	if err := <-stopped; err != nil || !drained {
		t.Fatalf("stopped with %v, OnDrain called: %v", err, drained)
	}
}

func TestDrainEndsInTime(t *testing.T) {
	unblock, started := make(chan struct{}), make(chan struct{}, 1)
	router := testRouter(t, func(*engine.Context) { started <- struct{}{}; <-unblock })
	core := newCore(t, engine.Config{Router: router})
	reactor, err := core.NewReactor(engine.ReactorConfig{Listen: "127.0.0.1:0", Loops: 1, Drain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	dial(t, reactor.Addr()).send(special, 1, "")
	<-started
	cancel()
	if err := <-ended; !errors.Is(err, engine.ErrDrainTimeout) {
		t.Errorf("got %v, want ErrDrainTimeout", err)
	}
	close(unblock)
	if err := core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestPortInUse(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 1})
	second := newCore(t, engine.Config{})
	defer second.Close(context.Background())
	if _, err := second.NewReactor(engine.ReactorConfig{Listen: r.addr}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want address in use", err)
	}
}

// A server can be reached at the address that was asked for, also where Go would
// listen for IPv4 and IPv6 alike, and says that address.
func TestListensWhereAsked(t *testing.T) {
	for _, tc := range []struct {
		listen, says, dial string
		six                bool // needs IPv6
	}{
		{"0.0.0.0:0", "0.0.0.0", "127.0.0.1", false},
		{"127.0.0.1:0", "127.0.0.1", "127.0.0.1", false},
		{"localhost:0", "127.0.0.1", "localhost", false},
		{":0", "", "127.0.0.1", true},
		{":0", "", "::1", true},
		{"[::1]:0", "::1", "::1", true},
		{"[::]:0", "::", "::1", true},
	} {
		t.Run(tc.listen+" "+tc.dial, func(t *testing.T) {
			if probe, err := net.Listen("tcp6", "[::1]:0"); err == nil {
				probe.Close()
			} else if tc.six {
				t.Skipf("skip: needs IPv6 on the loopback interface: %v", err)
			}
			r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listen: tc.listen, Loops: 2})
			host, port, err := net.SplitHostPort(r.addr)
			if err != nil || host != tc.says || port == "0" {
				t.Errorf("says %q, %v", r.addr, err)
			}
			dial(t, net.JoinHostPort(tc.dial, port)).echoes(onLane)
		})
	}
}

func TestPortIsFreeRightAfterAStop(t *testing.T) {
	first := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 1})
	p := dial(t, first.addr)
	p.echoes(onLane)
	if err := first.stop(); err != nil { // the server closes first and keeps the connection in TIME_WAIT
		t.Fatal(err)
	}
	second := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listen: first.addr, Loops: 1})
	dial(t, second.addr).echoes(onLane)
}

func TestSessionsAreFoundByIDOnlyWhileOpen(t *testing.T) {
	opened, closed := make(chan *engine.Session, 4), make(chan engine.Reason, 4)
	r := serve(t, newCore(t, engine.Config{
		OnOpen:  func(s *engine.Session) { opened <- s },
		OnClose: func(_ *engine.Session, reason engine.Reason) { closed <- reason },
	}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	first := <-opened
	if got, ok := r.Find(first.ID()); !ok || got != first || first.RemoteAddr().String() != p.LocalAddr().String() {
		t.Fatalf("found %v, %v at %v", got, ok, first.RemoteAddr())
	}
	p.Close()
	if reason := <-closed; reason != engine.ReasonPeerClosed {
		t.Errorf("closed as %v", reason)
	}
	dial(t, r.addr)
	second := <-opened
	if uint32(second.ID()) != uint32(first.ID()) || second.ID() == first.ID() {
		t.Errorf("slot of %x used again as %x", first.ID(), second.ID())
	}
	if _, ok := r.Find(first.ID()); ok {
		t.Error("the old id finds the new session")
	}
}

func TestCloseAllTellsWhy(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 2})
	peers := []*peer{dial(t, r.addr), dial(t, r.addr), dial(t, r.addr)}
	for _, p := range peers {
		p.echoes(onLane)
	}
	r.CloseAll(engine.ReasonUnavailable)
	for _, p := range peers {
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE)
	}
}

func TestPeerThatNeverReadsTheNoticeIsClosed(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{Linger: 20 * time.Millisecond}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	p.write([]byte{0, 0, 0, 1})
	eventually(t, "the close", func() bool { return r.Stats.Closes(engine.ReasonMalformed) == 1 && r.Len() == 0 })
	if _, err := io.ReadAll(p.Conn); err != nil {
		t.Errorf("the notice was lost: %v", err)
	}
}

func ExampleCore_NewReactor() {
	router := engine.NewRouter(func(c *engine.Context) { c.Result(codec.ResultUnknownCommand) })
	_ = router.Handle(codec.CommandSubmit, engine.OnLane, func(c *engine.Context) { c.Result(codec.ResultOK) })
	core, err := engine.NewCore(engine.Config{Router: router})
	if err != nil {
		fmt.Println(err)
		return
	}
	reactor, err := core.NewReactor(engine.ReactorConfig{Listen: "127.0.0.1:0", Loops: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()

	conn, _ := net.Dial("tcp", reactor.Addr())
	_, _ = conn.Write(codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 1, Body: []byte("hello")}))
	reply := make([]byte, 14)
	_, _ = io.ReadFull(conn, reply)
	fmt.Printf("%x\n", reply)
	conn.Close()

	stop()
	fmt.Println(<-ended, core.Close(context.Background()))
	// Output:
	// 0000000e82000000000000000100
	// <nil> <nil>
}

func TestInFlightBytesFallWithEachReply(t *testing.T) {
	unblock := make(chan struct{})
	router := testRouter(t, echo)
	if err := router.Handle(0x20, engine.OffLane, func(c *engine.Context) { <-unblock; c.Result(codec.ResultOK) }); err != nil {
		t.Fatal(err)
	}
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{InFlightBytes: 10_000}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	p.send(0x20, 0, "") // one request is always in flight
	body := strings.Repeat("x", 1000)
	for i := range 100 {
		p.send(onLane, uint64(i), body)
		p.expect(onLane.Reply(), uint64(i), "\x00"+body)
	}
	close(unblock)
	p.expect(0xA0, 0, "\x00")
}

// More sessions than gnet keeps tasks in one queue: each still gets its Notice.
func TestDrainTellsEverybody(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{ConnectionsPerAddress: -1}}), engine.ReactorConfig{Loops: 1})
	peers := make([]*peer, 2000)
	for i := range peers {
		peers[i] = dial(t, r.addr)
	}
	eventually(t, "all sessions", func() bool { return r.Len() == len(peers) })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	}
}

// More batches than gnet keeps tasks in one queue wait for the loop, and more come
// while it works: they leave in the order of their posts.
func TestPostsKeepTheirOrder(t *testing.T) {
	opened := make(chan *engine.Session, 1)
	unblock, started := make(chan struct{}), make(chan struct{})
	router := testRouter(t, echo)
	if err := router.Handle(0x21, engine.OnLoop, func(*engine.Context) { close(started); <-unblock }); err != nil {
		t.Fatal(err)
	}
	core := newCore(t, engine.Config{Router: router, OnOpen: func(s *engine.Session) { opened <- s }})
	r := serve(t, core, engine.ReactorConfig{Loops: 1})
	p := dial(t, r.addr)
	session := <-opened
	p.send(0x21, 0, "")
	<-started
	out := core.NewOutbox()
	const posts = 5000
	for i := range uint64(posts) {
		if i == posts/2 {
			close(unblock)
		}
		out.Append(session, codec.AppendHeader(nil, codec.PushExecution, i, 0), 0)
		out.Post()
	}
	for i := range uint64(posts) {
		p.expect(codec.PushExecution, i, "")
	}
}
