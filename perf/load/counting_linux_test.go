package load_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/perf/load"
)

// needSyscalls skips the test if the kernel does not allow counting. CI containers lack
// the privilege too, so it is not a failure there.
func needSyscalls(t *testing.T) {
	t.Helper()
	if advice := load.SyscallAdvice(); advice != "" {
		t.Skip("skip: ", advice)
	}
}

func TestSyscallsOfAllThreadsAreCounted(t *testing.T) {
	needSyscalls(t)
	read, stop, err := load.CountSyscallsOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	const threads, calls = 50, 200 // more threads at once than there were
	before := read()
	var all, standing sync.WaitGroup
	standing.Add(threads)
	for range threads {
		all.Go(func() {
			runtime.LockOSThread()
			standing.Done()
			standing.Wait()
			for range calls {
				unix.Getppid()
			}
		})
	}
	all.Wait()
	if got := read() - before; got < threads*calls || got > 2*threads*calls {
		t.Errorf("%d system calls, want %d and some", got, threads*calls)
	}
}

func TestRunCountsSyscalls(t *testing.T) {
	needSyscalls(t)
	cases := []struct {
		name   string
		change func(o *load.Options)
		want   bool
	}{
		{"closed loop", func(*load.Options) {}, true},
		{"open loop", func(o *load.Options) { o.Rate = 2000 }, true},
		{"slow", func(o *load.Options) {
			o.Interval = load.Interval{Min: 10 * time.Millisecond, Max: 20 * time.Millisecond}
		}, true},
		{"not asked for", func(o *load.Options) { o.CountSyscalls = false }, false},
		{"no process", func(o *load.Options) { o.ServerPID = 0 }, false},
		{"idle", func(o *load.Options) { o.Workload = load.Idle }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := short(fakeServer(t, answer))
			o.Duration, o.ServerPID, o.CountSyscalls, o.MemoryWait = 10*time.Millisecond, os.Getpid(), true, time.Millisecond
			c.change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil || r.ErrorCount() != 0 {
				t.Fatalf("error %v, errors %v", err, r.Errors)
			}
			counted := r.Server != nil && r.Server.SyscallsPerRequest != nil && *r.Server.SyscallsPerRequest > 0
			if counted != c.want {
				t.Errorf("counted: %v, want %v", counted, c.want)
			}
		})
	}
}

// mallocs is a counter that rises by 7 per reading.
type mallocs struct {
	readings atomic.Uint64
	load     uint64 // added by the load before the last reading
	fails    uint64 // this reading fails
}

func (m *mallocs) read(context.Context) (uint64, error) {
	n := m.readings.Add(1)
	if n == m.fails {
		return 0, errors.New("counter gone")
	}
	total := 1000 + 7*n
	if n == 4 {
		total += m.load
	}
	return total, nil
}

func TestRunCountsAllocations(t *testing.T) {
	cases := []struct {
		name     string
		counter  mallocs
		counted  bool
		perReply float64
	}{
		{"a reading's own are left out", mallocs{}, true, 0},
		{"some for each reply", mallocs{load: 1 << 40}, true, 1 << 40},
		{"no reading before", mallocs{fails: 1}, false, 0},
		{"no reading after", mallocs{fails: 4}, false, 0},
	}
	for i := range cases {
		c := &cases[i]
		t.Run(c.name, func(t *testing.T) {
			var replies atomic.Uint64
			o := short(fakeServer(t, func(p *peer, m codec.Message) {
				if p.n > 0 {
					replies.Add(1)
				}
				answer(p, m)
			}))
			o.Warmup, o.ServerPID, o.MemoryWait = 20*time.Millisecond, os.Getpid(), time.Millisecond
			o.Mallocs = c.counter.read
			r, err := load.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			got := r.Server.AllocsPerRequest
			if (got != nil) != c.counted || (len(r.Notes) == 0) != c.counted {
				t.Fatalf("allocations %v, notes %q", got, r.Notes)
			}
			if want := c.perReply / float64(replies.Load()); got != nil && *got != want {
				t.Errorf("%v per request, want %v: those of the warm-up count too", *got, want)
			}
		})
	}
}

// The load continues until During has returned.
func TestRunGoesOnBesideItsHook(t *testing.T) {
	var n atomic.Int64
	enough := make(chan struct{})
	o := short(fakeServer(t, func(p *peer, m codec.Message) {
		if n.Add(1) == 50_000 {
			close(enough)
		}
		answer(p, m)
	}))
	o.Duration = time.Millisecond
	o.During = func(ctx context.Context) error {
		select {
		case <-enough:
			return nil
		case <-time.After(20 * time.Second):
			return errors.New("the load has stopped")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 {
		t.Errorf("error %v, report %+v", err, r)
	}
	if r.Requests >= 50_000 {
		t.Errorf("%d requests: what came after the window was counted", r.Requests)
	}
}

func TestRunFailsWithItsHook(t *testing.T) {
	broken := errors.New("no profile")
	o := short(fakeServer(t, answer))
	o.During = func(context.Context) error { return broken }
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the hook's", err)
	}
}

func TestRunEndsItsHook(t *testing.T) {
	o := long(fakeServer(t, from(50, func(p *peer, _ codec.Message) { p.hangUp(true) })))
	o.During = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrAllLost) || strings.Contains(err.Error(), "beside") {
		t.Errorf("error %v, want that of the run", err)
	}
}
