//go:build linux

package load

import (
	"io"
	"time"

	"holdfast/codec"
	"holdfast/perf/process"
	"holdfast/perf/progress"
)

// Internals that the black-box tests use.

type (
	Flights = flights
	Timers  = timers
	Sched   = schedule
)

var NewSched = newSchedule

func (f *Flights) Push(at int64, n int)         { f.push(at, n) }
func (f *Flights) Take(limit int) (int64, int)  { t := f.take(limit); return t.at, t.n }
func (f *Flights) Empty() bool                  { return len(f.queue) == 0 }
func (t *Timers) Push(due int64, c uint32)      { t.push(timer{due: due, connection: c}) }
func (t *Timers) Pop() (int64, uint32)          { p := t.pop(); return p.due, p.connection }
func (t *Timers) Next() (int64, bool)           { return t.next() }
func (s *Sched) Take(now int64) (uint32, bool)  { return s.take(now) }
func (s *Sched) DueOf(c uint32, k uint64) int64 { return s.dueOf(c, k) }
func (s *Sched) EndAt(moment int64)             { s.end = moment }

// Requests returns the frames of a workload. Client order ids start with nonce.
func Requests(o Options, nonce uint32) func(first uint64, n int) []byte {
	return newRequests(o.withDefaults(), nonce).frames
}

// Receiver is a connection that only receives.
type Receiver struct {
	l protocol
	c conn
}

// NewReceiver expects open replies to w with the ids 0, 1, ...
func NewReceiver(w Workload, open int) *Receiver {
	return &Receiver{
		l: protocol{tally: newTally(), accounts: []Account{{Customer: 1}}, group: 1},
		c: conn{state: ready, want: w.command().Reply(), nextID: uint64(open), sequenced: true},
	}
}

// Consume checks the complete frames of b and returns what they were.
func (r *Receiver) Consume(b []byte) (used, replies int, err error) {
	a, err := r.l.consume(&r.c, b)
	return a.used, a.replies, err
}

// Reopen expects the same replies again.
func (r *Receiver) Reopen(open int) { r.c.nextReply, r.c.nextID = 0, uint64(open) }

// Refusals counts the replies of one result code.
func (r *Receiver) Refusals(code codec.Result) uint64 { return r.l.tally.results[code] }

// Drawing draws the progress of a run with n connections.
type Drawing struct {
	l    live
	p    runProgress
	line *progress.Line
}

func NewDrawing(w io.Writer, n int) *Drawing {
	d := &Drawing{line: progress.New(w)}
	d.p = runProgress{live: &d.l, connections: n}
	return d
}

// WarmedUp ends the warm-up.
func (d *Drawing) WarmedUp() { d.l.warm.Store(true) }

// Second shows the state after one more second, with two pushes for each answer.
func (d *Drawing) Second(ready, answered, errors uint64, loading bool) {
	d.l.pushed.Store(2 * answered)
	d.l.ready.Store(ready)
	d.l.answered.Store(answered)
	d.l.errors.Store(errors)
	d.l.loading.Store(loading)
	d.line.Show(d.p.text())
}

// SharedAccounts returns the warning about accounts that connections share.
func SharedAccounts(o Options) string { return o.withDefaults().sharedAccounts() }

// Fold computes a cell's metrics from its reports.
func Fold(c *CellResult, reference, baseline string) { c.fold(reference, baseline) }

// JudgeBound decides whether the generator was the limit.
func JudgeBound(r *Report) bool {
	r.judgeBound()
	return r.GeneratorBound
}

// UseOf returns a use of CPU in cores and in microseconds per request.
func UseOf(cpu, user, system, elapsed time.Duration, requests uint64) CPUUse {
	return useOf(process.Usage{CPU: cpu, User: user, System: system}, elapsed, requests)
}

// SyscallAdvice returns why system calls can't be counted here, or "".
func SyscallAdvice() string { return syscallAdvice() }

// CountSyscallsOf counts the system calls of a process from now on.
func CountSyscallsOf(pid int) (read func() uint64, stop func(), err error) {
	c, err := countSyscallsOf(pid)
	if err != nil {
		return nil, nil, err
	}
	return c.read, c.close, nil
}

// SeriesDrawing draws the progress of a Plan, on a terminal of some width or,
// with width 0, on a file. Goroutine: one in a bubble of testing/synctest.
type SeriesDrawing struct {
	p *seriesProgress
}

func NewSeriesDrawing(w io.Writer, p Plan, width int) SeriesDrawing {
	d := SeriesDrawing{newSeriesProgress(w, p.withDefaults())}
	if width > 0 {
		d.p.line = progress.NewTerminal(w, width)
	}
	return d
}

func (d SeriesDrawing) Start(c Cell, server string) { d.p.runStarts(c, server) }
func (d SeriesDrawing) End(r *Report, err error)    { d.p.runEnds(r, err) }

func (d SeriesDrawing) Pass(passed time.Duration) {
	time.Sleep(passed)
	d.p.redraw()
}
