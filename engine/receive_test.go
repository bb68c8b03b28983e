package engine_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// Commands of this file, both on the loop.
const (
	blocks codec.Command = 0x30
	counts codec.Command = 0x31
)

// blockable serves two commands on its only loop: blocks signals started and waits until
// unblock is closed, counts sends its id to order.
func blockable(t *testing.T, limits engine.Limits) (r *running, order chan uint64, started, unblock chan struct{}) {
	t.Helper()
	order, started, unblock = make(chan uint64, 1<<16), make(chan struct{}, 1), make(chan struct{})
	router := carriertest.Router(echo)
	for cmd, h := range map[codec.Command]engine.Handler{
		blocks: func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Reply(codec.ResultOK, nil) },
		counts: func(c *engine.Context) { order <- c.Message.ID; c.Reply(codec.ResultOK, nil) },
	} {
		router.Handle(cmd, engine.OnLoop, h)
	}
	return serve(t, newCore(t, engine.Config{Router: router, Limits: limits}), engine.ReactorConfig{Loops: 1}), order, started, unblock
}

// If a session sends a thousand frames at once, some are executed, and then those of other
// sessions.
func TestFramesPerEvent(t *testing.T) {
	const most, all = 10, 1000
	r, order, started, unblock := blockable(t, engine.Limits{FramesPerEvent: most})
	blocker, many, one := dial(t, r.Addr), dial(t, r.Addr), dial(t, r.Addr)
	many.Echoes(onLane)
	one.Echoes(onLane)
	blocker.Send(blocks, 0, "")
	<-started
	many.MustWrite(frames(counts, make([]string, all)...)) // ids from 0 on
	one.Send(counts, 1<<20, "")
	close(unblock)
	for i := range uint64(all) {
		many.Expect(counts.Reply(), i, "\x00")
	}
	before := uint64(0)
	for id := range order {
		if id == 1<<20 {
			break
		}
		if id != before {
			t.Fatalf("frame %d was executed in the place of %d", id, before)
		}
		before++
	}
	if before > most {
		t.Errorf("%d frames of one session were executed before the one of the other, want %d at most", before, most)
	}
}

// All requests received before a drain are answered, also those that still wait.
func TestDrainAnswersWhatWaits(t *testing.T) {
	r, _, started, unblock := blockable(t, engine.Limits{FramesPerEvent: 1})
	p := dial(t, r.Addr)
	const all = 3000
	p.MustWrite(append(frames(blocks, ""), frames(onLane, make([]string, all)...)...))
	<-started
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	time.Sleep(50 * time.Millisecond) // the drain has started; were it later, nothing would be tried
	close(unblock)
	p.Expect(blocks.Reply(), 0, "\x00")
	for i := range uint64(all) {
		p.Expect(onLane.Reply(), i, "\x00")
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	p.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A stuck loop must not delay the end.
func TestDrainEndsInTimeWithAStuckLoop(t *testing.T) {
	t.Parallel()
	started, unblock := make(chan struct{}, 1), make(chan struct{})
	router := engine.NewRouter(echo)
	router.Handle(blocks, engine.OnLoop, func(*engine.Context) { started <- struct{}{}; <-unblock })
	core := newCore(t, engine.Config{Router: router})
	reactor, err := core.NewReactor(engine.ReactorConfig{Listeners: at("127.0.0.1:0"), Loops: 1, Drain: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	dial(t, reactor.Addrs()[0]).Send(blocks, 1, "")
	<-started
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, engine.ErrDrainTimeout) {
			t.Errorf("got %v, want ErrDrainTimeout", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Run does not return")
	}
	close(unblock)
	if err := core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestFrameLimitRisesWithTheLogin(t *testing.T) {
	router := carriertest.Router(func(c *engine.Context) {
		c.Session.SetLoggedIn(len(c.Message.Body) > 0)
		c.Reply(codec.ResultOK, nil)
	})
	limits := engine.Limits{LoginFrameBytes: 100, MaxFrameBytes: 1000}
	r := serve(t, newCore(t, engine.Config{Router: router, Limits: limits}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	fits, login := strings.Repeat("x", 100-13), strings.Repeat("x", 1000-13)
	p.Send(onLane, 1, fits)
	p.Expect(onLane.Reply(), 1, "\x00"+fits)
	p.Send(special, 2, "login")
	p.Expect(special.Reply(), 2, "\x00")
	p.Send(onLane, 3, login)
	p.Expect(onLane.Reply(), 3, "\x00"+login)
	p.Send(special, 4, "")
	p.Expect(special.Reply(), 4, "\x00")
	p.Send(onLane, 5, fits+"x")
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_LARGE)
}

func TestConnectionsPerAddress(t *testing.T) {
	limits := engine.Limits{ConnectionsPerAddress: 2, LimitLoopback: true}
	r := serve(t, newCore(t, engine.Config{Limits: limits}), engine.ReactorConfig{Loops: 2})
	from := func(ip string) *peer {
		t.Helper()
		return carriertest.DialWith(t, r.Addr, net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}})
	}
	first := from("127.0.0.5")
	first.Echoes(onLane)
	from("127.0.0.5").Echoes(onLane)
	from("127.0.0.5").ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS)
	from("127.0.0.6").Echoes(onLane)
	first.Close()
	eventually(t, "room for another", func() bool { return r.Len() == 2 })
	from("127.0.0.5").Echoes(onLane)
	from("127.0.0.5").ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS)
}

// fullLane serves packet and WebSocket with a lane of 4 KiB that is busy until unblock is
// called, and full of the requests of one session.
func fullLane(t *testing.T) (r *running, greedy *peer, unblock func()) {
	t.Helper()
	started := make(chan struct{}, 1)
	open := make(chan struct{})
	unblock = sync.OnceFunc(func() { close(open) })
	router := carriertest.Router(echo)
	router.Handle(blocks, engine.OnLane, func(c *engine.Context) {
		started <- struct{}{}
		<-open
		c.Reply(codec.ResultOK, nil)
	})
	core := newCore(t, engine.Config{Router: router, Limits: engine.Limits{LaneBytes: 4 << 10}})
	r = serve(t, core, engine.ReactorConfig{Listeners: append(at("127.0.0.1:0"), webListener(engine.WebSocket{})...), Loops: 1})
	t.Cleanup(unblock) // a test that fails has not
	blocker := dial(t, r.Addr)
	blocker.Send(blocks, 0, "")
	<-started
	greedy = dial(t, r.Addr)
	greedy.MustWrite(frames(onLane, make([]string, 300)...)) // 3,900 bytes
	eventually(t, "a full lane", func() bool { return core.Load().LaneBytes >= 3900 })
	return r, greedy, unblock
}

// A full lane closes the session that has filled it; a few requests of others wait for space.
func TestFullLaneSparesOthers(t *testing.T) {
	r, greedy, unblock := fullLane(t)
	const others = 10
	var modest []*peer
	for id := range uint64(others) {
		p := dial(t, r.Addr)
		p.MustWrite(frames(onLane, strings.Repeat("a", 300)))
		p.Send(onLane, id, strings.Repeat("b", 300))
		modest = append(modest, p)
	}
	eventually(t, "sessions that wait", func() bool { return r.Load().Blocked == others })
	greedy.MustWrite(frames(onLane, make([]string, 200)...)) // 2,600 bytes that do not fit
	late := dial(t, r.Addr)                                  // read after them: one loop
	late.Echoes(onLoop)
	unblock()
	for id, p := range modest {
		p.Expect(onLane.Reply(), 0, "\x00"+strings.Repeat("a", 300))
		p.Expect(onLane.Reply(), uint64(id), "\x00"+strings.Repeat("b", 300))
	}
	greedy.ExpectNotice(pb.NoticeCode_NOTICE_CODE_OVERLOADED)
	if n := r.Load().Blocked; n != 0 {
		t.Errorf("%d sessions wait for room, and all is done", n)
	}
}

// Requests that wait for space in the lane when a drain starts are answered.
func TestDrainAnswersBlockedRequests(t *testing.T) {
	r, _, unblock := fullLane(t)
	p := dial(t, r.Addr)
	p.Send(onLane, 7, strings.Repeat("a", 1000))
	eventually(t, "a session that waits", func() bool { return r.Load().Blocked == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	time.Sleep(50 * time.Millisecond) // the drain has started; were it later, nothing would be tried
	unblock()
	p.Expect(onLane.Reply(), 7, "\x00"+strings.Repeat("a", 1000))
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	p.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
