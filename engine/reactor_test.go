package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

func TestCarrier(t *testing.T) {
	carriertest.Run(t, func(core *engine.Core, o carriertest.Options) (carriertest.Carrier, error) {
		return core.NewReactor(engine.ReactorConfig{
			Listeners: at(o.Address), Loops: 2, Drain: o.Drain, OnDrain: o.OnDrain, Tick: tick,
		})
	})
}

func TestTooManyRequestsInFlight(t *testing.T) {
	unblock := make(chan struct{})
	started := make(chan struct{}, 1)
	router := carriertest.Router(func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Reply(codec.ResultOK, nil) })
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{InFlightRequests: 10}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.Send(special, 0, "")
	<-started
	for i := range 10 {
		p.Send(onLane, uint64(1+i), "")
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_OVERLOADED)
	close(unblock)
	dial(t, r.Addr).Echoes(onLane)
}

func TestOffLaneTasksAreBounded(t *testing.T) {
	unblock := make(chan struct{})
	router := engine.NewRouter(echo)
	router.Handle(special, engine.OffLane, func(c *engine.Context) { <-unblock; c.Reply(codec.ResultOK, nil) })
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{OffLaneTasks: 3}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	for i := range 4 {
		p.Send(special, uint64(i), "")
	}
	p.Expect(special.Reply(), 3, string([]byte{byte(codec.ResultOverloaded)}))
	p.Echoes(onLane) // blocked tasks do not hold up the lane
	close(unblock)
	for range 3 {
		if m, err := p.Next(); err != nil || m.Body[0] != 0 {
			t.Fatalf("%v, %v", m, err)
		}
	}
}

// A server can be reached at the configured address, and reports it, also where Go would
// listen on both IPv4 and IPv6.
func TestListensWhereAsked(t *testing.T) {
	for _, tc := range []struct {
		listen, says, dial string
		six                bool // needs IPv6
	}{
		{"0.0.0.0:0", "0.0.0.0", "127.0.0.1", false},
		{"127.0.0.1:0", "127.0.0.1", "127.0.0.1", false},
		{"localhost:0", "127.0.0.1", "localhost", false},
		{":0", "::", "127.0.0.1", true},
		{":0", "::", "::1", true},
		{"[::]:0", "::", "127.0.0.1", true},
		{"[::1]:0", "::1", "::1", true},
		{"[::]:0", "::", "::1", true},
	} {
		t.Run(tc.listen+" "+tc.dial, func(t *testing.T) {
			if probe, err := net.Listen("tcp6", "[::1]:0"); err == nil {
				probe.Close()
			} else if tc.six {
				t.Skipf("skip: needs IPv6 on the loopback interface: %v", err)
			}
			r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listeners: at(tc.listen), Loops: 2})
			host, port, err := net.SplitHostPort(r.Addr)
			if err != nil || host != tc.says || port == "0" {
				t.Errorf("says %q, %v", r.Addr, err)
			}
			dial(t, net.JoinHostPort(tc.dial, port)).Echoes(onLane)
			dial(t, r.Addr).Echoes(onLane)
		})
	}
}

func ExampleCore_NewReactor() {
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandSubmit, engine.OnLane, func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	core, err := engine.NewCore(engine.Config{Router: router})
	if err != nil {
		fmt.Println(err)
		return
	}
	reactor, err := core.NewReactor(engine.ReactorConfig{Listeners: at("127.0.0.1:0"), Loops: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()

	conn, _ := net.Dial("tcp", reactor.Addrs()[0])
	_, _ = conn.Write(codec.AppendRequest(nil, codec.CommandSubmit, 1, codec.Raw("hello")))
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
	router := carriertest.Router(echo)
	router.Handle(0x20, engine.OffLane, func(c *engine.Context) { <-unblock; c.Reply(codec.ResultOK, nil) })
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: engine.Limits{InFlightBytes: 10_000}}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.Send(0x20, 0, "") // one request is always in flight
	body := strings.Repeat("x", 1000)
	for i := range 100 {
		p.Send(onLane, uint64(i), body)
		p.Expect(onLane.Reply(), uint64(i), "\x00"+body)
	}
	close(unblock)
	p.Expect(0xA0, 0, "\x00")
}

// With more sessions than tasks in a queue of gnet each session still gets its Notice.
func TestDrainNotifiesAll(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{ConnectionsPerAddress: -1}}), engine.ReactorConfig{Loops: 1})
	peers := make([]*peer, 2000)
	for i := range peers {
		peers[i] = dial(t, r.Addr)
	}
	eventually(t, "all sessions", func() bool { return r.Len() == len(peers) })
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	}
}

// More batches wait for the loop than tasks fit in a queue of gnet, and more arrive while it
// works: they leave in the order of their posts.
func TestPostsKeepTheirOrder(t *testing.T) {
	opened := make(chan *engine.Session, 1)
	unblock, started := make(chan struct{}), make(chan struct{})
	router := carriertest.Router(echo)
	router.Handle(0x21, engine.OnLoop, func(*engine.Context) { close(started); <-unblock })
	core := newCore(t, engine.Config{Router: router, OnOpen: func(s *engine.Session) { opened <- s }})
	r := serve(t, core, engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	session := <-opened
	p.Send(0x21, 0, "")
	<-started
	out := core.NewOutbox()
	const posts = 5000
	for i := range uint64(posts) {
		if i == posts/2 {
			close(unblock)
		}
		out.Push(session, codec.PushExecution, i, nil)
		out.Post()
	}
	for i := range uint64(posts) {
		p.Expect(codec.PushExecution, i, "")
	}
}
