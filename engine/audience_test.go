package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
)

func sessionsOf(wires []*wire) []*engine.Session {
	var sessions []*engine.Session
	for _, w := range wires {
		sessions = append(sessions, w.session)
	}
	return sessions
}

func TestAudience(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := wiresOn(t, core, 3)
	s := append(sessionsOf(w), onText(t, core).session, onOrdered(t, core).session)
	var a engine.Audience
	add := func(i, limit int) func() bool { return func() bool { return a.Add(s[i], limit) } }
	remove := func(i int) func() bool { return func() bool { return a.Remove(s[i]) } }
	for _, step := range []struct {
		name string
		do   func() bool
		want bool
		has  []int // in any order
	}{
		{"remove from none", remove(0), false, nil},
		{"first, without a limit", add(0, 0), true, []int{0}},
		{"again", add(0, 3), true, []int{0}},
		{"same carrier", add(1, 3), true, []int{0, 1}},
		{"another carrier", add(3, 3), true, []int{0, 1, 3}},
		{"at the limit", add(2, 3), false, []int{0, 1, 3}},
		{"again at the limit", add(1, 3), true, []int{0, 1, 3}},
		{"a higher limit, another dialect", add(4, 5), true, []int{0, 1, 3, 4}},
		{"full", add(2, 5), true, []int{0, 1, 2, 3, 4}},
		{"remove", remove(1), false, []int{0, 2, 3, 4}},
		{"remove again", remove(1), false, []int{0, 2, 3, 4}},
		{"remove the only one of a carrier", remove(3), false, []int{0, 2, 4}},
		{"below the limit again", add(1, 4), true, []int{0, 1, 2, 4}},
		{"first out", remove(0), false, []int{1, 2, 4}},
		{"next out", remove(4), false, []int{1, 2}},
		{"next to last out", remove(2), false, []int{1}},
		{"last out", remove(1), true, nil},
		{"none left", remove(1), false, nil},
		{"used again", add(1, 1), true, []int{1}},
	} {
		if got := step.do(); got != step.want {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
		has := a.Append([]*engine.Session{nil})[1:]
		same := a.Len() == len(step.has) && len(has) == len(step.has)
		for _, i := range step.has {
			same = same && slices.Contains(has, s[i])
		}
		if !same {
			t.Errorf("%s: %d sessions, want %v", step.name, len(has), step.has)
		}
	}
}

// Sessions join and leave while one goroutine pushes: each receives every push of its time
// in the audience once and in order.
func TestAudienceWhileSessionsComeAndGo(t *testing.T) {
	const pushes = 2000
	core := newCore(t, engine.Config{})
	w := wiresOn(t, core, 6)
	var a engine.Audience
	for _, x := range w[:2] { // they stay
		a.Add(x.session, len(w))
	}
	stop := make(chan struct{})
	var moving, pushing sync.WaitGroup
	for _, x := range w[2:] {
		moving.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					a.Add(x.session, len(w))
					a.Remove(x.session)
				}
			}
		})
	}
	pushing.Go(func() {
		out := core.NewOutbox()
		for i := range uint64(pushes) {
			out.PushTo(&a, codec.PushChatMessage, i, codec.Raw(fmt.Sprintf("%d ", i)))
			if i%3 == 0 {
				out.Post()
			}
		}
		out.Post()
	})
	pushing.Wait()
	close(stop)
	moving.Wait()
	for i, x := range w {
		last, n := -1, 0
		for word := range strings.FieldsSeq(string(x.sent)) {
			number, err := strconv.Atoi(word)
			if err != nil || number <= last {
				t.Fatalf("session %d has %q after %d", i, word, last)
			}
			last = number
			n++
		}
		if i < 2 && n != pushes {
			t.Errorf("session %d has %d of %d", i, n, pushes)
		}
	}
	if n := a.Len(); n != 2 {
		t.Errorf("%d sessions stay", n)
	}
}

// A push goes to the sessions that are in the audience when it is added, even if others
// join or leave before it is written.
func TestAudienceOfAPushDoesNotChange(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := wiresOn(t, core, 4)
	var a engine.Audience
	for _, x := range w[:3] {
		a.Add(x.session, 4)
	}
	out := core.NewOutbox()
	push := func(b string) { out.PushTo(&a, codec.PushChatMessage, 0, codec.Raw(b)) }
	push("1")
	a.Remove(w[0].session)
	push("2")
	a.Add(w[3].session, 4)
	push("3")
	a.Remove(w[2].session)
	a.Add(w[0].session, 4)
	push("4")
	out.Post()
	for i, want := range []string{"14", "1234", "123", "34"} {
		if got := string(w[i].sent); got != want {
			t.Errorf("session %d has %q, want %q", i, got, want)
		}
	}
}

// countedBody counts how often it is encoded.
type countedBody struct {
	codec.Raw
	encoded *int
}

func (b countedBody) MarshalToSizedBufferVT(dst []byte) (int, error) {
	*b.encoded++
	return b.Raw.MarshalToSizedBufferVT(dst)
}

// ownText is the dialect text, with frames that differ between sessions.
type ownText struct{ text }

func (ownText) Shared() bool { return false }

func TestPushesAreEncodedOnce(t *testing.T) {
	for _, tt := range []struct {
		name     string
		dialects []codec.Dialect // for each of them five sessions
		carriers int
		want     int
	}{
		{"nobody", nil, 1, 0},
		{"one dialect", []codec.Dialect{text{}}, 1, 1},
		{"two dialects", []codec.Dialect{text{}, orderedText{}}, 1, 2},
		{"one dialect on three carriers", []codec.Dialect{text{}}, 3, 1},
		{"two dialects on three carriers", []codec.Dialect{text{}, orderedText{}}, 3, 2},
		{"frames for each session", []codec.Dialect{ownText{}}, 1, 5},
		{"frames for each session, and others", []codec.Dialect{text{}, ownText{}}, 2, 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core := newCore(t, engine.Config{})
			t.Cleanup(func() { _ = core.Close(context.Background()) }) // without sessions nobody else closes it
			var all []*wire
			var a engine.Audience
			for range tt.carriers {
				first := &wire{core: core}
				carrier := core.AddCarrier(first)
				for _, d := range tt.dialects {
					for range 5 {
						w := &wire{core: core}
						all = append(all, w.open(t, carrier, d))
						a.Add(w.session, 100)
					}
				}
			}
			for name, push := range map[string]func(*engine.Outbox, codec.Body){
				"audience":  func(out *engine.Outbox, b codec.Body) { out.PushTo(&a, codec.PushQuote, 0, b) },
				"droppable": func(out *engine.Outbox, b codec.Body) { out.PushDroppable(sessionsOf(all), 1, codec.PushQuote, b) },
			} {
				encoded := 0
				out := core.NewOutbox()
				push(out, countedBody{codec.Raw("x"), &encoded})
				if encoded != tt.want {
					t.Errorf("%s: encoded %d times, want %d", name, encoded, tt.want)
				}
				push(out, countedBody{codec.Raw("y"), &encoded})
				out.Post()
				if encoded != 2*tt.want {
					t.Errorf("%s: two pushes encoded %d times, want %d", name, encoded, 2*tt.want)
				}
				for i, w := range all {
					if string(w.sent) != "xy" || w.writes != 1 {
						t.Errorf("%s: session %d has %q in %d writes", name, i, w.sent, w.writes)
					}
					w.sent, w.writes = nil, 0
				}
			}
		})
	}
}

// Pushes to an audience and to single sessions leave in their order, with one write per
// session. Sessions that have left get nothing.
func TestFanOutInOrder(t *testing.T) {
	core, deferred := deferring(t, engine.Config{})
	w := wiresOn(t, core, 4)
	var all, some engine.Audience
	for i, x := range w {
		all.Add(x.session, 4)
		if i > 0 {
			some.Add(x.session, 4)
		}
	}
	reply := w[1].ask(deferred, 1)[0]
	core.Closed(w[3].session, engine.ReasonPeerClosed)
	out := core.NewOutbox()
	one := func(x *wire, b string) { out.Push(x.session, codec.PushExecution, 0, codec.Raw(b)) }
	one(w[0], "a")
	out.PushTo(&all, codec.PushChatMessage, 0, codec.Raw("B"))
	out.PushTo(&all, codec.PushChatMessage, 0, codec.Raw("C"))
	one(w[1], "d")
	out.Reply(reply, codec.ResultOK, codec.Raw("e"))
	out.PushTo(&some, codec.PushChatMessage, 0, codec.Raw("F"))
	one(w[0], "g")
	one(w[3], "h")
	out.PushDroppable(sessionsOf(w), 1, codec.PushQuote, codec.Raw("i"))
	out.PushTo(&all, codec.PushChatMessage, 0, codec.Raw("J"))
	if n := out.Len(); n != 13 {
		t.Errorf("%d messages in the outbox", n)
	}
	out.Post()
	for i, want := range []string{"aBCgiJ", "BCdeFiJ", "BCFiJ", ""} {
		if got := string(w[i].sent); got != want || w[i].writes != min(1, len(want)) {
			t.Errorf("session %d has %q in %d writes, want %q", i, got, w[i].writes, want)
		}
	}
	if n := core.Traffic().Replies; n != 1 {
		t.Errorf("%d replies counted", n)
	}
}

// This many batches are written in two windows.
func TestFanOutInWindows(t *testing.T) {
	const sessions, rounds, window = 200, 100, 1 << 14
	core := newCore(t, engine.Config{})
	w := wiresOn(t, core, sessions)
	var a engine.Audience
	for _, x := range w {
		a.Add(x.session, sessions)
	}
	out := core.NewOutbox()
	var want, first strings.Builder
	for i := range rounds {
		out.PushTo(&a, codec.PushChatMessage, 0, codec.Raw(fmt.Sprintf("%d ", i)))
		out.Push(w[0].session, codec.PushExecution, 0, codec.Raw("one ")) // keeps the pushes apart
		fmt.Fprintf(&want, "%d ", i)
		fmt.Fprintf(&first, "%d one ", i)
	}
	out.Post()
	const writes = (sessions*rounds + window - 1) / window
	for i, x := range w {
		expected := want.String()
		if i == 0 {
			expected = first.String()
		}
		if string(x.sent) != expected || x.writes != writes {
			t.Errorf("session %d has %q in %d writes, want %d", i, x.sent, x.writes, writes)
		}
	}
}
