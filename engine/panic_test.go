package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// logText keeps what is logged.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A handler that panics ends only its session, wherever it runs: the session gets a Notice,
// the panic is counted once and logged once, and other sessions go on.
func TestPanicWherever(t *testing.T) {
	dies := func(*engine.Context) { panic("boom") }
	diesLater := func(c *engine.Context) { c.Defer(); panic("boom") } // nobody replies any more
	for name, tt := range map[string]struct {
		class   engine.Class
		handler engine.Handler
	}{
		"lane": {engine.OnLane, dies}, "loop": {engine.OnLoop, dies}, "off the lane": {engine.OffLane, dies},
		"lane, deferred": {engine.OnLane, diesLater}, "loop, deferred": {engine.OnLoop, diesLater},
		"off the lane, deferred": {engine.OffLane, diesLater},
	} {
		t.Run(name, func(t *testing.T) {
			router := engine.NewRouter(nil)
			for cmd, h := range map[codec.Command]engine.Handler{onLane: echo, panics: tt.handler} {
				at := engine.OnLane
				if cmd == panics {
					at = tt.class
				}
				router.Handle(cmd, at, h)
			}
			log := new(logText)
			core, err := engine.NewCore(engine.Config{
				Router: router, Log: slog.New(slog.NewTextHandler(log, nil)),
				Overloaded: func(c *engine.Context) { c.Reply(codec.ResultOverloaded, nil) },
			})
			if err != nil {
				t.Fatal(err)
			}
			r := serve(t, core, engine.ReactorConfig{Loops: 1})
			other := dial(t, r.Addr)
			other.Echoes(onLane)
			for range 3 {
				p := dial(t, r.Addr)
				p.Send(panics, 2, "secret body")
				p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL)
				p.Close()
				other.Echoes(onLane)
			}
			eventually(t, "the closes", func() bool { return r.Stats.Closes(engine.ReasonPanic) == 3 })
			if n := r.Stats.Panics.Load(); n != 3 {
				t.Errorf("%d panics counted", n)
			}
			text := log.String()
			for _, want := range []string{"level=ERROR", `msg="handler panicked; its session is closed"`, "panic=boom", "session=", "stack="} {
				if strings.Count(text, want) != 3 {
					t.Errorf("%q is in the log %d times:\n%s", want, strings.Count(text, want), text)
				}
			}
			if strings.Contains(text, "secret body") {
				t.Errorf("the body is in the log:\n%s", text)
			}
			if err := core.WaitOffLane(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}
