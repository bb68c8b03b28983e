//go:build linux

package load

import (
	"context"
	"io"
	"time"

	"holdfast/codec"
)

// What the black-box tests may touch of the inside.

type (
	Flights = flights
	Timers  = timers
	Sched   = schedule
)

var (
	NewSched  = newSchedule
	ParseStat = parseStat
)

func (f *Flights) Push(at int64, n int)         { f.push(at, n) }
func (f *Flights) Take(limit int) (int64, int)  { t := f.take(limit); return t.at, t.n }
func (f *Flights) Empty() bool                  { return len(f.queue) == 0 }
func (t *Timers) Push(due int64, c uint32)      { t.push(timer{due: due, connection: c}) }
func (t *Timers) Pop() (int64, uint32)          { p := t.pop(); return p.due, p.connection }
func (t *Timers) Next() (int64, bool)           { return t.next() }
func (s *Sched) Take(now int64) (uint32, bool)  { return s.take(now) }
func (s *Sched) DueOf(c uint32, k uint64) int64 { return s.dueOf(c, k) }
func (s *Sched) EndAt(moment int64)             { s.end = moment }

// Requests gives the frames of a workload.
func Requests(o Options) func(first uint64, n int) []byte { return newRequests(o.withDefaults()).fill }

// Receiver is a connection that only receives.
type Receiver struct {
	l protocol
	c conn
}

// NewReceiver expects open replies to w with the ids 0, 1, ...
func NewReceiver(w Workload, open int) *Receiver {
	return &Receiver{
		l: protocol{tally: newTally(), accounts: []Account{{Customer: 1}}, group: 1, nonce: 1},
		c: conn{state: ready, want: w.command().Reply(), nextID: uint64(open), sequenced: true},
	}
}

// Consume takes the whole frames of b and says what they were.
func (r *Receiver) Consume(b []byte) (used, replies int, err error) {
	a, err := r.l.consume(&r.c, b)
	return a.used, a.replies, err
}

// Reopen expects the same replies again.
func (r *Receiver) Reopen(open int) { r.c.nextReply, r.c.nextID = 0, uint64(open) }

// Refusals counts the replies of one result code.
func (r *Receiver) Refusals(code codec.Result) uint64 { return r.l.tally.results[code] }

// Drawing draws a progress of n connections.
type Drawing struct {
	l live
	p *progress
}

func NewDrawing(w io.Writer, n int) *Drawing { return &Drawing{p: newProgress(w, n)} }

// Second shows the state after one more second.
func (d *Drawing) Second(ready, answered, errors uint64, loading bool) {
	d.l.ready.Store(ready)
	d.l.answered.Store(answered)
	d.l.errors.Store(errors)
	d.l.loading.Store(loading)
	d.p.draw(&d.l)
}

func (u usage) Seconds() (user, system float64) { return u.user.Seconds(), u.system.Seconds() }

// Fold computes a cell's metrics from its reports.
func Fold(c *CellResult, reference, baseline string) { c.fold(reference, baseline) }

// JudgeBound decides whether the generator was the limit.
func JudgeBound(r *Report) bool {
	r.judgeBound()
	return r.GeneratorBound
}

// Share gives a use of CPU in cores and in microseconds per request.
func Share(cpu, user, system, elapsed time.Duration, requests uint64) (busy, total, inUser, inSystem float64) {
	s := usage{cpu: cpu, user: user, system: system}.perRequest(elapsed, requests)
	return s.busy, s.total, s.user, s.system
}

// WithHooks gives a run what Compare gives it.
func WithHooks(o Options, during func(context.Context) error, mallocs func(context.Context) (uint64, error)) Options {
	o.hooks = hooks{during: during, mallocs: mallocs}
	return o
}

// SyscallAdvice says why system calls can't be counted here; empty if they can.
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
// with width 0, on a file.
type SeriesDrawing struct {
	p   *seriesProgress
	now time.Time
}

func NewSeriesDrawing(w io.Writer, p Plan, width int) *SeriesDrawing {
	d := &SeriesDrawing{p: newSeriesProgress(w, p.withDefaults())}
	d.p.now = func() time.Time { return d.now }
	d.p.began = d.now
	if width > 0 {
		d.p.terminal = &terminal{w: w, width: func() int { return width }}
	}
	return d
}

func (d *SeriesDrawing) Begin(c Cell, server string) { d.p.begin(c, server) }
func (d *SeriesDrawing) End(r *Report, err error)    { d.p.end(r, err) }
func (d *SeriesDrawing) Pass(passed time.Duration)   { d.now = d.now.Add(passed); d.p.redraw() }
