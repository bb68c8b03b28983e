package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/journal"
	"holdfast/biz/journal/streamtest"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// startShared starts a server on the stream of a node. It blocks while leads returns false.
func startShared(ctx context.Context, n *streamtest.Node, dir string, with *seed.Seed, leads func() bool) (*server.Server, error) {
	shared := n.Shared(leads)
	shared.Fence = nil
	return server.Start(ctx, server.Config{
		Data: dir, Seed: with, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
		Journal: journal.Options{Shared: shared},
	})
}

// TestLead: a server waits until it leads. When the one before it has lost the lead, that one ends with the
// cause, and can be started again as a standby.
func TestLead(t *testing.T) {
	n := streamtest.Alone(t)
	shipped, err := seed.Default()
	must(t, err)
	dir := t.TempDir()
	first, err := startShared(t.Context(), n, dir, shipped, func() bool { return true })
	must(t, err)
	a := &earlyServer{Server: first, t: t, dir: dir}
	_, err = a.login(holder).PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: keyOf("ALFA/600100"), Quantity: 1})
	must(t, err)
	var leads atomic.Bool
	type started struct {
		s   *server.Server
		err error
	}
	second := make(chan started, 1)
	other := t.TempDir()
	go func() {
		s, err := startShared(t.Context(), n, other, shipped, leads.Load)
		second <- started{s, err}
	}()
	lost := errors.New("another node leads")
	first.Abandon(lost)
	if err := first.Wait(); !errors.Is(err, lost) {
		t.Errorf("the first server ended with %v", err)
	}
	leads.Store(true)
	b := <-second
	must(t, b.err)
	if b.s.Desk.StateHash() != first.Desk.StateHash() {
		t.Error("the servers have different accounts")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := startShared(ctx, n, dir, shipped, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, journal.ErrGivenUp) {
		t.Errorf("the standby ended with %v", err)
	}
	must(t, b.s.Stop())
}

// TestLeadRefusesAlone: the data folder of a server that ran alone is no folder of a node.
func TestLeadRefusesAlone(t *testing.T) {
	n, dir := streamtest.Alone(t), t.TempDir()
	shipped, err := seed.Default()
	must(t, err)
	s, err := start(t, dir, shipped)
	must(t, err)
	must(t, s.Stop())
	_, err = startShared(t.Context(), n, dir, shipped, func() bool { return true })
	if !errors.Is(err, journal.ErrForeign) || !strings.Contains(err.Error(), "holdfast cluster copy") {
		t.Error(err)
	}
}
