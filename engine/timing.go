package engine

import (
	"sync/atomic"
	"time"

	"holdfast/codec"
)

// What an event loop and its lane measure. It must cost next to nothing per request, and a look at
// the clock takes up to 150 ns on a virtual machine. So only samples are measured, at most some
// samplesPerTick in a tick of the loop's clock (1,000 a second); a request that is no sample reads
// no clock.
//
// A sample is one request of the piece that opened a batch of the lane: of what one session had
// sent when the lane had nothing waiting. While requests come one at a time, and not too many, that
// is every one of them. Under load it is one of those that waited longest, as the pieces that came
// after it share the batch, and only one batch of several has one. Of the requests executed on the
// event loop it is one of the first session in an iteration of the loop.
//
// Its time begins when the event loop has read it from the socket, and ends when its reply was
// written to the socket, or queued after earlier output that the client has not read; so it has
// the wait for the lane, the handler, the commit for which an order's reply waits, and the wait
// for replies to earlier requests. Not in it: the time in the kernel's buffers (loopLag is near to
// that), and the time during which the lane is full or the session has sent too much at once.

// stamp is a time in microseconds since the start of the core, and never 0. It wraps after 71
// minutes, so what takes longer is measured too short.
type stamp uint32

func (c *Core) stamp() stamp { return max(1, stamp(time.Since(c.started)/time.Microsecond)) }

func (s stamp) until(later stamp) time.Duration { return time.Duration(later-s) * time.Microsecond }

// sampled says which of the next messages of a context is a sample, counted from 1, and when
// it came. The zero value: none of them.
type sampled struct {
	number int
	taken  stamp
}

// of returns taken if the message is the sample, else 0.
func (s *sampled) of(number int) stamp {
	if number != s.number {
		return 0
	}
	return s.taken
}

// sample chooses one of the next messages of the context. It takes turns, so that no command is
// left out because of its place. taken is 0 if none is to be measured.
func (c *Context) sample(taken stamp, messages int) {
	c.sampled = sampled{number: 1 + int(c.serves%uint64(messages)), taken: taken}
}

// sample is a request that is measured and has been answered.
type sample struct {
	session   *Session
	number    uint32
	taken     stamp
	command   codec.Command
	unordered bool
}

// The slots of timing.requests: one for each command of requests; the others share the first.
const (
	requestCommands = 0x40
	otherCommands   = 0
)

// maxUnwritten bounds the samples that wait for replies to earlier requests. More are not counted.
const maxUnwritten = 64

// timing is what one event loop and its lane have measured.
type timing struct {
	requests  [requestCommands]histogram
	laneWait  histogram // of the first piece of each batch
	loopLag   histogram // of each clockTask
	unwritten []sample  // their replies wait for earlier ones. Goroutine: event loop

	seen atomic.Uint32 // batches and iterations in this tick
	skip atomic.Uint32 // how many of them are not measured, for one that is
}

// samplesPerTick is how many batches and iterations of a loop are measured in a tick, if it has as
// many as in the tick before.
const samplesPerTick = 256

// pick reports whether to measure the next batch or iteration. Goroutine: any.
func (t *timing) pick() bool { return t.seen.Add(1)%(t.skip.Load()+1) == 0 }

// tick is called at each tick of the loop's clock. Goroutine: event loop.
func (t *timing) tick() { t.skip.Store(t.seen.Swap(0) / samplesPerTick) }

// written counts the samples whose replies are written, and keeps those that wait.
// Goroutine: event loop.
func (t *timing) written(answered []sample, now stamp) {
	t.unwritten = append(t.unwritten, answered[:min(len(answered), maxUnwritten-len(t.unwritten))]...)
	waiting := t.unwritten[:0]
	for _, s := range t.unwritten {
		switch {
		case s.session.closed:
		case !s.unordered && int32(s.session.replied-s.number) <= 0:
			waiting = append(waiting, s)
		default:
			t.requests[slotOf(s.command)].add(s.taken.until(now))
		}
	}
	clear(t.unwritten[len(waiting):])
	t.unwritten = waiting
}

func slotOf(c codec.Command) int {
	if c < requestCommands {
		return int(c)
	}
	return otherCommands
}

// bounds are the upper bounds of a histogram's buckets.
var bounds = [...]time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// histogram counts durations. Goroutine: any.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	n := 0
	for n < len(bounds) && d > bounds[n] {
		n++
	}
	h.counts[n].Add(1)
	h.sum.Add(int64(d))
}

// Durations are counted durations.
type Durations struct {
	Counts [len(bounds) + 1]uint64 // by bucket; those of the last are above all bounds
	Sum    time.Duration
}

// DurationBounds returns the upper bounds of the buckets of Durations.
func DurationBounds() []time.Duration { return append([]time.Duration(nil), bounds[:]...) }

func (d *Durations) add(h *histogram) {
	for i := range h.counts {
		d.Counts[i] += h.counts[i].Load()
	}
	d.Sum += time.Duration(h.sum.Load())
}

// Timings are what the event loops of a Reactor and their lanes have measured since the start.
// Other carriers measure nothing.
type Timings struct {
	// Requests are the times from the request, read from the socket, to its reply, written.
	// They are of samples: one request of a batch of a lane, one of those that run on the event
	// loop in an iteration, 1,000 a second of each loop at most. The commands are those with
	// a handler.
	Requests map[codec.Command]Durations
	// OtherRequests are those of all other commands.
	OtherRequests Durations
	// LaneWait is how long the first requests of each batch waited for the lane's worker.
	LaneWait Durations
	// LoopLag is how long a task waited for the event loop, measured at each tick.
	LoopLag Durations
}

// Timings adds up what the carriers have measured. Goroutine: any.
func (c *Core) Timings() Timings {
	t := Timings{Requests: make(map[codec.Command]Durations)}
	for cmd := range c.router.routes[:requestCommands] {
		d := &t.OtherRequests
		handled := c.router.routes[cmd].handler != nil
		if handled {
			d = new(Durations)
		}
		for _, g := range c.groups {
			d.add(&g.timing.requests[cmd])
		}
		if handled {
			t.Requests[codec.Command(cmd)] = *d
		}
	}
	for _, g := range c.groups {
		t.LaneWait.add(&g.timing.laneWait)
		t.LoopLag.add(&g.timing.loopLag)
	}
	return t
}
