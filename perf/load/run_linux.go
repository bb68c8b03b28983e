package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Run connects, warms up, measures for Options.Duration, waits for the open
// replies and returns what it measured.
//
// Before the load has begun a failure gives no report. Later it gives both: the
// report so far and ErrAllLost, ErrTooManyErrors or the context's error. Explain
// says what an error means.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Nonce == 0 {
		o.Nonce = rand.Uint32()
	}
	if err := checkFileLimit(o.Connections); err != nil {
		return nil, err
	}
	target, err := resolve(o.Addr, o.Sources)
	if err != nil {
		return nil, err
	}
	l, err := newLoop(o, target)
	if err != nil {
		return nil, err
	}
	return l.drive(ctx)
}

// spareFiles is what a process needs besides its connections.
const spareFiles = 16

func checkFileLimit(connections int) error {
	limit, err := raiseFileLimit()
	if err != nil {
		return err
	}
	if uint64(connections)+spareFiles > limit {
		return fmt.Errorf("load: %d connections, but only %d files may be open: %w", connections, limit, unix.EMFILE)
	}
	return nil
}

// drive runs the loop on a thread of its own and waits for it.
func (l *loop) drive(ctx context.Context) (*Report, error) {
	var report *Report
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Never unlocked: the thread ends with the goroutine, and its timer slack
		// with it.
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // coarser timers are no error
		report = l.run(ctx)
	}()
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() { defer close(stopped); l.stop() })
	l.watch(ended)
	<-ended
	if !cancel() {
		<-stopped
		if l.err == nil {
			l.err = context.Cause(ctx)
		}
	}
	l.close()
	return report, l.err
}

// watch shows progress until the run has ended.
func (l *loop) watch(ended <-chan struct{}) {
	if l.options.Progress == nil {
		return
	}
	newProgress(l.options.Progress, l.options.Connections).watch(l.live, ended)
}

// run is the whole of a run; nil if the load never began. Goroutine: the loop's.
func (l *loop) run(ctx context.Context) *Report {
	var server ServerUse
	if pid := l.options.ServerPID; pid > 0 {
		if _, l.err = readUsage(pid); l.err != nil {
			return nil
		}
		server.PID, server.Before = pid, readMemory(pid)
	}
	started := l.clock()
	l.ramp()
	if l.over() {
		return nil
	}
	report := l.newReport()
	report.ConnectSeconds = seconds(l.clock() - started)
	l.until(l.clock() + int64(l.options.Settle))
	if server.PID > 0 {
		server.Connected = readMemory(server.PID)
		report.Server = &server
	}
	allocations := l.startAllocations(ctx, report)
	l.load(ctx, report)
	l.drain()
	allocations.stop(ctx, l, report)
	l.noteEmptyLists(report)
	l.tally.fillReport(report)
	return report
}

// noteEmptyLists tells when the position lists that were asked for are empty.
func (l *loop) noteEmptyLists(r *Report) {
	if r.Workload == Positions && !slices.ContainsFunc(l.conns, func(c conn) bool { return c.rows > 0 }) {
		r.note("none of the customers has a position: take accounts that have")
	}
}

func (l *loop) newReport() *Report {
	o := l.options
	return &Report{
		Addr: o.Addr, Workload: o.Workload, Connections: o.Connections, Depth: o.Depth,
		Rate: o.Rate, Interval: o.Interval, Sources: o.Sources,
	}
}

// load warms up and measures. What can't be measured without disturbing comes
// after the window, while the load goes on.
func (l *loop) load(ctx context.Context, r *Report) {
	l.now = l.clock()
	l.window.begin = l.now + int64(l.options.Warmup)
	l.window.end = l.window.begin + int64(l.options.Duration)
	l.begin()
	l.live.loading.Store(true)
	if l.schedule != nil && !l.goesOn() {
		l.schedule.end = l.window.end
	}
	l.until(l.window.begin)
	m := l.startMeter()
	during := l.startDuring(ctx)
	l.tally.measuring = true
	l.until(l.window.end)
	l.tally.measuring = false
	m.stop(l, r)
	l.await(during)
	l.countSyscalls(r)
	l.sending = false
}

// goesOn says whether the load outlasts the window.
func (l *loop) goesOn() bool { return l.options.hooks.during != nil || l.countsSyscalls() }

// drain sends what was due within the window after all, and waits for the open
// replies and the pushes that belong to them.
func (l *loop) drain() {
	if l.schedule != nil {
		l.dispatchSchedule()
	}
	deadline := l.clock() + int64(l.options.Drain)
	for l.now < deadline && !l.over() && (l.open+l.owed > 0 || len(l.behind()) > 0) {
		l.turn(deadline)
	}
	if left := l.open + l.owed; left > 0 {
		l.tally.errors[unanswered] += uint64(left)
	}
	l.blameBehind()
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }
