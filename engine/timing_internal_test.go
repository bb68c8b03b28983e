package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/pool"
)

// newTimedLoop returns a loop without gnet, and a session of it.
func newTimedLoop(tb testing.TB) (*loop, *Session) {
	tb.Helper()
	router := NewRouter(nil)
	ok := func(c *Context) { c.Reply(codec.ResultOK, nil) }
	router.Handle(codec.CommandConn, OnLane, ok)
	router.Handle(codec.CommandSubmit, OnLane, ok)
	core, err := NewCore(Config{Router: router, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	l := newLoop(core, DefaultTick)
	s, _ := core.Open(l.index, sink{}, nil, &Listener{Dialect: codec.Packet{}})
	tb.Cleanup(func() {
		core.Closed(s, ReasonPeerClosed)
		if err := core.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return l, s
}

// round executes a batch of the lane with pieces of these frames, and writes the replies.
func (l *loop) round(s *Session, opened stamp, frames []byte, count, pieces int) {
	b := pool.Batch[*Session]{Buf: frames, Opened: uint32(opened)}
	for range pieces {
		b.Pieces = append(b.Pieces, pool.Piece[*Session]{Owner: s, End: len(frames), Count: count})
	}
	l.due = true // there is no gnet to call Run
	l.work(&b)
	_ = l.Run(context.Background())
}

func total(d *Durations) (n uint64) {
	for _, count := range d.Counts {
		n += count
	}
	return n
}

// TestOneSampleForABatch: each batch of the lane has one sample, and each place in a piece
// gets its turn. Its time begins when the batch was opened.
func TestOneSampleForABatch(t *testing.T) {
	l, s := newTimedLoop(t)
	frames := codec.AppendRequest(nil, codec.CommandConn, 1, nil)
	frames = codec.AppendRequest(frames, codec.CommandSubmit, 2, nil)
	l.core.started = time.Now().Add(-time.Hour)
	const rounds = 10
	for range rounds {
		l.round(s, l.core.stamp()-2_000_000, frames, 2, 3)
	}
	got := l.core.Timings()
	for cmd, d := range got.Requests {
		if n := total(&d); n == 0 || n == rounds || d.Sum < time.Duration(n)*2*time.Second {
			t.Errorf("%v: %d samples of %v in all", cmd, n, d.Sum)
		}
	}
	conn, submit := got.Requests[codec.CommandConn], got.Requests[codec.CommandSubmit]
	if a, b, w := total(&conn), total(&submit), total(&got.LaneWait); a+b != rounds || w != rounds {
		t.Errorf("%d and %d samples, %d waits; want %d in all", a, b, w, rounds)
	}
	if got.LaneWait.Sum < rounds*2*time.Second {
		t.Errorf("waited %v in all", got.LaneWait.Sum)
	}
}

// TestTimingDoesNotAllocate: measuring needs no new memory.
func TestTimingDoesNotAllocate(t *testing.T) {
	l, s := newTimedLoop(t)
	b := l.core.newBatch(s.group, fromLane)
	samples := make([]sample, 1, maxUnwritten)
	if allocs := testing.AllocsPerRun(200, func() {
		samples[0] = sample{session: s, command: codec.CommandSubmit, taken: l.core.stamp(), unordered: true}
		s.group.timing.written(samples, l.core.stamp())
	}); allocs > 0 {
		t.Errorf("%v allocations for a sample", allocs)
	}
	b.free()
}

// TestUnwrittenSamplesAreBounded: of the samples whose replies wait for an earlier one only so
// many are kept.
func TestUnwrittenSamplesAreBounded(t *testing.T) {
	l, s := newTimedLoop(t)
	g := &s.group.timing
	for n := range 3 * maxUnwritten {
		g.written([]sample{{session: s, number: uint32(n + 1), command: codec.CommandSubmit, taken: 1}}, 2)
	}
	if len(g.unwritten) != maxUnwritten {
		t.Errorf("%d are kept, want %d", len(g.unwritten), maxUnwritten)
	}
	s.replied = 2 // of the requests 0 and 1
	g.written(nil, 2)
	if d := l.core.Timings().Requests[codec.CommandSubmit]; total(&d) != 1 || len(g.unwritten) != maxUnwritten-1 {
		t.Errorf("%d counted, %d kept", total(&d), len(g.unwritten))
	}
}

// TestSamplesAreLimited: under load only one batch of several is measured.
func TestSamplesAreLimited(t *testing.T) {
	var measured timing
	picked := func(batches int) (n int) {
		for range batches {
			if measured.pick() {
				n++
			}
		}
		measured.tick()
		return n
	}
	const most = samplesPerTick
	for _, c := range []struct{ batches, want int }{{most - 1, most - 1}, {10 * most, 10 * most}, {10 * most, 10 * most / 11}, {5, 0}, {5, 5}} {
		if n := picked(c.batches); n != c.want {
			t.Errorf("%d of %d are measured, want %d", n, c.batches, c.want)
		}
	}
}

// BenchmarkLaneBatch executes a batch of the lane with one piece, and writes the replies to
// nowhere. BenchmarkTiming is what of that is measuring: the clock is read three times, two
// durations are counted.
func BenchmarkLaneBatch(b *testing.B) {
	for _, size := range []struct {
		name  string
		count int
	}{{"1", 1}, {"16", 16}, {"256", 256}} {
		b.Run(size.name, func(b *testing.B) {
			l, s := newTimedLoop(b)
			var frames []byte
			for range size.count {
				frames = codec.AppendRequest(frames, codec.CommandSubmit, 1, nil)
			}
			b.ReportAllocs()
			for b.Loop() {
				l.round(s, l.core.stamp(), frames, size.count, 1)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size.count), "ns/request")
		})
	}
}

func BenchmarkTiming(b *testing.B) {
	l, s := newTimedLoop(b)
	g := &s.group.timing
	samples := make([]sample, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		opened := l.core.stamp()
		g.laneWait.add(opened.until(l.core.stamp()))
		samples = append(samples[:0], sample{session: s, command: codec.CommandSubmit, taken: opened, unordered: true})
		g.written(samples, l.core.stamp())
	}
}
