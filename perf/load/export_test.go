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
	o = o.withDefaults()
	return newRequests(o, newWires(o)[0], nonce).frames
}

// Receiver is a connection that only receives.
type Receiver struct {
	l protocol
	c conn
}

// NewReceiver expects open replies to w with the ids 0, 1, ...
func NewReceiver(w Workload, open int) *Receiver { return NewReceiverOf(DialectPacket, w, open) }

func NewReceiverOf(d Dialect, w Workload, open int) *Receiver {
	r := &Receiver{
		l: protocol{tally: newTally(), accounts: []Account{{Customer: 1}}, group: 1},
		c: conn{state: ready, want: w.command(0).Reply(), nextID: uint64(open), sequenced: true},
	}
	r.c.wire = newWires(Options{Addr: "host:1", Dialect: d, Path: "/ws"})[0]
	r.c.frames.Client = true
	return r
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

func NewDrawing(line *progress.Line, n int) *Drawing {
	d := &Drawing{line: line}
	d.p = runProgress{live: &d.l, bar: line.Terminal(), connections: n}
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

// ChatClients is the check of the workload Chat for some connections. All messages are due at 0.
type ChatClients struct {
	l     protocol
	conns []conn
	nonce uint32
	Now   int64 // of the next Receive; 1000 at first
}

// NewChatClients returns n clients of a chat.
func NewChatClients(d Dialect, n int) *ChatClients {
	o := Options{Addr: "host:1", Dialect: d, Workload: Chat, Connections: n}.withDefaults()
	r := &ChatClients{l: protocol{tally: newTally(), accounts: []Account{{Customer: 1}}, group: 1}, conns: make([]conn, n), nonce: 0xc0ffee}
	r.l.chat, r.l.ownIsReply = newDeliveries(o, r.l.tally, r.nonce, r.conns), !d.hasCommands()
	r.l.chat.window, r.l.chat.due = &window{0, 1 << 60}, func(uint32, uint64) int64 { return 0 }
	r.Now = 1000
	r.l.clock, r.l.tally.measuring = func() int64 { return r.Now }, true
	for i := range r.conns {
		r.conns[i].number, r.conns[i].state, r.conns[i].wire = uint32(i), ready, newWires(o)[0]
		r.conns[i].nextID = 1 << 20
	}
	return r
}

// Text returns the text of a client's k-th message.
func (r *ChatClients) Text(client, k int) string {
	text := []byte(chatBody().Text)
	putMark(text, r.nonce, firstID(uint32(client))+uint64(r.l.chat.first)+uint64(k))
	return string(text)
}

// Receive checks the frames that a client receives. replies are its own messages.
func (r *ChatClients) Receive(client int, b []byte) (used, replies int, err error) {
	a, err := r.l.consume(&r.conns[client], b)
	return a.used, a.replies, err
}

// Forget makes all clients new.
func (r *ChatClients) Forget() {
	for i := range r.conns {
		r.conns[i].heard = 0
	}
}

// Latency returns the longest latency, and the longest of those that percentiles are from.
func (r *ChatClients) Latency() (longest, sampled int64) {
	return r.l.tally.longest, r.l.tally.latency.Max()
}

// Counts returns the deliveries and the errors so far.
func (r *ChatClients) Counts() (deliveries, sampled uint64, errors map[string]uint64) {
	t := newTally()
	t.errors = make(map[string]uint64)
	d := *r.l.chat
	d.tally = t
	d.writeTo(false)
	return r.l.tally.pushes[codec.PushChatMessage], uint64(r.l.tally.latency.TotalCount()), t.errors
}

// Quotes is the check of the workload Broadcast, within the window.
type Quotes struct{ b *broadcasts }

// NewQuotes is for n connections.
func NewQuotes(n int) Quotes {
	t := newTally()
	t.measuring = true
	return Quotes{newBroadcasts(Options{Connections: n}, t, 0)}
}

// Start forgets the quotes so far.
func (q Quotes) Start() { q.b.start() }

// Take counts a quote that a connection receives.
func (q Quotes) Take(connection int, body []byte) {
	q.b.take(&conn{number: uint32(connection), wire: packetWire{}}, body, 1000)
}

// Counts returns the quotes that have reached all, and those that have not.
func (q Quotes) Counts() (reached, incomplete uint64) {
	t := newTally()
	q.b.writeTo(t, false)
	return t.requests, t.errors[broadcastsIncomplete]
}
