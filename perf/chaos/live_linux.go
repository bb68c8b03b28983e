package chaos

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"holdfast/perf/load"
)

// live is the traffic that must not feel a fault: well-behaved clients on a fixed
// schedule, whose latency is counted from the moment a request was meant to go out.
type live struct {
	load.Options
	pairs int           // windows without the fault and with it, in turn
	ready chan struct{} // not nil: the fault says so when a window with it may begin
}

// How long one window is measured.
const (
	liveWindow  = 4 * time.Second
	shortWindow = time.Second // of a run with a single pair, which shows no figures
	liveWarmup  = 500 * time.Millisecond
)

// comparison is what the live clients saw.
type comparison struct {
	quiet, beside load.Latency // of all windows together
	// p99Ratio compares the median of the windows with the fault with that of the
	// others: what else the machine does lifts single windows of either kind.
	p99Ratio  float64
	p999Added time.Duration // the median of all pairs
	maxBeside time.Duration
	refused   uint64 // answers that were not OK, and errors
	samples   []string
	kinds     map[string]uint64 // of the errors
}

// sideBySide measures the live clients without the fault and with it, in turn.
// attack goes on until its context ends.
func (l live) sideBySide(ctx context.Context, r *Run, attack func(ctx context.Context) error) (comparison, error) {
	var c comparison
	var p99, p99Beside, added []float64
	quiet, beside := emptyHistogram(), emptyHistogram()
	for pair := range l.pairs {
		without, err := l.measure(ctx, nil)
		if err != nil {
			return c, fmt.Errorf("chaos: live traffic alone: %w", err)
		}
		with, err := l.measure(ctx, attack)
		if err != nil {
			return c, err
		}
		c.count(with)
		quiet.Merge(without.Histogram)
		beside.Merge(with.Histogram)
		p99, p99Beside = append(p99, without.Latency.P99), append(p99Beside, with.Latency.P99)
		added = append(added, with.Latency.P999-without.Latency.P999)
		r.Progress(pair+1, l.pairs, "pairs of windows")
	}
	c.quiet, c.beside = summary(quiet), summary(beside)
	c.p99Ratio = median(p99Beside) / median(p99)
	c.p999Added = microseconds(median(added)).Round(100 * time.Microsecond)
	c.maxBeside = microseconds(c.beside.Max)
	return c, nil
}

// count notes what went wrong for the live clients in a window with the fault.
func (c *comparison) count(r *load.Report) {
	c.refused += r.ErrorCount()
	if c.kinds == nil {
		c.kinds = make(map[string]uint64)
	}
	for kind, n := range r.Errors {
		c.kinds[kind] += n
	}
	for _, n := range r.Results {
		c.refused += n
	}
	c.samples = append(c.samples, r.Samples...)
}

// measure runs the live clients for one window. A window in which clients were
// lost is a result, too.
func (l live) measure(ctx context.Context, attack func(ctx context.Context) error) (*load.Report, error) {
	attacking, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		if attack == nil {
			ended <- nil
			return
		}
		ended <- onThread(func() error { return attack(attacking) })
	}()
	if attack != nil && l.ready != nil {
		select {
		case <-l.ready:
		case err := <-ended:
			return nil, fmt.Errorf("%w: the fault ended before it was ready: %w", ErrTooLittle, err)
		}
	}
	o := l.Options
	window := liveWindow
	if l.pairs == 1 {
		window = shortWindow
	}
	o.Warmup, o.Duration = liveWarmup, cmp.Or(o.Duration, window)
	o.MaxErrors, o.ConnectTimeout, o.Drain = -1, patience, patience
	report, err := load.Run(ctx, o)
	cancel()
	if failed := <-ended; failed != nil {
		return nil, failed
	}
	if report == nil || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return report, nil
}

// figures puts a comparison into the verdict.
func (c comparison) figures(r *Run) {
	r.Figure("live requests", c.beside.Count, "")
	r.Figure("live p50 alone", microseconds(c.quiet.P50), "")
	r.Figure("beside the fault", microseconds(c.beside.P50), "")
	r.Figure("live p99 alone", microseconds(c.quiet.P99), "")
	r.Figure("p99 beside the fault", microseconds(c.beside.P99), "")
	r.Figure("ratio of p99, medians of windows", c.p99Ratio, "")
	r.Figure("p99.9 added, median of pairs", c.p999Added, "")
	r.Figure("live maximum beside the fault", c.maxBeside, "")
}

// kept says that the live clients got every answer.
func (c comparison) kept(r *Run) {
	if c.refused > 0 {
		r.Broken("live clients lost %d requests: %v %q", c.refused, c.kinds, c.samples)
	}
}

func emptyHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(time.Minute), 3)
}

func summary(h *hdrhistogram.Histogram) load.Latency {
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return load.Latency{
		Count: uint64(h.TotalCount()), Mean: h.Mean() / 1e3,
		P50: us(50), P90: us(90), P99: us(99), P999: us(99.9), Max: float64(h.Max()) / 1e3,
	}
}

func microseconds(us float64) time.Duration { return time.Duration(us * 1e3) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// Customers of the shipped seed file, and what they trade.
const (
	firstCustomer = 100_001
	customers     = 100
)

// instrument returns one of the shipped instruments.
func instrument(n int) [2]string {
	markets := [2]struct {
		name string
		code int
	}{{"ALFA", 600_100}, {"BETA", 300_100}}
	m := markets[n%2]
	return [2]string{m.name, strconv.Itoa(m.code + n/2%10)}
}

// demoToken is the token of a customer of the shipped seed file.
func demoToken(customer uint32) []byte {
	sum := sha256.Sum256([]byte("holdfast demo token " + strconv.FormatUint(uint64(customer), 10)))
	return sum[:]
}

// demoAccounts returns n shipped customers, from the first one on.
func demoAccounts(n int) []load.Account {
	var accounts []load.Account
	for i := range uint32(n) {
		accounts = append(accounts, load.Account{Customer: firstCustomer + i, Token: demoToken(firstCustomer + i)})
	}
	return accounts
}

// onOneCore gives the server one core, and this process another until the end of
// the run, so that a fault is not measured by what its making costs. With a single
// core, or without taskset, nothing is pinned.
func (r *Run) onOneCore(o ServerOptions) ServerOptions {
	var before unix.CPUSet
	if unix.SchedGetaffinity(0, &before) != nil {
		return o
	}
	cores := make([]int, 0, 2)
	for core := 0; core < len(before)*64 && len(cores) < 2; core++ {
		if before.IsSet(core) {
			cores = append(cores, core)
		}
	}
	if len(cores) < 2 {
		r.Figure("cores", len(cores), "(server and clients shared it)")
		return o
	}
	var own unix.CPUSet
	own.Set(cores[1])
	setAffinity(&own)
	procs := runtime.GOMAXPROCS(clientProcs)
	r.Cleanup(func() error { setAffinity(&before); runtime.GOMAXPROCS(procs); return nil })
	o.Prefix = append([]string{"taskset", "-c", strconv.Itoa(cores[0])}, o.Prefix...)
	o.Env = append(o.Env, "GOMAXPROCS=1")
	return o
}

// clientProcs is GOMAXPROCS of this process on its one core. Go would make it 1
// there, and let the thread of the fault keep the live clients from running for 10 ms
// at a time; of several the kernel runs the one with the higher priority at once.
const clientProcs = 4

// setAffinity sets the cores of all threads. Twice, since a thread that was not
// moved yet may have made another while the list was read.
func setAffinity(set *unix.CPUSet) {
	for range 2 {
		threads, _ := os.ReadDir("/proc/self/task") // always there
		for _, thread := range threads {
			if id, err := strconv.Atoi(thread.Name()); err == nil {
				_ = unix.SchedSetaffinity(id, set) // it may have ended
			}
		}
	}
}
