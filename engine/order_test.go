package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// orderedText is the dialect text without request ids in replies.
type orderedText struct{ text }

func (orderedText) Ordered() bool { return true }

// onOrdered is onWire with the dialect orderedText.
func onOrdered(t testing.TB, core *engine.Core) *wire {
	t.Helper()
	w := &wire{core: core}
	return w.open(t, core.AddCarrier(w), orderedText{})
}

// Commands of this file, both on the lane.
const (
	detaches codec.Command = 0x22
	defers   codec.Command = 0x23
)

// timeline is a session and its unanswered requests.
type timeline struct {
	*wire
	waiting carriertest.Deferred
}

func newTimeline(t testing.TB, limits engine.Limits, open func(testing.TB, *engine.Core) *wire) *timeline {
	t.Helper()
	l := new(timeline)
	router := carriertest.Router(func(c *engine.Context) { l.waiting.Defer(c); panic("boom") })
	router.Handle(detaches, engine.OnLane, l.waiting.Detach)
	router.Handle(defers, engine.OnLane, l.waiting.Defer)
	limits.Linger = time.Hour
	l.wire = open(t, newCore(t, engine.Config{Router: router, Limits: limits}))
	return l
}

// play executes one step per word. "defer" and "detach" are requests; "panic" is a request
// that is deferred before its handler panics; "echo:x" is a request that is answered at
// once. "answer:x" replies to the oldest waiting request, "newest:x" to the newest one;
// "push:x" pushes.
func (l *timeline) play(t testing.TB, steps string) {
	t.Helper()
	for step := range strings.FieldsSeq(steps) {
		what, body, _ := strings.Cut(step, ":")
		switch what {
		case "defer":
			l.serve(frames(defers, ""))
		case "detach":
			l.serve(frames(detaches, ""))
		case "panic":
			l.serve(frames(special, ""))
		case "echo":
			l.serve(frames(onLane, body))
		case "push":
			l.post(0, body)
		case "answer", "newest":
			l.answerOne(what == "newest", body)
		default:
			t.Fatalf("step %q", step)
		}
	}
}

// answerOne replies to one waiting request.
func (l *timeline) answerOne(newest bool, body string) {
	all := l.waiting.Take()
	at := 0
	if newest {
		at = len(all) - 1
	}
	for i, r := range all {
		if i == at {
			l.answer(0, body, r)
		} else {
			l.waiting.Keep(r)
		}
	}
}

func TestOrderOfOutput(t *testing.T) {
	const notice = "internal error"
	for _, tt := range []struct {
		name, steps     string
		packet, ordered string // what is sent, up to a Notice
	}{
		{"in order", "echo:a echo:b", "ab", "ab"},
		{"behind a deferred one", "defer echo:b echo:c answer:a", "abc", "abc"},
		{"answered backwards", "defer defer defer newest:c newest:b newest:a", "abc", "abc"},
		{"push behind an early reply", "defer echo:b push:P answer:a", "Pab", "abP"},
		{"push with nothing early", "defer push:P answer:a", "Pa", "Pa"},
		{"push between early replies", "defer echo:b push:P echo:c push:Q answer:a", "PQabc", "abPcQ"},
		{"early reply before the last", "defer defer echo:c push:P newest:b answer:a", "Pabc", "abcP"},
		{"reply behind a detached one", "detach echo:b answer:a", "ba", "ab"},
		{"push behind a detached one", "detach push:P answer:a", "Pa", "Pa"},
		{"push behind what waits for a detached one", "detach echo:b push:P answer:a", "bPa", "abP"},
		{"detached twice, backwards", "detach detach echo:c newest:b answer:a", "cba", "abc"},
		{"detached behind a deferred one", "defer detach echo:c newest:b answer:a", "bac", "abc"},
		{"panic behind a deferred one", "defer echo:b panic answer:a answer:c echo:d", "ab" + notice, "ab" + notice},
		{"panic with nothing deferred", "echo:a panic answer:b push:P", "a" + notice, "a" + notice},
	} {
		for name, open := range map[string]func(testing.TB, *engine.Core) *wire{"packet": onText, "ordered": onOrdered} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				want := tt.packet
				if name == "ordered" {
					want = tt.ordered
				}
				l := newTimeline(t, engine.Limits{}, open)
				l.play(t, tt.steps)
				before, hasNotice := strings.CutSuffix(want, notice)
				got := string(l.sent)
				if !strings.HasPrefix(got, before) || hasNotice != strings.Contains(got, notice) || !hasNotice && got != before {
					t.Errorf("%s: sent %q, want %q", tt.steps, got, want)
				}
			})
		}
	}
}

// A push in the same outbox as a reply is not sent in the reply's place, but after the pushes
// that were posted before.
func TestPushesKeepTheirOrderBesideReplies(t *testing.T) {
	for _, tt := range []struct {
		name            string
		add             func(reply, push func())
		packet, ordered string
	}{
		{"reply, push", func(reply, push func()) { reply(); push() }, "1a2b", "ab12"},
		{"push, reply", func(reply, push func()) { push(); reply() }, "12ab", "ab12"},
	} {
		for want, open := range map[string]func(testing.TB, *engine.Core) *wire{tt.packet: onText, tt.ordered: onOrdered} {
			t.Run(tt.name+" "+want, func(t *testing.T) {
				l := newTimeline(t, engine.Limits{}, open)
				l.play(t, "defer echo:b push:1")
				out, r := l.core.NewOutbox(), l.waiting.Take()[0]
				tt.add(
					func() { out.Reply(r, codec.ResultOK, codec.Raw("a")) },
					func() { out.Push(l.session, codec.PushExecution, 0, codec.Raw("2")) })
				out.Post()
				if got := string(l.sent); got != want {
					t.Errorf("sent %q, want %q", got, want)
				}
			})
		}
	}
}

// The output that waits for an earlier reply is at most twice the hard limit; one reply may
// exceed it.
func TestEarlyOutputIsBounded(t *testing.T) {
	const hard = 100
	for _, tt := range []struct {
		name  string
		early []int // bytes
		push  int
		cut   bool
	}{
		{"replies up to the limit", []int{hard, hard}, 0, false},
		{"a reply that exceeds it", []int{hard, hard + 1}, 0, false},
		{"a reply above it", []int{hard, hard + 1, 1}, 0, true},
		{"pushes up to the limit", []int{hard}, hard, false},
		{"pushes above it", []int{hard}, hard + 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newTimeline(t, engine.Limits{OutboundHardBytes: hard, OutboundSoftBytes: hard}, onOrdered)
			l.play(t, "detach")
			var want strings.Builder
			for _, n := range tt.early {
				fmt.Fprint(&want, strings.Repeat("x", n))
				l.play(t, "echo:"+strings.Repeat("x", n))
			}
			if tt.push > 0 {
				fmt.Fprint(&want, strings.Repeat("p", tt.push))
				l.play(t, "push:"+strings.Repeat("p", tt.push))
			}
			if l.session.Closing() != tt.cut || !tt.cut && l.writes > 0 {
				t.Fatalf("cut: %v, sent %q", l.session.Closing(), l.sent)
			}
			l.play(t, "answer:a")
			l.core.Closed(l.session, engine.ReasonPeerClosed)
			if !tt.cut {
				if got := string(l.sent); got != "a"+want.String() || l.writes != 1 {
					t.Errorf("sent %q in %d writes", got, l.writes)
				}
				return
			}
			if got := string(l.sent); !strings.Contains(got, "too many unanswered requests") || strings.Contains(got, "xxx") {
				t.Errorf("sent %q", got)
			}
			if n := l.core.Stats.Closes(engine.ReasonOverloaded); n != 1 {
				t.Errorf("%d counted as overloaded", n)
			}
		})
	}
}

// Requests of all kinds are answered at any time by any of several outboxes: the replies
// arrive in the order of the requests, the pushes in their own order, and nothing is lost.
func TestAnyAnswersKeepTheOrder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, seed))
		l := newTimeline(t, engine.Limits{}, onOrdered)
		outs := []*engine.Outbox{l.core.NewOutbox(), l.core.NewOutbox()}
		var waiting []engine.Request
		var numbers []int // of waiting
		requests, pushes := 0, 0
		request := func(cmd codec.Command) {
			l.serve(frames(cmd, fmt.Sprintf("r%d ", requests)))
			for _, r := range l.waiting.Take() {
				waiting, numbers = append(waiting, r), append(numbers, requests)
			}
			requests++
		}
		answer := func(out *engine.Outbox) {
			i := random.IntN(len(waiting))
			out.Reply(waiting[i], codec.ResultOK, codec.Raw(fmt.Sprintf("r%d ", numbers[i])))
			waiting, numbers = append(waiting[:i], waiting[i+1:]...), append(numbers[:i], numbers[i+1:]...)
		}
		for range 200 {
			switch out := outs[random.IntN(2)]; random.IntN(7) {
			case 0:
				request(onLane)
			case 1:
				request(defers)
			case 2:
				request(detaches)
			case 3:
				outs[1].Push(l.session, codec.PushQuote, 0, codec.Raw(fmt.Sprintf("p%d ", pushes))) // all of one outbox
				pushes++
			case 4:
				out.Post()
			case 5:
				outs[0].MoveTo(outs[1])
			default:
				if len(waiting) > 0 {
					answer(out)
				}
			}
		}
		for len(waiting) > 0 {
			answer(outs[0])
		}
		outs[0].Post()
		outs[1].Post()
		next := map[byte]int{}
		for word := range strings.FieldsSeq(string(l.sent)) {
			if word != fmt.Sprintf("%c%d", word[0], next[word[0]]) {
				t.Fatalf("seed %d: %s instead of %d: %s", seed, word, next[word[0]], l.sent)
			}
			next[word[0]]++
		}
		if next['r'] != requests || next['p'] != pushes {
			t.Fatalf("seed %d: %d of %d replies, %d of %d pushes", seed, next['r'], requests, next['p'], pushes)
		}
	}
}

// offLaneRouter is carriertest.Router with three commands off the lane: 0x20 waits for unblock
// and echoes, 0x21 waits and panics, special is detached.
func offLaneRouter(t testing.TB, detached *carriertest.Deferred, unblock <-chan struct{}) *engine.Router {
	t.Helper()
	router := carriertest.Router(detached.Detach)
	router.Handle(0x20, engine.OffLane, func(c *engine.Context) { <-unblock; echo(c) })
	router.Handle(0x21, engine.OffLane, func(*engine.Context) { <-unblock; panic("boom") })
	return router
}

// Replies from off the lane and detached replies keep their place if the dialect has no
// request ids, and delay no other reply if it has.
func TestOrderOffTheLane(t *testing.T) {
	for name, dialect := range map[string]codec.Dialect{"packet": codec.Packet{}, "tlv": codec.TLV{}} {
		t.Run(name, func(t *testing.T) {
			var detached carriertest.Deferred
			unblock, opened := make(chan struct{}), make(chan *engine.Session, 1)
			core := newCore(t, engine.Config{
				Router: offLaneRouter(t, &detached, unblock), OnOpen: func(s *engine.Session) { opened <- s },
			})
			r := serve(t, core, engine.ReactorConfig{Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: dialect}}, Loops: 1})
			p := dial(t, r.Addr)
			p.Dialect = dialect
			p.Send(0x20, 0, "a")
			p.Send(onLane, 1, "b")
			p.Send(onLoop, 2, "c")
			p.Send(special, 3, "")
			p.Send(onLane, 4, "e")
			eventually(t, "the replies that wait", func() bool { return r.Traffic().Replies == 3 && detached.Len() == 1 })
			out := r.NewOutbox()
			out.Push(<-opened, codec.PushExecution, 5, codec.Raw("P"))
			out.Post()
			first := func() { p.Expect(codec.Command(0x20).Reply(), 0, "\x00a") }
			others := func() { p.Expect(onLane.Reply(), 1, "\x00b"); p.Expect(onLoop.Reply(), 2, "\x00c") }
			last := func() { p.Expect(onLane.Reply(), 4, "\x00e"); p.Expect(codec.PushExecution, 5, "P") }
			if dialect.Ordered() {
				close(unblock)
				first()
				others()
				detached.Answer(r.Core)
				p.Expect(special.Reply(), 3, "\x00")
				last()
			} else {
				others()
				last()
				detached.Answer(r.Core)
				p.Expect(special.Reply(), 3, "\x00")
				close(unblock)
				first()
			}
			p.Echoes(onLane)
			p.Echoes(onLoop)
		})
	}
}

// If replies are in order, a panic off the lane ends the session after the earlier replies,
// and sends nothing after them.
func TestPanicOffTheLaneWaitsForEarlierReplies(t *testing.T) {
	var detached carriertest.Deferred
	unblock, opened := make(chan struct{}), make(chan *engine.Session, 1)
	core := newCore(t, engine.Config{
		Router: offLaneRouter(t, &detached, unblock), OnOpen: func(s *engine.Session) { opened <- s },
	})
	r := serve(t, core, engine.ReactorConfig{Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: codec.TLV{}}}, Loops: 1})
	p := dial(t, r.Addr)
	p.Dialect = codec.TLV{}
	p.Send(onLane, 0, "a")
	p.Send(special, 0, "")
	p.Send(onLane, 0, "c")
	p.Send(0x21, 0, "")
	p.Send(onLane, 0, "e")
	p.Expect(onLane.Reply(), 0, "\x00a")
	eventually(t, "the replies that wait", func() bool { return r.Traffic().Replies == 3 && detached.Len() == 1 })
	close(unblock)
	eventually(t, "the panic", (<-opened).Closing)
	detached.Answer(r.Core)
	p.Expect(special.Reply(), 0, "\x00")
	p.Expect(onLane.Reply(), 0, "\x00c")
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL)
}

// TestEarlyOutputIsUnsent: replies that wait for an earlier reply count as unsent output of
// their session, and are dropped with it if all sessions together have too much.
func TestEarlyOutputIsUnsent(t *testing.T) {
	l := newTimeline(t, engine.Limits{OutboundTotalBytes: 1000}, onText)
	l.play(t, "defer echo:"+strings.Repeat("x", 600))
	if n := l.core.Load().UnsentBytes; n != 600 {
		t.Errorf("%d bytes are unsent, want those that wait", n)
	}
	l.play(t, "echo:"+strings.Repeat("y", 600))
	if n := l.core.Load().UnsentBytes; !l.closed || n != 0 || l.core.Stats.Closes(engine.ReasonMemory) != 1 {
		t.Errorf("closed: %v, %d bytes are left, closed for memory: %d", l.closed, n, l.core.Stats.Closes(engine.ReasonMemory))
	}
	l = newTimeline(t, engine.Limits{}, onText)
	l.play(t, "defer echo:bcd answer:a")
	if n := l.core.Load().UnsentBytes; n != 0 || string(l.sent) != "abcd" {
		t.Errorf("%d bytes are unsent after %q", n, l.sent)
	}
}
