package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// A part with an error and one without an answer are named; after the answer, all is well
// again.
func TestHealthNamesWhatDoesNotWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unblock := make(chan struct{})
		var failure error
		h := engine.NewHealth(
			engine.Part{Name: "event loop 0", Ask: func(context.Context) error { return nil }},
			engine.Part{Name: "event loop 1", Ask: func(context.Context) error { <-unblock; return nil }},
			engine.Part{Name: "committer", Ask: func(context.Context) error { return failure }},
		)
		defer h.Close()
		check := func(want string) {
			t.Helper()
			if err := h.Check(t.Context()); err == nil && want != "" || err != nil && err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		check("event loop 1 did not answer within 1s")
		failure = errors.New("disk full")
		check("event loop 1 did not answer within 1s; committer failed: disk full")
		failure = nil
		close(unblock)
		check("")
	})
}

// Questions do not pile up in a part that does not answer, and end with the Health.
func TestHealthAsksOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := engine.NewHealth(engine.Part{Name: "lane 0", Ask: func(ctx context.Context) error {
			asked.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}})
		start := time.Now()
		failed := make(chan error)
		for range 20 {
			go func() { failed <- h.Check(t.Context()) }()
		}
		for range 20 {
			if err := <-failed; err == nil {
				t.Error("no answer, and healthy")
			}
		}
		if passed := time.Since(start); passed != time.Second {
			t.Errorf("checked for %v", passed)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		h.Close()
	})
}

// A loop or lane that is stuck does not answer, and then does again. A loop without a
// connection counts as one that answers.
func TestPartsOfAReactor(t *testing.T) {
	unblock, started := make(chan struct{}), make(chan struct{}, 1)
	router := carriertest.Router(func(c *engine.Context) { // on the lane
		started <- struct{}{}
		<-unblock
		c.Reply(codec.ResultOK, nil)
	})
	router.Handle(blocks, engine.OnLoop, func(c *engine.Context) {
		started <- struct{}{}
		<-unblock
		c.Reply(codec.ResultOK, nil)
	})
	core := newCore(t, engine.Config{Router: router})
	reactor := newReactor(t, core, engine.ReactorConfig{Loops: 3})
	parts := core.Parts()
	if len(parts) != 6 {
		t.Fatalf("%d parts", len(parts))
	}
	if err := core.Serving(); !errors.Is(err, engine.ErrStarting) {
		t.Errorf("before the start: %v", err)
	}
	r := carriertest.Serve(t, core, reactor)
	answers := func() (silent []string) {
		for _, p := range parts {
			ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
			if p.Ask(ctx) != nil {
				silent = append(silent, p.Name)
			}
			cancel()
		}
		return silent
	}
	if silent := answers(); silent != nil {
		t.Errorf("%q did not answer", silent)
	}
	for _, tt := range []struct {
		command codec.Command
		silent  string
	}{{blocks, "event loop"}, {special, "lane"}} {
		p := dial(t, r.Addr)
		p.Send(tt.command, 1, "")
		<-started
		silent := answers()
		if len(silent) != 1 || silent[0][:len(silent[0])-2] != tt.silent {
			t.Errorf("stuck in %s: %q did not answer", tt.silent, silent)
		}
		unblock <- struct{}{}
		p.Expect(tt.command.Reply(), 1, "\x00")
		if silent := answers(); silent != nil {
			t.Errorf("%q did not answer afterwards", silent)
		}
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if ended := answers(); len(ended) == 0 {
		t.Error("the event loops answer after their end")
	}
}
