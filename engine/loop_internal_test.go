package engine

import (
	"context"
	"log/slog"
	"testing"

	"holdfast/codec"
)

// sink is a link that takes everything.
type sink struct{}

func (sink) Write([]byte) error { return nil }
func (sink) Buffered() int      { return 0 }
func (sink) CloseWrite() error  { return nil }
func (sink) Close() error       { return nil }

// TestServeOnLoopDoesNotAllocate: a request that runs on the event loop, and its reply,
// need no new memory.
func TestServeOnLoopDoesNotAllocate(t *testing.T) {
	router := NewRouter(nil)
	router.Handle(codec.CommandSubmit, OnLoop, func(c *Context) { c.Reply(codec.ResultOK, nil) })
	core, err := NewCore(Config{Router: router, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(core, DefaultTick)
	l.runRequested = true // there is no gnet to call Run
	s, _ := core.Open(l.index, sink{}, nil, &Listener{Dialect: codec.Packet{}})
	frame := codec.AppendRequest(nil, codec.CommandSubmit, 1, nil)
	allocs := testing.AllocsPerRun(200, func() {
		for range 64 {
			if taken, served := l.serveOnLoop(s, frame, 1); taken != len(frame) || served != 1 {
				t.Fatalf("took %d bytes and %d requests", taken, served)
			}
		}
		l.onLoop.out.flush()
	})
	if allocs > 3 { // the race detector makes pools forget
		t.Errorf("%v allocations for 64 requests", allocs)
	}
	core.Closed(s, ReasonPeerClosed)
	if err := core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
