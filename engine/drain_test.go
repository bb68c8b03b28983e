package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// A drain with too little time reports what was left.
func TestDrainSaysWhatWasLeft(t *testing.T) {
	for _, tc := range []struct {
		name string
		off  bool // the handler runs off the lane
		want string
	}{
		{"a request on the lane", false, "requests are still running"},
		{"a request off the lane", true, "requests off the lane: 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			unblock, started := make(chan struct{}), make(chan struct{}, 1)
			router := stopRouter(t, tc.off, func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Reply(codec.ResultOK, nil) })
			core := newCore(t, engine.Config{Router: router})
			reactor, err := core.NewReactor(engine.ReactorConfig{Listeners: at("127.0.0.1:0"), Loops: 1, Drain: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- reactor.Run(ctx) }()
			<-reactor.Booted()
			p := dial(t, reactor.Addrs()[0])
			p.Send(special, 1, "")
			<-started
			cancel()
			err = <-ended
			if !errors.Is(err, engine.ErrDrainTimeout) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			close(unblock)
			if err := core.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Output that a peer does not read is dropped when the time is over. This is a regular stop,
// and it is logged.
func TestDrainCutsWhoDoesNotRead(t *testing.T) {
	var log strings.Builder
	core := newCore(t, engine.Config{
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
		Limits: unreadLimits(),
	})
	r := serve(t, core, engine.ReactorConfig{Loops: 1, Drain: time.Second})
	p, quick := dial(t, r.Addr), dial(t, r.Addr)
	quick.Echoes(onLane)
	leaveUnread(t, core, p)
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	quick.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, " sessions=1 ") {
		t.Errorf("logged %q", text)
	}
	if n := core.Stats.Closes(engine.ReasonShuttingDown); n != 2 {
		t.Errorf("%d sessions closed by the stop", n)
	}
}

// stopRouter is carriertest.Router with special on the lane or off it.
func stopRouter(t *testing.T, off bool, h engine.Handler) *engine.Router {
	t.Helper()
	if !off {
		return carriertest.Router(h)
	}
	r := engine.NewRouter(nil)
	r.Handle(special, engine.OffLane, h)
	return r
}

// unreadLimits are limits for sessions with 32 MiB of output that they read late.
func unreadLimits() engine.Limits {
	return engine.Limits{
		LoginFrameBytes: 1 << 20, OutboundSoftBytes: 64 << 20, OutboundHardBytes: 64 << 20,
		FrameTime: time.Hour, IdleTime: time.Hour, WriteStallTime: time.Hour,
	}
}

// leaveUnread sends requests and reads nothing, until there is far more output than the
// kernel buffers.
func leaveUnread(t *testing.T, core *engine.Core, p *peer) {
	t.Helper()
	frame := codec.AppendMessage(nil, codec.Message{Command: onLane, ID: 1, Body: make([]byte, 512<<10)})
	eventually(t, "the count of earlier replies", func() bool { return core.Traffic().Replies == core.Traffic().Requests })
	before := core.Traffic().Replies
	for n := range uint64(64) { // 32 MiB; one at a time, within the limit of what is in flight
		p.MustWrite(frame)
		eventually(t, "the echo", func() bool { return core.Traffic().Replies > before+n })
	}
}

// A stop waits for late readers as long as the drain may take, not only as long as a closed
// session may linger.
func TestDrainWaitsForLateReaders(t *testing.T) {
	limits := unreadLimits()
	limits.Linger = time.Nanosecond
	core := newCore(t, engine.Config{Limits: limits})
	r := serve(t, core, engine.ReactorConfig{Loops: 1, Drain: patience})
	p, quick := dial(t, r.Addr), dial(t, r.Addr)
	quick.Echoes(onLane)
	leaveUnread(t, core, p)
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	quick.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	eventually(t, "the end of who has lingered", func() bool { return core.Stats.Closes(engine.ReasonShuttingDown) > 0 })
	for range 64 {
		p.Expect(onLane.Reply(), 1, "\x00"+string(make([]byte, 512<<10)))
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
