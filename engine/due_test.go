package engine_test

import (
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
)

// Due counts what PushDue adds until the peer has taken it, or until it is dropped, and no small pushes.
func TestDueOfPushes(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onText(t, core)
	expect := func(when string, want int64) {
		t.Helper()
		if n := w.session.Due(); n != want {
			t.Errorf("%s: %d bytes are due, want %d", when, n, want)
		}
	}
	push := func(out *engine.Outbox) {
		for _, b := range []string{"a", "b"} {
			out.PushDue(w.session, codec.PushExecution, 0, codec.Raw(strings.Repeat(b, 50)))
		}
	}
	first, second := core.NewOutbox(), core.NewOutbox()
	push(first)
	expect("added", 100)
	first.MoveTo(second)
	expect("moved", 100)
	w.backlog = 30
	second.Post()
	expect("not all sent", 30)
	w.post(50, "c")
	expect("with another push", 50)
	w.post(0, "d")
	expect("all sent", 0)
	w.post(20, strings.Repeat("e", 20))
	expect("without PushDue", 0)
	push(first)
	first.Discard()
	expect("dropped", 0)
	if want := strings.Repeat("a", 50) + strings.Repeat("b", 50) + "cd" + strings.Repeat("e", 20); string(w.sent) != want {
		t.Errorf("sent %q, want %q", w.sent, want)
	}
}
