package load

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/perf/process"
	"holdfast/perf/progress"
)

// Run connects, warms up, measures for Options.Duration, waits for the open replies and
// returns a report.
//
// If it fails before the load starts, there is no report. Later it returns both: the
// report so far and ErrAllLost, ErrTooManyErrors or the context's error. Explain returns
// what an error means.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkFileLimit(o.Connections); err != nil {
		return nil, err
	}
	targets, err := endpointsOf(o)
	if err != nil {
		return nil, err
	}
	l, err := newLoop(ctx, o, targets)
	if err != nil {
		return nil, err
	}
	return l.drive()
}

// spareFiles is how many files a process needs besides its connections.
const spareFiles = 16

func checkFileLimit(connections int) error {
	limit, err := process.RaiseFileLimit()
	if err != nil {
		return err
	}
	if uint64(connections)+spareFiles > limit {
		return fmt.Errorf("load: %d connections do not fit the limit of %d open files: %w", connections, limit, unix.EMFILE)
	}
	return nil
}

// drive runs the loop on a separate thread and waits for it.
func (l *loop) drive() (report *Report, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Never unlocked, so that the thread, with its timer slack, ends with the
		// goroutine.
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // on an error timers are only coarser
		report = l.run()
		l.stopHandshakes()
	}()
	line := progress.New(l.options.Progress)
	p := runProgress{live: l.live, bar: line.Terminal(), connections: l.options.Connections}
	stopWatch := line.Watch(time.Second, p.text)
	<-ended
	stopWatch()
	l.close()
	return report, cmp.Or(l.err, context.Cause(l.ctx))
}

// run does the complete run. It returns nil if the load never started. Goroutine: the
// loop's.
func (l *loop) run() *Report {
	var server ServerUse
	if pid := l.options.ServerPID; pid > 0 {
		if _, l.err = process.ReadUsage(pid); l.err != nil {
			return nil
		}
		server.PID, server.Before = pid, Memory(process.ReadMemory(pid))
	}
	started := l.clock()
	l.ramp()
	if l.over() {
		return nil
	}
	o := l.options
	report := &Report{
		Addr: o.Addr, Dialect: o.Dialect, TLS: o.TLS != nil, Workload: o.Workload, Connections: o.Connections, Depth: o.Depth,
		Rate: o.Rate, Interval: o.Interval, Sources: o.Sources,
		ConnectSeconds: time.Duration(l.clock() - started).Seconds(),
	}
	l.until(l.clock() + int64(o.MemoryWait))
	if server.PID > 0 {
		server.Connected = Memory(process.ReadMemory(server.PID))
		report.Server = &server
	}
	stopAllocations := l.startAllocations(report)
	l.load(report)
	l.drain()
	stopAllocations()
	l.warnOfNothing(report)
	if text := o.sharedAccounts(); text != "" {
		report.warn("%s", text)
	}
	l.tally.writeTo(report)
	return report
}

// warnOfNothing adds a warning if all position lists are empty, or no quote came.
func (l *loop) warnOfNothing(r *Report) {
	switch {
	case r.Workload == Positions && !slices.ContainsFunc(l.conns, func(c conn) bool { return c.rows > 0 }):
		r.warn("no customer has a position: use accounts with positions")
	case r.Workload == Broadcast && l.tally.pushes[codec.PushQuote] == 0:
		r.warn("no quote came: start the server with moving prices (holdfast serve --price-moves 5/s)")
	}
}

// load warms up and measures. Measurements that disturb the server follow after the
// window, while the load continues.
func (l *loop) load(r *Report) {
	l.now = l.clock()
	l.window.start = l.now + int64(l.options.Warmup)
	l.window.end = l.window.start + int64(l.options.Duration)
	l.startLoad()
	l.live.loading.Store(true)
	if l.schedule != nil && !l.goesOn() {
		l.schedule.end = l.window.end
	}
	l.until(l.window.start)
	m := l.startMeter()
	awaitHook := l.startDuring()
	l.live.warm.Store(true)
	l.tally.measuring = true
	l.until(l.window.end)
	l.tally.measuring = false
	m.stop(l, r)
	awaitHook()
	l.countSyscalls(r)
	l.sending = false
}

// goesOn reports whether the load continues after the window.
func (l *loop) goesOn() bool { return l.options.During != nil || l.countsSyscalls() }

// drain sends late requests that were due within the window, and waits for the open
// replies and their pushes. A run that ends early does not wait, so what is open then is
// no error.
func (l *loop) drain() {
	if l.schedule != nil {
		l.dispatchSchedule()
	}
	deadline := l.clock() + int64(l.options.Drain)
	for l.now < deadline && !l.over() && (l.open+l.owed > 0 || l.awaiting()) {
		l.iterate(deadline)
	}
	cut := l.over()
	if !cut {
		addCount(l.tally.errors, unanswered, uint64(l.open+l.owed))
		l.countLagging()
	}
	if l.protocol.chat != nil {
		l.protocol.chat.writeTo(cut)
	}
	if l.protocol.quotes != nil {
		l.protocol.quotes.writeTo(l.tally, cut)
	}
}
