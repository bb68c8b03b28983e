package engine_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// post pushes b to the session of w, which then has backlog unsent bytes.
func (w *wire) post(backlog int, b string) {
	w.backlog = backlog
	out := w.core.NewOutbox()
	out.Push(w.session, codec.PushExecution, 0, codec.Raw(b))
	out.Post()
	out.Free()
}

// answer is post with b as the reply to a request.
func (w *wire) answer(backlog int, b string, r engine.Request) {
	w.backlog = backlog
	out := w.core.NewOutbox()
	out.Reply(r, codec.ResultOK, codec.Raw(b))
	out.Post()
	out.Free()
}

func (w *wire) postDroppable(key uint32) {
	out := w.core.NewOutbox()
	w.droppable(out, key, "quote")
	out.Post()
	out.Free()
}

// droppable adds a droppable push to the session of w.
func (w *wire) droppable(out *engine.Outbox, key uint32, b string) {
	out.PushDroppable([]*engine.Session{w.session}, key, codec.PushQuote, codec.Raw(b))
}

// All pushes of a batch to a session are one write, in order, droppable ones included. A
// session above the soft limit gets the batch without the droppable ones.
func TestPushesLeaveInOneWrite(t *testing.T) {
	var asked []uint32
	core := newCore(t, engine.Config{
		Limits:    engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000},
		OnCatchUp: func(_ *engine.Session, keys []uint32) { asked = keys },
	})
	w := wiresOn(t, core, 2)
	w[1].post(150, "x")
	w[1].sent, w[1].writes = nil, 0
	out := core.NewOutbox()
	for key := range uint32(3) {
		for _, x := range w {
			x.droppable(out, key, string(rune('a'+key)))
			out.Push(x.session, codec.PushExecution, 0, codec.Raw("-"))
		}
	}
	out.Post()
	if string(w[0].sent) != "a-b-c-" || w[0].writes != 1 {
		t.Errorf("a quick session: %q in %d writes", w[0].sent, w[0].writes)
	}
	if string(w[1].sent) != "---" || w[1].writes != 1 || core.Stats.Dropped.Load() != 3 {
		t.Errorf("a slow session: %q in %d writes, %d dropped", w[1].sent, w[1].writes, core.Stats.Dropped.Load())
	}
	w[1].post(0, "x")
	if !slices.Equal(asked, []uint32{0, 1, 2}) {
		t.Errorf("asked for %d", asked)
	}
}

// Between two checks of the unsent output no more than the soft limit is written.
func TestPushesOfOneTimeAreBounded(t *testing.T) {
	core := newCore(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000}})
	w := onText(t, core)
	w.onWrite = func(b []byte) { w.backlog += len(b) }
	out := core.NewOutbox()
	for key := range uint32(100) {
		w.droppable(out, key, "0123456789")
	}
	out.Post()
	if len(w.sent) != 110 || w.writes != 1 || core.Stats.Dropped.Load() != 89 {
		t.Errorf("%d bytes in %d writes, %d dropped", len(w.sent), w.writes, core.Stats.Dropped.Load())
	}
}

// Droppable pushes count as waiting until they are written, or will never be.
func TestPushesWaiting(t *testing.T) {
	open := func(*wire) {}
	for _, tc := range []struct {
		name   string
		before func(*wire)
		deal   func(*engine.Outbox)
	}{
		{"written", open, (*engine.Outbox).Post},
		{"discarded", open, (*engine.Outbox).Discard},
		{"session gone", func(w *wire) { w.core.Closed(w.session, engine.ReasonPeerClosed) }, (*engine.Outbox).Post},
		{"session slow", func(w *wire) { w.post(101, "x") }, (*engine.Outbox).Post},
		{"link broken", func(w *wire) { w.failing = true }, (*engine.Outbox).Post},
	} {
		t.Run(tc.name, func(t *testing.T) {
			core := newCore(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000}})
			w := onText(t, core)
			tc.before(w)
			for _, moved := range []bool{false, true} {
				out := core.NewOutbox()
				out.Push(w.session, codec.PushExecution, 0, codec.Raw("more"))
				w.droppable(out, 1, "quote")
				w.droppable(out, 2, "quote")
				if moved {
					to := core.NewOutbox()
					out.MoveTo(to)
					out = to
				}
				if n := core.PushesWaiting(); n != 2 {
					t.Errorf("%d wait", n)
				}
				tc.deal(out)
				if n := core.PushesWaiting(); n != 0 {
					t.Errorf("%d wait in the end", n)
				}
				select {
				case <-core.PushesDone():
				default:
					t.Error("nobody was told")
				}
			}
		})
	}
}

// The missed pushes of a slow session are requested once, when its unsent output is below
// half of the soft limit.
func TestMissedPushesAreAskedForAgain(t *testing.T) {
	var asked [][]uint32
	core := newCore(t, engine.Config{
		Limits:    engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000},
		OnCatchUp: func(_ *engine.Session, keys []uint32) { asked = append(asked, keys) },
	})
	w := onText(t, core)
	w.postDroppable(9)
	w.post(101, "x")
	for _, key := range []uint32{7, 3, 7, 5} {
		w.postDroppable(key)
	}
	if string(w.sent) != "quotex" || core.Stats.Dropped.Load() != 4 {
		t.Fatalf("sent %q, dropped %d", w.sent, core.Stats.Dropped.Load())
	}
	w.post(100, "x")
	w.post(50, "x")
	if len(asked) != 0 {
		t.Fatalf("asked for %d at half of the limit", asked)
	}
	w.post(49, "x")
	w.post(0, "x")
	if len(asked) != 1 || !slices.Equal(asked[0], []uint32{3, 5, 7}) || core.Stats.Conflated.Load() != 3 {
		t.Fatalf("asked for %d, %d conflated", asked, core.Stats.Conflated.Load())
	}
}

// A session that has missed more keys than are remembered catches up on all keys.
func TestMissedKeysAreBounded(t *testing.T) {
	for missed, want := range map[int]int{1024: 1024, 1025: 0} {
		var asked []uint32
		calls := 0
		core := newCore(t, engine.Config{
			Limits:    engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000},
			OnCatchUp: func(_ *engine.Session, keys []uint32) { asked = keys; calls++ },
		})
		w := onText(t, core)
		w.post(101, "x")
		for key := range missed {
			w.postDroppable(uint32(key))
		}
		w.post(0, "x")
		if calls != 1 || len(asked) != want || (asked == nil) != (want == 0) {
			t.Errorf("%d missed: asked %d times, for %d", missed, calls, len(asked))
		}
	}
}

// The hard limit is checked before a write, so one batch may exceed it. Replies may exceed
// it too, up to twice the limit before a write.
func TestHardLimit(t *testing.T) {
	for _, tc := range []struct {
		name     string
		backlogs []int // at each write of 10 bytes, and after it
		answers  bool
		cut      bool
	}{
		{"at the limit", []int{1000, 1000}, false, false},
		{"above it, once", []int{2000}, false, false},
		{"above it before a push", []int{1001, 1001}, false, true},
		{"above it before a reply", []int{1001, 1990}, true, false},
		{"a reply that exceeds twice the limit", []int{1001, 2000}, true, false},
		{"above twice the limit before a reply", []int{2001, 2001}, true, true},
		{"taken meanwhile", []int{1500, 0, 1500, 0}, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, deferred := deferring(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000}})
				w := onText(t, core)
				for _, backlog := range tc.backlogs {
					if tc.answers {
						w.answer(backlog, "0123456789", w.ask(deferred, 1)[0])
					} else {
						w.post(backlog, "0123456789")
					}
				}
				if cut := w.session.Closing(); cut != tc.cut {
					t.Fatalf("cut: %v, want %v", cut, tc.cut)
				}
				if !tc.cut {
					return
				}
				if !strings.Contains(string(w.sent), "not read fast enough") {
					t.Errorf("sent %q, and no Notice", w.sent)
				}
				sent := len(w.sent)
				w.post(0, "more")
				if len(w.sent) != sent {
					t.Error("written behind the Notice")
				}
				time.Sleep(2 * time.Second) // the time to linger
				synctest.Wait()
				if !w.closed || core.Stats.Closes(engine.ReasonSlowConsumer) != 1 {
					t.Error("still open")
				}
			})
		})
	}
}

// While a reply is unsent, pushes may exceed the hard limit, up to twice the limit: the reply
// may be large, and its reader quick.
func TestPushesBesideAnUnsentReply(t *testing.T) {
	core, deferred := deferring(t, engine.Config{Limits: engine.Limits{OutboundSoftBytes: 100, OutboundHardBytes: 1000, Linger: time.Hour}})
	w := onText(t, core)
	w.post(0, "before")
	w.answer(1500, strings.Repeat("r", 1600), w.ask(deferred, 1)[0])
	w.post(1501, "push")
	w.post(1504, "push")
	if w.session.Closing() {
		t.Fatalf("cut with %d bytes of a reply and two pushes", w.backlog)
	}
	w.post(1001, strings.Repeat("p", 1000)) // the reply is read
	if !w.session.Closing() {
		t.Error("not cut with twice the limit of pushes")
	}
}

// While the sessions of a carrier together have more unsent output than its share, those with
// the most are closed.
func TestLargestBacklogIsShedFirst(t *testing.T) {
	core := newCore(t, engine.Config{Limits: engine.Limits{
		OutboundSoftBytes: 1000, OutboundHardBytes: 1000, OutboundTotalBytes: 2000, // of two carriers
	}})
	w := wiresOn(t, core, 5)
	core.AddCarrier(w[0])
	for i, backlog := range []int{100, 400, 50, 300, 150} {
		w[i].post(backlog, "x")
	}
	closed := func() (is []int) {
		for i := range w {
			if w[i].closed {
				is = append(is, i)
			}
		}
		return is
	}
	if got := core.Load(); len(closed()) != 0 || got.UnsentBytes != 1000 || got.UnsentSessions != 5 {
		t.Fatalf("at the limit %v are closed, %+v", closed(), got)
	}
	w[0].post(101, "x")
	if got := core.Load(); !slices.Equal(closed(), []int{1}) || got.UnsentBytes != 601 || got.UnsentSessions != 4 {
		t.Fatalf("above it %v are closed, %+v", closed(), got)
	}
	w[3].backlog = 0 // it reads, which only a check notices
	w[2].post(450, "x")
	if got := core.Load(); !slices.Equal(closed(), []int{1}) || got.UnsentBytes != 701 || got.UnsentSessions != 3 {
		t.Fatalf("with one that has read %v are closed, %+v", closed(), got)
	}
	w[4].post(700, "x") // two must go
	if !slices.Equal(closed(), []int{1, 4}) || core.Stats.Closes(engine.ReasonMemory) != 2 {
		t.Fatalf("%v are closed", closed())
	}
	for _, x := range w {
		x.post(0, "x")
	}
	if got := core.Load(); got.UnsentBytes != 0 || got.UnsentSessions != 0 {
		t.Errorf("all is sent: %+v", got)
	}
}

// pour answers a request with as many times 64 KiB as its body says.
func pour(c *engine.Context) {
	var n int
	_, _ = fmt.Sscan(string(c.Message.Body), &n)
	c.Reply(codec.ResultOK, codec.Raw(make([]byte, n*64<<10)))
}

// A slow consumer that finally reads receives everything that was written before it was cut
// off, and then the Notice.
func TestSlowConsumerGetsANotice(t *testing.T) {
	limits := engine.Limits{OutboundHardBytes: 256 << 10, Linger: patience, OutboundSoftTime: time.Hour, WriteStallTime: time.Hour}
	r := serve(t, newCore(t, engine.Config{Router: carriertest.Router(pour), Limits: limits}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.Echoes(onLane)
	session, _ := r.Find(1) // the first of all
	out := r.NewOutbox()
	for push := codec.Raw(make([]byte, 128<<10)); !session.Closing(); {
		before := r.Traffic().BytesOut
		out.Push(session, codec.PushExecution, 0, push)
		out.Post()
		eventually(t, "the push or the cut", func() bool { return session.Closing() || r.Traffic().BytesOut > before })
	}
	received := 0
	for {
		m, err := p.Next()
		if err != nil {
			t.Fatalf("the end without a Notice: %v", err)
		}
		if m.Command == codec.PushNotice {
			var notice pb.Notice
			if notice.UnmarshalVT(m.Body) != nil || notice.Code != pb.NoticeCode_NOTICE_CODE_SLOW_CONSUMER {
				t.Errorf("notice %v", &notice)
			}
			break
		}
		received += len(m.Body)
	}
	if _, err := p.Next(); err != io.EOF || received < 256<<10 {
		t.Errorf("%d bytes, then %v", received, err)
	}
	p.Close()
	eventually(t, "the count", func() bool { return r.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
}

// The unsent output of a session that has ended is not counted.
func TestUnsentOutputEndsWithItsSession(t *testing.T) {
	core := newCore(t, engine.Config{})
	w := onText(t, core)
	w.post(500, "x")
	before := core.Load()
	core.Closed(w.session, engine.ReasonPeerReset)
	if after := core.Load(); before.UnsentBytes != 500 || after != (engine.Load{}) {
		t.Errorf("unsent %+v, after the end %+v", before, after)
	}
}

// A reply to a closed session does not count.
func TestRepliesToNobodyAreNotCounted(t *testing.T) {
	core, deferred := deferring(t, engine.Config{})
	w := wiresOn(t, core, 2)
	out := core.NewOutbox()
	for _, x := range w {
		for _, r := range x.ask(deferred, 3) {
			out.Reply(r, codec.ResultOK, codec.Raw("reply"))
		}
	}
	core.Closed(w[0].session, engine.ReasonPeerClosed)
	out.Post()
	if n := core.Traffic().Replies; n != 3 {
		t.Errorf("%d replies counted, want the 3 of the open session", n)
	}
}

// Unread output of a session stays in the process, where the limits count it, and not in the
// kernel.
func TestKernelBound(t *testing.T) {
	limits := engine.Limits{OutboundHardBytes: 64 << 20, OutboundSoftTime: time.Hour}
	r := serve(t, newCore(t, engine.Config{Router: carriertest.Router(pour), Limits: limits}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.Send(special, 1, "32") // 2 MiB, of which the kernel would take it all
	eventually(t, "the reply", func() bool { return r.Traffic().Replies == 1 })
	eventually(t, "a megabyte of it to wait with us", func() bool { return r.Load().UnsentBytes > 1<<20 })
}

// Unsent output is checked without a write too: the missed pushes of a session are requested
// once it has read.
func TestCatchUpWithoutAWrite(t *testing.T) {
	asked := make(chan []uint32, 1)
	limits := engine.Limits{OutboundSoftBytes: 128 << 10, OutboundHardBytes: 64 << 20, InFlightRequests: 1 << 20}
	r := serve(t, newCore(t, engine.Config{
		Router: carriertest.Router(pour), Limits: limits,
		OnCatchUp: func(_ *engine.Session, keys []uint32) { asked <- keys },
	}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.Send(special, 1, "200") // 12.5 MiB
	eventually(t, "unsent output", func() bool { return r.Load().UnsentBytes > 128<<10 })
	session, _ := r.Find(1) // the first of all
	out := r.NewOutbox()
	out.PushDroppable([]*engine.Session{session}, 42, codec.PushQuote, codec.Raw("quote"))
	out.Post()
	eventually(t, "the drop", func() bool { return r.Stats.Dropped.Load() == 1 })
	p.ExpectCommand(special.Reply())
	if keys := <-asked; !slices.Equal(keys, []uint32{42}) {
		t.Errorf("asked for %d", keys)
	}
	eventually(t, "everything to be sent", func() bool { return r.Load().UnsentBytes == 0 })
}
