package engine_test

import (
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
)

// Moved messages leave after those of the other outbox, for all sessions, and are counted
// there.
func TestMoveToInOrder(t *testing.T) {
	core, deferred := deferring(t, engine.Config{})
	w, other := wiresWith(t, core, 2, orderedText{}), onText(t, core)
	requests := w[0].ask(deferred, 2)
	var a engine.Audience
	for _, x := range append(w, other) {
		a.Add(x.session, 3)
	}
	push := func(out *engine.Outbox, x *wire, b string) {
		out.Push(x.session, codec.PushExecution, 0, codec.Raw(b))
	}
	from, to := core.NewOutbox(), core.NewOutbox()
	from.MoveTo(to) // nothing yet
	if to.Len() != 0 || to.Size() != 0 {
		t.Errorf("%d messages of %d bytes moved of none", to.Len(), to.Size())
	}
	push(to, w[0], "a")
	from.PushTo(&a, codec.PushChatMessage, 0, codec.Raw("B"))
	from.Reply(requests[1], codec.ResultOK, codec.Raw("2"))
	push(from, w[1], "c")
	w[1].droppable(from, 1, "q")
	from.MoveTo(to)
	if from.Len() != 0 || from.Size() != 0 || to.Len() != 6 || to.Size() != len("a"+"B"+"B"+"2"+"c"+"q") {
		t.Errorf("%d and %d messages of %d and %d bytes", from.Len(), to.Len(), from.Size(), to.Size())
	}
	if n := core.PushesWaiting(); n != 1 {
		t.Errorf("%d droppable pushes wait", n)
	}
	from.Reply(requests[0], codec.ResultOK, codec.Raw("1"))
	push(from, other, "d")
	from.MoveTo(to)
	push(to, w[0], "e")
	from.Post()
	if w[0].writes+w[1].writes+other.writes != 0 {
		t.Error("written by the outbox that gave it away")
	}
	to.Post()
	for i, tt := range []struct {
		*wire
		want string
	}{{w[0], "aB12e"}, {w[1], "Bcq"}, {other, "Bd"}} {
		if string(tt.sent) != tt.want || tt.writes != 1 {
			t.Errorf("session %d has %q in %d writes, want %q", i, tt.sent, tt.writes, tt.want)
		}
	}
	if n := core.Traffic().Replies; n != 2 || core.PushesWaiting() != 0 {
		t.Errorf("%d replies counted, %d droppable pushes wait", n, core.PushesWaiting())
	}
}

// An outbox can be reused after a large move, and keeps no copy.
func TestMoveToOfMuch(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onText(t, core)
	big := strings.Repeat("x", 100<<10)
	from, to := core.NewOutbox(), core.NewOutbox()
	for range 3 {
		from.Push(w.session, codec.PushExecution, 0, codec.Raw(big))
		from.MoveTo(to)
		from.Push(w.session, codec.PushExecution, 0, codec.Raw("|"))
		from.MoveTo(to)
	}
	to.Post()
	if want := strings.Repeat(big+"|", 3); string(w.sent) != want || w.writes != 1 {
		t.Errorf("%d bytes in %d writes, want %d in one", len(w.sent), w.writes, len(want))
	}
}

// Messages that are discarded after a move are not counted any more.
func TestMoveToAndDiscard(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onText(t, core)
	from, to := core.NewOutbox(), core.NewOutbox()
	w.droppable(from, 1, "quote")
	from.MoveTo(to)
	from.Discard()
	if n := core.PushesWaiting(); n != 1 {
		t.Errorf("%d wait", n)
	}
	to.Discard()
	if n := core.PushesWaiting(); n != 0 || w.writes > 0 {
		t.Errorf("%d wait, sent %q", n, w.sent)
	}
}
