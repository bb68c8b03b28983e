package engine

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"holdfast/codec"
)

// Without a free descriptor, the session of a client that ends its stream ends at once, and
// counts as one that has lost replies.
func TestHalfCloseWithoutADescriptor(t *testing.T) {
	requests := make(chan Request, 1)
	router := NewRouter(nil)
	router.Handle(codec.CommandSubmit, OnLane, func(c *Context) { requests <- c.Defer() })
	var r *Reactor
	core, err := NewCore(Config{
		Router: router, Log: slog.New(slog.DiscardHandler),
		OnOpen: func(*Session) { r.lastFile = 0 }, // on the loop, as every use of it
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = core.NewReactor(ReactorConfig{Listeners: []Listener{{Address: "127.0.0.1:0"}}, Loops: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-r.Booted()
	conn, err := net.Dial("tcp", r.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(codec.AppendRequest(nil, codec.CommandSubmit, 1, nil)); err != nil {
		t.Fatal(err)
	}
	<-requests
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conn); err != nil || len(b) > 0 {
		t.Errorf("got %q, %v", b, err)
	}
	if n := core.Stats.HalfClosedLost.Load(); n != 1 {
		t.Errorf("%d sessions counted", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
