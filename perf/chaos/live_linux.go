package chaos

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/perf/load"
)

// live is traffic that must not suffer from a fault: well-behaved clients on a fixed
// schedule, whose latency counts from the moment when a request was due.
type live struct {
	load.Options
	pairs int           // windows without and with the fault, in turn
	ready chan struct{} // not nil: the fault signals here when its window may start
}

// How long one window is measured.
const (
	liveWindow  = 4 * time.Second
	shortWindow = time.Second // for a run with a single pair, whose figures are not judged
	liveWarmup  = 500 * time.Millisecond
)

// comparison is the result of the live clients.
type comparison struct {
	quiet, beside load.Latency // of all windows together
	// p99Ratio compares the median of the windows with the fault to that of the others.
	// Other work of the machine raises only single windows of either kind.
	p99Ratio  float64
	p999Added time.Duration // the median of all pairs
	maxBeside time.Duration
	refused   uint64 // answers other than OK, and errors
	samples   []string
	kinds     map[string]uint64 // of the errors
}

// sideBySide measures the live clients without and with the fault, in turn. attack runs
// until its context ends, and may end the run.
func (l live) sideBySide(ctx context.Context, r *Run, attack func(ctx context.Context)) comparison {
	var c comparison
	var p99, p99Beside, added []float64
	quiet, beside := emptyHistogram(), emptyHistogram()
	for pair := range l.pairs {
		without, with := l.measure(ctx, nil), l.measure(ctx, attack)
		c.count(with)
		quiet.Merge(without.Histogram)
		beside.Merge(with.Histogram)
		p99, p99Beside = append(p99, without.Latency.P99), append(p99Beside, with.Latency.P99)
		added = append(added, with.Latency.P999-without.Latency.P999)
		r.Progress(pair+1, l.pairs, "pairs of windows")
	}
	c.quiet, c.beside = load.Summarize(quiet), load.Summarize(beside)
	c.p99Ratio = median(p99Beside) / median(p99)
	c.p999Added = microseconds(median(added)).Round(100 * time.Microsecond)
	c.maxBeside = microseconds(c.beside.Max)
	if c.refused > 0 {
		r.Broken("live clients lost %d requests: %v %q", c.refused, c.kinds, c.samples)
	}
	return c
}

// count adds the errors of the live clients in a window with the fault.
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

// measure runs the live clients for one window, beside attack unless it is nil. A window
// in which clients were lost counts too.
func (l live) measure(ctx context.Context, attack func(ctx context.Context)) *load.Report {
	attacking, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	if attack == nil {
		ended <- nil
	} else {
		go func() { ended <- onThread(func() { attack(attacking) }) }()
	}
	if attack != nil && l.ready != nil {
		select {
		case <-l.ready:
		case err := <-ended:
			check(fmt.Errorf("%w: the fault ended before it was ready: %w", ErrTooLittle, err))
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
	check(<-ended)
	check(ctx.Err())
	if report == nil {
		check(fmt.Errorf("chaos: live traffic: %w", err))
	}
	return report
}

// fullPairs is the smallest number of pairs whose figures are judged.
const fullPairs = 11

// figures adds a comparison to the verdict. most is the highest allowed ratio of p99 with
// and without the fault; it is judged only if enough was measured.
func (c comparison) figures(r *Run, most float64) {
	r.Figure("live requests", c.beside.Count, "")
	r.Figure("live p50 without the fault", microseconds(c.quiet.P50), "")
	r.Figure("live p50 beside the fault", microseconds(c.beside.P50), "")
	r.Figure("live p99 without the fault", microseconds(c.quiet.P99), "")
	r.Figure("live p99 beside the fault", microseconds(c.beside.P99), "")
	r.Figure("ratio of the two p99 (medians of the windows)", c.p99Ratio, "")
	r.Figure("added to live p99.9 (median of the pairs)", c.p999Added, "")
	r.Figure("live maximum beside the fault", c.maxBeside, "")
	if r.Rounds >= fullPairs && c.p99Ratio > most {
		r.Broken("live p99 is %.2f times that without the fault", c.p99Ratio)
	}
}

func emptyHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(time.Minute), 3)
}

func microseconds(us float64) time.Duration { return time.Duration(us * 1e3) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
