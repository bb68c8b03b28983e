package pool_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/panjf2000/ants/v2"
	"go.uber.org/goleak"

	"holdfast/pool"
)

// ants starts a default pool by itself; tests must not stop it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

func newWorkers(t testing.TB, options ...ants.Option) *ants.Pool {
	t.Helper()
	workers, err := ants.NewPool(4, append(options, ants.WithNonblocking(true))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(workers.Release)
	return workers
}

func TestLaneIsInOrderWithOneWorker(t *testing.T) {
	const putters, each = 8, 500
	var busy atomic.Int32
	next := make([]int, putters)
	lane := pool.NewLane(newWorkers(t), new(pool.Buffers), 1<<20, func(b *pool.Batch[int]) {
		if busy.Add(1) != 1 {
			t.Error("two workers in one lane")
		}
		defer busy.Add(-1)
		for _, p := range b.Pieces {
			want := fmt.Sprintf("%d/%d", p.Owner, next[p.Owner])
			if got := string(b.Buf[p.Start:p.End]); got != want || p.Count != 1 {
				t.Errorf("got %q with count %d, want %q", got, p.Count, want)
			}
			next[p.Owner]++
		}
	})
	var wg sync.WaitGroup
	for owner := range putters {
		wg.Go(func() {
			for i := range each {
				if !lane.Put(owner, fmt.Appendf(nil, "%d/%d", owner, i), 1) {
					t.Error("refused below the limit")
				}
			}
		})
	}
	wg.Wait()
	lane.Wait()
	for owner, n := range next {
		if n != each {
			t.Errorf("owner %d: %d pieces, want %d", owner, n, each)
		}
	}
}

func TestLaneRefusesOverItsLimit(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 10)
	var worked atomic.Int32
	lane := pool.NewLane(newWorkers(t), new(pool.Buffers), 10, func(b *pool.Batch[string]) {
		started <- struct{}{}
		<-release
		worked.Add(int32(len(b.Pieces)))
	})
	lane.Put("first", []byte("x"), 1)
	<-started // the worker has the first batch; later requests wait in the next
	if !lane.Put("fits", bytes.Repeat([]byte("a"), 10), 1) {
		t.Error("10 bytes refused under a limit of 10")
	}
	if lane.Put("over", []byte("b"), 1) {
		t.Error("an eleventh byte was taken")
	}
	if pieces, size := lane.Depth(); pieces != 1 || size != 10 {
		t.Errorf("depth %d pieces, %d bytes", pieces, size)
	}
	close(release)
	lane.Wait()
	if worked.Load() != 2 {
		t.Errorf("%d pieces worked, want 2", worked.Load())
	}
}

func TestLaneSurvivesAPanic(t *testing.T) {
	caught := make(chan any, 1)
	workers := newWorkers(t, ants.WithPanicHandler(func(v any) { caught <- v }))
	var worked atomic.Int32
	lane := pool.NewLane(workers, new(pool.Buffers), 1<<10, func(b *pool.Batch[bool]) {
		if b.Pieces[0].Owner {
			panic("boom")
		}
		worked.Add(1)
	})
	lane.Put(true, []byte("x"), 1)
	if got := <-caught; got != "boom" {
		t.Fatalf("panic handler got %v", got)
	}
	lane.Put(false, []byte("y"), 1)
	lane.Wait()
	if worked.Load() != 1 {
		t.Fatal("the lane stopped after a panic")
	}
}

func TestLaneWorksOnAReleasedPool(t *testing.T) {
	workers := newWorkers(t)
	workers.Release()
	var worked atomic.Int32
	lane := pool.NewLane(workers, new(pool.Buffers), 1<<10, func(b *pool.Batch[int]) { worked.Add(1) })
	lane.Put(1, []byte("x"), 1)
	lane.Wait()
	if worked.Load() != 1 {
		t.Fatal("what was put into the lane is stranded")
	}
}

func TestLanePutDoesNotAllocate(t *testing.T) {
	lane := pool.NewLane(newWorkers(t), new(pool.Buffers), 1<<20, func(*pool.Batch[int]) {})
	frame := make([]byte, 80)
	round := func() {
		for range 100 {
			lane.Put(7, frame, 1)
		}
		lane.Wait()
	}
	for range 20 { // buffers and workers warm up
		round()
	}
	if allocs := testing.AllocsPerRun(100, round); allocs > 5 {
		t.Fatalf("%v allocations for a round of 100 pieces", allocs)
	}
}

// TestLaneReadsItsClockForABatch: once, when its first piece is put.
func TestLaneReadsItsClockForABatch(t *testing.T) {
	var now uint32
	var opened []uint32
	gate := make(chan struct{})
	lane := pool.NewLane(newWorkers(t), new(pool.Buffers), 1<<10, func(b *pool.Batch[int]) {
		opened = append(opened, b.Opened)
		<-gate
	})
	lane.Clock = func() uint32 { now++; return now }
	lane.Put(1, []byte("x"), 1)
	for {
		if pieces, _ := lane.Depth(); pieces == 0 { // the worker has it
			break
		}
	}
	for range 3 {
		lane.Put(1, []byte("y"), 1)
	}
	close(gate)
	lane.Wait()
	if !slices.Equal(opened, []uint32{1, 2}) {
		t.Errorf("the batches were opened at %v", opened)
	}
}

func TestBuffersReturnEmpty(t *testing.T) {
	var buffers pool.Buffers
	b := buffers.Get()
	b.B = append(b.B, "something"...)
	buffers.Put(b)
	for range 10 {
		if b := buffers.Get(); len(b.B) != 0 {
			t.Fatalf("a lent buffer holds %q", b.B)
		}
	}
}

func ExampleLane() {
	workers, _ := ants.NewPool(1, ants.WithNonblocking(true))
	defer workers.Release()
	lane := pool.NewLane(workers, new(pool.Buffers), 1<<20, func(b *pool.Batch[string]) {
		for _, p := range b.Pieces {
			fmt.Printf("%s: %s\n", p.Owner, b.Buf[p.Start:p.End])
		}
	})
	lane.Put("ann", []byte("buy 100"), 1)
	lane.Put("bob", []byte("sell 5"), 1)
	lane.Wait()
	// Output:
	// ann: buy 100
	// bob: sell 5
}

func ExampleBuffers() {
	var buffers pool.Buffers
	b := buffers.Get()
	defer buffers.Put(b)
	b.B = append(b.B, "frame"...)
	fmt.Println(b.Len())
	// Output: 5
}

func BenchmarkLane(b *testing.B) {
	lane := pool.NewLane(newWorkers(b), new(pool.Buffers), 1<<26, func(*pool.Batch[int]) {})
	frame := make([]byte, 80)
	b.ReportAllocs()
	for b.Loop() {
		lane.Put(1, frame, 1)
	}
	lane.Wait()
}
