package engine_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// feeding is a server whose sessions all join a feed when they open.
type feeding struct {
	*running
	feed   *engine.Feed
	closed chan engine.Reason
	missed chan []uint32
}

func feedAll(t *testing.T, limits engine.Limits, options engine.FeedOptions, config engine.ReactorConfig) *feeding {
	t.Helper()
	f := &feeding{closed: make(chan engine.Reason, 100), missed: make(chan []uint32, 100)}
	var core *engine.Core
	core = newCore(t, engine.Config{
		Limits: limits,
		OnOpen: func(s *engine.Session) {
			out := core.NewOutbox()
			f.feed.Join(out, s, nil)
			out.Post()
			out.Free()
		},
		OnClose:   func(_ *engine.Session, reason engine.Reason) { f.closed <- reason },
		OnCatchUp: func(_ *engine.Session, keys []uint32) { f.missed <- keys },
	})
	f.feed = core.NewFeed(options)
	config.Tick = tick
	f.running = serve(t, core, config)
	return f
}

// push appends a message with that id and length.
func (f *feeding) push(key uint32, id uint64, sizeBytes int) {
	f.feed.Append(key, codec.PushQuote, id, codec.Raw(strings.Repeat("x", sizeBytes)))
}

func (f *feeding) dial(t *testing.T, dial func(testing.TB, string) *peer) *peer {
	t.Helper()
	n := f.feed.Len()
	p := dial(t, f.Addr)
	eventually(t, "the join", func() bool { return f.feed.Len() == n+1 })
	return p
}

const (
	manyPushes = 2000
	pushBytes  = 4 << 10 // all together are more than sockets take
)

func (f *feeding) pushMany(from uint64) {
	for i := range uint64(manyPushes) {
		f.push(uint32(i%7), from+i, pushBytes)
	}
}

// pushReading is pushMany while quick reads: it is never far behind.
func (f *feeding) pushReading(t *testing.T, quick *peer, check func()) {
	t.Helper()
	const together = 16
	for i := range uint64(manyPushes) {
		f.push(uint32(i%7), i, pushBytes)
		if i%together != together-1 {
			continue
		}
		for id := i + 1 - together; id <= i; id++ {
			if m, err := quick.Next(); err != nil || m.ID != id {
				t.Fatalf("got %v %d, %v; want %d", m.Command, m.ID, err, id)
			}
		}
		check()
	}
}

func expectMany(t *testing.T, p *peer, from uint64) {
	t.Helper()
	for i := range uint64(manyPushes) {
		if m, err := p.Next(); err != nil || m.ID != from+i || len(m.Body) != pushBytes {
			t.Fatalf("push %d: got %v %d, %v", from+i, m.Command, m.ID, err)
		}
	}
}

// Many goroutines append, while sessions of two dialects on three loops come and go. Each
// that stays gets everything, in the order of each sender.
func TestFeedWithManySenders(t *testing.T) {
	const senders, each, staying, guests = 6, 500, 24, 6
	var feed *engine.Feed
	var core *engine.Core
	core = newCore(t, engine.Config{OnOpen: func(s *engine.Session) {
		out := core.NewOutbox()
		feed.Join(out, s, nil)
		out.Post()
		out.Free()
	}})
	feed = core.NewFeed(engine.FeedOptions{KeepBytes: 64 << 20})
	r := serve(t, core, engine.ReactorConfig{Loops: 3, Listeners: []engine.Listener{
		{Address: "127.0.0.1:0"}, {Address: "127.0.0.1:0", Dialect: codec.TLV{}},
	}})
	dialOne := func(i int) *peer {
		p := dial(t, r.Addrs[i%2])
		if i%2 == 1 {
			p.Dialect = codec.TLV{}
		}
		return p
	}
	var peers []*peer
	for i := range staying {
		peers = append(peers, dialOne(i))
	}
	eventually(t, "the joins", func() bool { return feed.Len() == staying })
	var reading, sending sync.WaitGroup
	for i, p := range peers {
		reading.Go(func() {
			if err := readSenders(p, senders, each); err != nil {
				t.Errorf("session %d: %v", i, err)
			}
		})
	}
	for g := range guests {
		sending.Go(func() {
			for i := range 20 {
				dialOne(g + i).Close()
			}
		})
	}
	for sender := range uint64(senders) {
		sending.Go(func() {
			for i := range uint64(each) {
				body := binary.BigEndian.AppendUint64(nil, sender<<32|i)
				feed.Append(0, codec.PushChatMessage, 0, codec.Raw(body))
			}
		})
	}
	reading.Wait()
	sending.Wait()
	core.CloseAll(engine.ReasonUnavailable)
	eventually(t, "the end of the sessions", func() bool { return feed.Len() == 0 })
	if n := core.Load().FeedBytes; n != 0 {
		t.Errorf("%d bytes in logs", n)
	}
}

func readSenders(p *peer, senders, each uint64) error {
	next := make([]uint64, senders)
	for range senders * each {
		m, err := p.Next()
		if err != nil {
			return err
		}
		n := binary.BigEndian.Uint64(m.Body)
		if sender := n >> 32; next[sender] != n&(1<<32-1) {
			return fmt.Errorf("from sender %d: %d, want %d", sender, n&(1<<32-1), next[sender])
		}
		next[n>>32]++
	}
	return nil
}

// A session that does not read is closed when it is too far behind. Others get everything,
// and the log is empty afterwards.
func TestFeedClosesASlowReader(t *testing.T) {
	f := feedAll(t, engine.Limits{Linger: time.Nanosecond}, engine.FeedOptions{KeepBytes: 1 << 20}, engine.ReactorConfig{Loops: 1})
	slow, quick := f.dial(t, carriertest.DialNarrow), f.dial(t, dial)
	f.pushReading(t, quick, func() {
		if n := f.Load().FeedBytes; n > 1<<20+256<<10 {
			t.Fatalf("%d bytes in the log", n)
		}
	})
	if reason := <-f.closed; reason != engine.ReasonSlowConsumer {
		t.Errorf("closed as %v", reason)
	}
	eventually(t, "the end of the log", func() bool { return f.Load().FeedBytes == 0 })
	quick.Echoes(onLane)
	_ = slow
}

// A session of a droppable feed that does not read moves on to the newest pushes, and is
// reported with what it has missed.
func TestFeedMovesASlowReaderOn(t *testing.T) {
	f := feedAll(t, engine.Limits{}, engine.FeedOptions{KeepBytes: 256 << 10, Droppable: true}, engine.ReactorConfig{Loops: 1})
	slow, quick := f.dial(t, carriertest.DialNarrow), f.dial(t, dial)
	f.pushReading(t, quick, func() {})
	if f.Stats.Dropped.Load() == 0 {
		t.Fatal("nothing was dropped")
	}
	f.push(1, manyPushes, pushBytes)
	missed := make(map[uint64]bool)
	last := uint64(0)
	for last != manyPushes {
		m, err := slow.Next()
		if err != nil || m.ID < last || len(m.Body) != pushBytes {
			t.Fatalf("after %d: %v %d, %v", last, m.Command, m.ID, err)
		}
		for id := last + 1; id < m.ID; id++ {
			missed[id] = true
		}
		last = m.ID
	}
	if n := f.Stats.Dropped.Load(); n != uint64(len(missed)) {
		t.Errorf("%d dropped, %d missed", n, len(missed))
	}
	if keys := <-f.missed; !slices.Equal(keys, []uint32{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("reported %d", keys)
	}
	f.push(1, manyPushes+1, 1)
	slow.Expect(codec.PushQuote, manyPushes+1, "x")
}

// A session that was behind gets the rest when it reads, although nothing is appended any
// more; other output goes out between whole pushes.
func TestFeedGoesOnWhenASessionReads(t *testing.T) {
	f := feedAll(t, engine.Limits{}, engine.FeedOptions{KeepBytes: 64 << 20}, engine.ReactorConfig{Loops: 1})
	p := f.dial(t, carriertest.DialNarrow)
	f.pushMany(1)
	eventually(t, "unsent output", func() bool { return f.Load().UnsentSessions == 1 })
	if n := f.Load().UnsentBytes; n > 128<<10 {
		t.Errorf("%d bytes are not in the log", n)
	}
	p.Send(onLane, 99, "")
	replied := false
	for i := uint64(1); i <= manyPushes || !replied; {
		m, err := p.Next()
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Command == onLane.Reply():
			replied = true
		case m.ID == i && len(m.Body) == pushBytes:
			i++
		default:
			t.Fatalf("got %v %d, want %d", m.Command, m.ID, i)
		}
	}
	eventually(t, "the end of the log", func() bool { return f.Load().FeedBytes == 0 })
}

// A session that takes nothing is closed for that, however much the log may keep.
func TestFeedOfASessionThatStalls(t *testing.T) {
	f := feedAll(t, engine.Limits{WriteStallTime: soon}, engine.FeedOptions{KeepBytes: 64 << 20}, engine.ReactorConfig{Loops: 1})
	f.dial(t, carriertest.DialNarrow)
	f.pushMany(1)
	if reason := <-f.closed; reason != engine.ReasonWriteStall {
		t.Errorf("closed as %v", reason)
	}
	eventually(t, "the end of the log", func() bool { return f.Load().FeedBytes == 0 })
}

// What was appended before a stop reaches those that read, and then comes the Notice.
func TestFeedDrain(t *testing.T) {
	f := feedAll(t, engine.Limits{}, engine.FeedOptions{KeepBytes: 64 << 20}, engine.ReactorConfig{Loops: 2, Drain: carriertest.Patience})
	peers := []*peer{f.dial(t, carriertest.DialNarrow), f.dial(t, dial), f.dial(t, dial)}
	f.pushMany(1)
	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop() }()
	eventually(t, "the stop", func() bool { return errors.Is(f.Serving(), engine.ErrStopping) })
	for _, p := range peers {
		expectMany(t, p, 1)
		p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
		p.Close()
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A stop waits for those that do not read half of its time.
func TestFeedDrainWithoutReaders(t *testing.T) {
	f := feedAll(t, engine.Limits{}, engine.FeedOptions{KeepBytes: 64 << 20}, engine.ReactorConfig{Loops: 1, Drain: soon})
	f.dial(t, carriertest.DialNarrow)
	f.pushMany(1)
	if err := f.Stop(); err != nil {
		t.Error(err)
	}
}

// A session that ends gets what was appended before, even during a pause.
func TestFeedBeforeAClose(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close func(*testing.T, *feeding, *peer)
	}{
		{"by the server", func(_ *testing.T, f *feeding, _ *peer) { f.CloseAll(engine.ReasonRevoked) }},
		{"by the client", func(t *testing.T, _ *feeding, p *peer) { halfClose(t, p) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := feedAll(t, engine.Limits{Linger: patience}, engine.FeedOptions{}, engine.ReactorConfig{Loops: 1})
			for range 20 {
				p := f.dial(t, dial)
				p.Echoes(onLane) // after what was written with the join
				const pushes = 50
				for i := range uint64(pushes) {
					f.push(0, i, 1)
				}
				tt.close(t, f, p)
				for i := range uint64(pushes) {
					p.Expect(codec.PushQuote, i, "x")
				}
				for {
					if _, err := p.Next(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
				p.Close()
				eventually(t, "the end", func() bool { return f.Len() == 0 && f.feed.Len() == 0 })
			}
		})
	}
}

// In a dialect that keeps replies in order, pushes start after a reply that waits, and go on
// after one.
func TestFeedStartsAfterAReplyThatWaits(t *testing.T) {
	var deferred carriertest.Deferred
	var feed *engine.Feed
	var core *engine.Core
	router := engine.NewRouter(func(c *engine.Context) {
		if string(c.Message.Body) == "wait" {
			deferred.Defer(c)
			return
		}
		r := c.Defer()
		out := core.NewOutbox()
		out.Reply(r, codec.ResultOK, codec.Raw("joined"))
		feed.Join(out, c.Session, nil)
		out.Post()
		out.Free()
	})
	core = newCore(t, engine.Config{Router: router})
	feed = core.NewFeed(engine.FeedOptions{})
	r := serve(t, core, engine.ReactorConfig{Loops: 1, Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: codec.TLV{}}}})
	p, other := dial(t, r.Addr), dial(t, r.Addr)
	p.Dialect, other.Dialect = codec.TLV{}, codec.TLV{}
	p.Send(onLane, 1, "wait")
	eventually(t, "the request", func() bool { return deferred.Len() == 1 })
	p.Send(onLane, 2, "join")
	other.Send(onLane, 1, "join")
	if m, err := other.Next(); err != nil || !strings.HasSuffix(string(m.Body), "joined") {
		t.Fatal(m, err)
	}
	eventually(t, "the joins", func() bool { return feed.Len() == 2 })
	feed.Append(0, codec.PushChatMessage, 0, codec.Raw("push"))
	if m, err := other.Next(); err != nil || string(m.Body) != "push" {
		t.Fatal(m, err)
	}
	deferred.Answer(core)
	for _, want := range []string{"", "joined", "push"} {
		if m, err := p.Next(); err != nil || !strings.HasSuffix(string(m.Body), want) || want == "" && len(m.Body) > 1 {
			t.Fatalf("got %q, %v; want %q", m.Body, err, want)
		}
	}
	p.Send(onLane, 3, "wait")
	p.Send(onLane, 4, "join")
	eventually(t, "the reply that waits", func() bool { return deferred.Len() == 1 && core.Load().UnsentSessions == 1 })
	feed.Append(0, codec.PushChatMessage, 0, codec.Raw("newer"))
	if m, err := other.Next(); err != nil || string(m.Body) != "newer" {
		t.Fatal(m, err)
	}
	deferred.Answer(core)
	for _, want := range []string{"", "joined", "newer"} {
		if m, err := p.Next(); err != nil || !strings.HasSuffix(string(m.Body), want) || want == "" && len(m.Body) > 1 {
			t.Fatalf("got %q, %v; want %q", m.Body, err, want)
		}
	}
}

// On a carrier that is not an event loop, each push is written alone. Those that come before
// the join is written wait for it, up to KeepBytes.
func TestFeedOnAnotherCarrier(t *testing.T) {
	core := newCore(t, engine.Config{Limits: engine.Limits{Linger: time.Nanosecond}})
	feed := core.NewFeed(engine.FeedOptions{KeepBytes: 5})
	w, late := onText(t, core), onText(t, core)
	push := func(key uint32, b string) { feed.Append(key, codec.PushChatMessage, 0, codec.Raw(b)) }
	join := func(w *wire, wants func(uint32) bool) *engine.Outbox {
		out := core.NewOutbox()
		out.Push(w.session, codec.PushExecution, 0, codec.Raw("first "))
		feed.Join(out, w.session, wants)
		return out
	}
	odd := join(w, func(key uint32) bool { return key%2 == 1 })
	all := join(late, nil)
	push(1, "one ")
	push(2, "two ")
	odd.Post()
	all.Post()
	if got := string(w.sent); got != "first one " {
		t.Errorf("a filtered session got %q", got)
	}
	eventually(t, "the close of a session that waited for too much", func() bool { return core.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
	w.writes = 0
	push(3, "three ")
	push(4, "four ")
	push(5, "five ")
	if got := string(w.sent); got != "first one three five " || w.writes != 2 {
		t.Errorf("got %q in %d more writes", got, w.writes)
	}
	feed.Leave(w.session)
	push(7, "seven ")
	if got := string(w.sent); got != "first one three five " || feed.Len() != 0 {
		t.Errorf("after the leave: %q, %d sessions", got, feed.Len())
	}
}
