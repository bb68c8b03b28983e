package engine

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panjf2000/gnet/v2"

	"holdfast/codec"
)

// tasks is an event loop of gnet's that a test runs by hand.
type tasks struct {
	gnet.EventLoop
	due  chan gnet.Runnable
	runs int
}

func (e *tasks) Execute(_ context.Context, r gnet.Runnable) error {
	e.due <- r
	return nil
}

// runUntil runs the tasks for some (fake) time.
func (e *tasks) runFor(d time.Duration) {
	for end := time.Now().Add(d); ; {
		synctest.Wait()
		for len(e.due) > 0 {
			e.runs++
			_ = (<-e.due).Run(context.Background())
			synctest.Wait()
		}
		if !time.Now().Before(end) {
			return
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// narrow is a link whose peer reads as much as the test says.
type narrow struct {
	space    int // what the peer and the socket still take
	got      []byte
	unsent   []byte
	writes   int
	longest  int
	onWrite  func()
	session  *Session
	ended    bool
	caughtUp []uint32
	all      bool // missed everything at least once
}

func (n *narrow) Write(b []byte) error {
	n.writes++
	if n.onWrite != nil {
		n.onWrite()
	}
	n.longest = max(n.longest, len(b))
	n.unsent = append(n.unsent, b...)
	n.read(0)
	return nil
}

func (n *narrow) read(more int) {
	n.space += more
	taken := min(n.space, len(n.unsent))
	n.got, n.unsent, n.space = append(n.got, n.unsent[:taken]...), n.unsent[taken:], n.space-taken
}

func (n *narrow) Buffered() int     { return len(n.unsent) }
func (n *narrow) CloseWrite() error { n.ended = true; return nil }
func (n *narrow) Close() error {
	n.session.core.Closed(n.session, ReasonPeerClosed)
	return nil
}

// ids returns the ids of the whole pushes that the peer has, up to a Notice.
func (n *narrow) ids(t *testing.T) (ids []uint64, notice bool) {
	t.Helper()
	for b := n.got; len(b) > 0; {
		m, used, err := codec.Decode(n.session.dialect, b, 1<<30)
		if err != nil || used == 0 {
			t.Fatalf("%d bytes of no frame: %v", len(b), err)
		}
		b = b[used:]
		if m.Command == codec.PushNotice {
			return ids, true
		}
		ids = append(ids, m.ID)
	}
	return ids, false
}

// feedBench is a core with one event loop, run by hand.
type feedBench struct {
	core   *Core
	loop   *loop
	events *tasks
}

func newFeedBench(t *testing.T, limits Limits) *feedBench {
	t.Helper()
	links := func(s *Session) *narrow { return s.link.(*narrow) }
	core, err := NewCore(Config{
		Router: NewRouter(nil), Limits: limits, Log: slog.New(slog.DiscardHandler),
		OnCatchUp: func(s *Session, keys []uint32) {
			n := links(s)
			n.all = n.all || keys == nil
			n.caughtUp = append(n.caughtUp, keys...)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &feedBench{core: core, loop: newLoop(core, DefaultTick), events: &tasks{due: make(chan gnet.Runnable, 1<<10)}}
	b.loop.events = b.events
	return b
}

func (b *feedBench) open(t *testing.T, space int, d codec.Dialect) *narrow {
	t.Helper()
	n := &narrow{space: space}
	var reason Reason
	if n.session, reason = b.core.Open(b.loop.index, n, nil, &Listener{Dialect: d}); n.session == nil {
		t.Fatal(reason)
	}
	return n
}

func (b *feedBench) join(f *Feed, n *narrow, wants func(uint32) bool) {
	out := b.core.NewOutbox()
	f.Join(out, n.session, wants)
	out.Post()
	out.Free()
}

// end closes all sessions and the core.
func (b *feedBench) end(t *testing.T) {
	t.Helper()
	for _, s := range b.core.sessions.all() {
		b.core.Closed(s, ReasonPeerClosed)
	}
	b.events.runFor(100 * time.Millisecond)
	if n := b.core.Load().FeedBytes; n != 0 {
		t.Errorf("%d bytes in logs after the end", n)
	}
	b.loop.closeTails()
	if err := b.core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

const plenty = 1 << 30

// A push that comes alone leaves at once. Those that come soon after leave together, after
// the pause. When all is written nothing runs any more, and no memory is in use.
func TestFeedPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		n := b.open(t, plenty, codec.Packet{})
		b.join(f, n, nil)
		b.events.runFor(time.Second)
		for range 3 {
			n.writes = 0
			f.Append(0, codec.PushChatMessage, 1, nil)
			b.events.runFor(0)
			if n.writes != 1 {
				t.Fatalf("%d writes for a push that came alone", n.writes)
			}
			for range 10 {
				f.Append(0, codec.PushChatMessage, 2, nil)
			}
			b.events.runFor(0)
			if n.writes != 1 {
				t.Fatal("no pause")
			}
			b.events.runFor(2 * shortestPause)
			if n.writes != 2 {
				t.Fatalf("%d writes for 10 pushes after another", n.writes)
			}
			if n := b.core.Load().FeedBytes; n != 0 {
				t.Errorf("%d bytes kept for nobody", n)
			}
			runs := b.events.runs
			time.Sleep(time.Hour)
			b.events.runFor(time.Second)
			if b.events.runs != runs {
				t.Error("the loop runs although nothing was appended")
			}
		}
	})
}

// The pause after a round is as long as the round, within its limits.
func TestFeedPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.groups[b.loop.index].feeds
		for _, tt := range []struct {
			took []time.Duration
			want time.Duration
		}{
			{[]time.Duration{time.Microsecond}, shortestPause},
			{[]time.Duration{3 * time.Millisecond}, 3 * time.Millisecond},
			{[]time.Duration{longestFlush, longestFlush, time.Millisecond}, 2*longestFlush + time.Millisecond},
			{[]time.Duration{longestFlush, longestFlush, longestFlush, longestFlush, longestFlush}, longestPause},
		} {
			for i, took := range tt.took {
				want := shortestPause // within a round
				last := i == len(tt.took)-1
				if last {
					want = tt.want
				}
				f.pause(time.Now().Add(-took), last)
				if got := time.Until(f.resume); got != want {
					t.Errorf("%v, part %d: pause of %v, want %v", tt.took, i, got, want)
				}
			}
		}
	})
}

// One write takes at most a chunk, even if the session is far behind.
func TestFeedWritesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		n := b.open(t, plenty, codec.Packet{})
		b.join(f, n, nil)
		for i := range uint64(2000) {
			f.Append(0, codec.PushChatMessage, i, codec.Raw(strings.Repeat("x", 500)))
		}
		f.Append(0, codec.PushChatMessage, 2000, codec.Raw(strings.Repeat("x", 2*maxChunkBytes)))
		b.events.runFor(time.Second)
		if ids, _ := n.ids(t); len(ids) != 2001 || !slices.IsSorted(ids) {
			t.Errorf("got %d pushes", len(ids))
		}
		if n.writes < 15 || n.writes > 20 || n.longest != 2*maxChunkBytes+codec.PacketHeaderLen {
			t.Errorf("%d writes, the longest of %d bytes", n.writes, n.longest)
		}
	})
}

// While the event loop is stuck, a log takes at most twice what it may keep. Its sessions
// are too far behind then.
func TestFeedIsBoundedWhileTheLoopIsStuck(t *testing.T) {
	for _, droppable := range []bool{false, true} {
		t.Run(fmt.Sprint("droppable ", droppable), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const keep = 100_000
				b := newFeedBench(t, Limits{})
				defer b.end(t)
				f := b.core.NewFeed(FeedOptions{KeepBytes: keep, Droppable: droppable})
				n := b.open(t, plenty, codec.Packet{})
				b.join(f, n, nil)
				b.events.runFor(time.Second)
				for i := range uint64(10_000) {
					f.Append(uint32(i%5), codec.PushQuote, i, codec.Raw(strings.Repeat("x", 100)))
				}
				if most := b.core.Load().FeedBytes; most > 2*keep+maxChunkBytes {
					t.Errorf("%d bytes in the log", most)
				}
				b.events.runFor(time.Second)
				ids, notice := n.ids(t)
				if droppable && (notice || !n.all || len(ids) != 0) || !droppable && (!notice || n.session.reason != ReasonSlowConsumer) {
					t.Errorf("%d pushes, notice %v, closed as %v, missed %v (all: %v)", len(ids), notice, n.session.reason, n.caughtUp, n.all)
				}
				f.Append(0, codec.PushQuote, 77, nil)
				b.events.runFor(time.Second)
				if ids, _ := n.ids(t); droppable && !slices.Equal(ids, []uint64{77}) {
					t.Errorf("got %d after the newest state", ids)
				}
			})
		})
	}
}

// When all logs together have too much, each keeps only its part of the total.
func TestFeedsShareTheTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 1 << 20
		b := newFeedBench(t, Limits{OutboundTotalBytes: 4 * total, OutboundSoftBytes: 64 * total})
		defer b.end(t)
		var feeds []*Feed
		n := b.open(t, 0, codec.Packet{})
		for range 8 {
			f := b.core.NewFeed(FeedOptions{Droppable: true})
			feeds = append(feeds, f)
			b.join(f, n, nil)
		}
		b.events.runFor(time.Second)
		for range 1000 {
			for _, f := range feeds {
				f.Append(1, codec.PushQuote, 1, codec.Raw(strings.Repeat("x", 1000)))
			}
			b.events.runFor(time.Millisecond)
			if got := b.core.Load().FeedBytes; got > 2*total {
				t.Fatalf("%d bytes in all logs", got)
			}
		}
		if got := b.core.Load().FeedBytes; got < total/4 {
			t.Errorf("only %d bytes are kept", got)
		}
		for range 5000 { // the event loop is stuck
			for _, f := range feeds {
				f.Append(1, codec.PushQuote, 1, codec.Raw(strings.Repeat("x", 1000)))
			}
		}
		if got := b.core.Load().FeedBytes; got > 2*total+len(feeds)*maxChunkBytes {
			t.Errorf("%d bytes in all logs while the loop is stuck", got)
		}
	})
}

// A session of a droppable feed skips pushes when they and its unsent output are above the
// soft limit, and nothing is kept for it then.
func TestFeedSkipsAboveTheSoftLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const soft = 1000
		b := newFeedBench(t, Limits{OutboundSoftBytes: soft})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{Droppable: true})
		n := b.open(t, 0, codec.Packet{})
		b.join(f, n, nil)
		for i := range uint64(20) {
			f.Append(uint32(i), codec.PushQuote, i, codec.Raw(strings.Repeat("x", 100)))
			b.events.runFor(time.Second)
			if kept := b.core.Load().FeedBytes; kept > soft {
				t.Fatalf("%d bytes kept", kept)
			}
		}
		n.read(plenty)
		b.events.runFor(time.Second)
		b.core.groups[b.loop.index].reviewOutput()
		ids, _ := n.ids(t)
		for _, key := range n.caughtUp {
			ids = append(ids, uint64(key))
		}
		slices.Sort(ids)
		if len(n.caughtUp) == 0 || len(slices.Compact(ids)) != 20 {
			t.Errorf("missed %d of %d", n.caughtUp, ids)
		}
		if kept := b.core.Load().FeedBytes; kept != 0 {
			t.Errorf("%d bytes kept in the end", kept)
		}
	})
}

// A join that is never posted ends with its outbox.
func TestFeedJoinThatIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		n := b.open(t, plenty, codec.Packet{})
		out, to := b.core.NewOutbox(), b.core.NewOutbox()
		f.Join(out, n.session, nil)
		out.MoveTo(to)
		f.Append(0, codec.PushChatMessage, 1, nil)
		if f.Len() != 1 || to.Len() != 1 {
			t.Errorf("%d sessions, %d in the outbox", f.Len(), to.Len())
		}
		to.Discard()
		if f.Len() != 0 || n.session.feeds() != nil {
			t.Errorf("%d sessions after the end of the outbox", f.Len())
		}
		b.events.runFor(time.Second)
		if n.writes != 0 {
			t.Errorf("%q written", n.got)
		}
	})
}

// Sessions that leave during a round, earlier or later ones, change nothing for the others.
func TestFeedLeaveDuringARound(t *testing.T) {
	for leaving := range 5 {
		synctest.Test(t, func(t *testing.T) {
			b := newFeedBench(t, Limits{})
			defer b.end(t)
			f := b.core.NewFeed(FeedOptions{})
			var all []*narrow
			for range 5 {
				n := b.open(t, plenty, codec.Packet{})
				b.join(f, n, nil)
				all = append(all, n)
			}
			b.events.runFor(time.Second)
			all[2].onWrite = func() { f.Leave(all[leaving].session) }
			f.Append(0, codec.PushChatMessage, 1, nil)
			b.events.runFor(time.Second)
			f.Append(0, codec.PushChatMessage, 2, nil)
			b.events.runFor(time.Second)
			for i, n := range all {
				want := []uint64{1, 2}
				switch {
				case i == leaving && leaving > 2:
					want = nil
				case i == leaving:
					want = want[:1]
				}
				if ids, _ := n.ids(t); !slices.Equal(ids, want) {
					t.Errorf("%d leaves: session %d got %d, want %d", leaving, i, ids, want)
				}
			}
		})
	}
}

// The log is empty when the only session that needed it has left.
func TestFeedIsTrimmedAfterALeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		slow, quick := b.open(t, 0, codec.Packet{}), b.open(t, plenty, codec.Packet{})
		b.join(f, slow, nil)
		b.join(f, quick, nil)
		for i := range uint64(3) {
			f.Append(0, codec.PushChatMessage, i, nil)
			b.events.runFor(time.Second)
		}
		if n := b.core.Load().FeedBytes; n == 0 {
			t.Fatal("nothing is kept for the slow session")
		}
		f.Leave(slow.session)
		b.events.runFor(time.Second)
		if n := b.core.Load().FeedBytes; n != 0 {
			t.Errorf("%d bytes kept", n)
		}
	})
}

// A join that is written late starts with what was appended before, without a further push.
func TestFeedJoinThatIsWrittenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		late, other := b.open(t, plenty, codec.Packet{}), b.open(t, plenty, codec.Packet{})
		b.join(f, other, nil)
		out := b.core.NewOutbox()
		out.Push(late.session, codec.PushExecution, 1, nil)
		f.Join(out, late.session, nil)
		f.Append(0, codec.PushChatMessage, 2, nil)
		b.events.runFor(time.Second)
		if late.writes != 0 || other.writes != 1 {
			t.Errorf("%d and %d writes before the join is written", late.writes, other.writes)
		}
		out.Post()
		b.events.runFor(time.Second)
		if ids, _ := late.ids(t); !slices.Equal(ids, []uint64{1, 2}) {
			t.Errorf("got %d", ids)
		}
	})
}

// A member is a session in the random test, and what it must get.
type member struct {
	*narrow
	wants func(uint32) bool
	want  []uint64
	key   map[uint64]uint32
	in    bool
}

func (m *member) append(key uint32, id uint64) {
	if m.in && (m.wants == nil || m.wants(key)) {
		m.want = append(m.want, id)
		m.key[id] = key
	}
}

// Any mix of pushes, joins, leaves and slow readers: each session gets exactly what was
// appended while it had joined; one that was too far behind gets the start of it and a
// Notice, or misses only keys that it is told of.
func TestFeedRandom(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options FeedOptions
	}{
		{"plain", FeedOptions{}},
		{"short", FeedOptions{KeepBytes: 2000}},
		{"droppable", FeedOptions{KeepBytes: 2000, Droppable: true}},
	} {
		for seed := range uint64(15) {
			t.Run(fmt.Sprint(tt.name, " ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { feedRandomly(t, rand.New(rand.NewPCG(seed, 1)), tt.options) })
			})
		}
	}
}

// own is a dialect whose frames are not shared.
type own struct{ codec.Packet }

func (own) Shared() bool { return false }

func feedRandomly(t *testing.T, r *rand.Rand, options FeedOptions) {
	b := newFeedBench(t, Limits{OutboundSoftBytes: 300, WriteStallTime: time.Hour, OutboundSoftTime: time.Hour})
	defer b.end(t)
	f := b.core.NewFeed(options)
	var members []*member
	for i := range 8 {
		m := &member{narrow: b.open(t, r.IntN(500), []codec.Dialect{codec.Packet{}, own{}}[i/6]), key: make(map[uint64]uint32)}
		if i%2 == 1 {
			m.wants = func(key uint32) bool { return key%3 != uint32(i)%3 }
		}
		members = append(members, m)
	}
	id := uint64(0)
	for range 600 {
		m := members[r.IntN(len(members))]
		switch r.IntN(10) {
		case 0:
			if !m.in && m.want == nil {
				b.join(f, m.narrow, m.wants)
				m.in = true
			}
		case 1:
			m.read(r.IntN(3000))
		case 2:
			b.events.runFor(time.Duration(r.IntN(3)) * time.Millisecond)
		case 3:
			if r.IntN(20) == 0 && m.in {
				b.events.runFor(0) // what follows does not come after the leave
				f.Leave(m.session)
				m.in = false
			}
		default:
			key := r.Uint32N(10)
			id++
			f.Append(key, codec.PushQuote, id, codec.Raw(strings.Repeat("x", r.IntN(100))))
			for _, m := range members {
				m.append(key, id)
			}
		}
	}
	for _, m := range members {
		m.read(plenty)
	}
	b.events.runFor(3 * time.Second)
	b.loop.core.groups[b.loop.index].reviewOutput()
	if n := b.core.Load().FeedBytes; n != 0 {
		t.Errorf("%d bytes in logs, although all have read", n)
	}
	for i, m := range members {
		if err := m.check(t, options); err != nil {
			t.Errorf("session %d: %v", i, err)
		}
	}
}

func (m *member) check(t *testing.T, options FeedOptions) error {
	ids, notice := m.ids(t)
	missing := make(map[uint32]bool)
	at := 0
	for _, id := range m.want {
		if at < len(ids) && ids[at] == id {
			at++
		} else {
			missing[m.key[id]] = true
		}
	}
	switch {
	case at != len(ids):
		return fmt.Errorf("got %d, which is no part of %d", ids, m.want)
	case !m.in: // it has left: it may have missed the end
		if !slices.Equal(ids, m.want[:len(ids)]) && !options.Droppable {
			return fmt.Errorf("got %d, not the start of %d", ids, m.want)
		}
	case options.Droppable:
		reported := make(map[uint32]bool)
		for _, key := range m.caughtUp {
			reported[key] = true
		}
		if !m.all && !maps.Equal(reported, missing) {
			return fmt.Errorf("missed %v, reported %v", missing, reported)
		}
	case notice:
		if m.session.reason != ReasonSlowConsumer || options.KeepBytes == 0 || !slices.Equal(ids, m.want[:len(ids)]) {
			return fmt.Errorf("closed as %v after %d of %d", m.session.reason, ids, m.want)
		}
	case !slices.Equal(ids, m.want):
		return fmt.Errorf("got %d of %d", ids, m.want)
	}
	return nil
}

// Sessions of the same dialect get the same bytes.
func TestFeedEncodesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFeedBench(t, Limits{})
		defer b.end(t)
		f := b.core.NewFeed(FeedOptions{})
		var all []*narrow
		for _, d := range []codec.Dialect{codec.Packet{}, codec.Packet{}, codec.TLV{}, codec.TLV{}} {
			n := b.open(t, plenty, d)
			b.join(f, n, nil)
			all = append(all, n)
		}
		body := &countedBody{}
		f.Append(0, codec.PushChatMessage, 1, body)
		b.events.runFor(time.Second)
		if body.encoded != 2 {
			t.Errorf("encoded %d times for two dialects", body.encoded)
		}
		if !bytes.Equal(all[0].got, all[1].got) || !bytes.Equal(all[2].got, all[3].got) || bytes.Equal(all[0].got, all[2].got) {
			t.Errorf("got %x, %x, %x, %x", all[0].got, all[1].got, all[2].got, all[3].got)
		}
		if n := b.core.Traffic().BytesOut; n != uint64(2*len(all[0].got)+2*len(all[2].got)) {
			t.Errorf("%d bytes counted", n)
		}
	})
}

type countedBody struct{ encoded int }

func (*countedBody) SizeVT() int { return 2 }
func (c *countedBody) MarshalToSizedBufferVT(b []byte) (int, error) {
	c.encoded++
	return copy(b[len(b)-2:], "hi"), nil
}
