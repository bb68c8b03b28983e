package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"

	"holdfast/codec"
	"holdfast/pool"
)

// laneChunk is how many pieces a lane executes before it posts their replies, so that the
// first do not wait for the last.
const laneChunk = 64

// loop is one event loop with its lane. Goroutine: the event loop, except where
// a method says otherwise.
type loop struct {
	core   *Core
	index  int
	events gnet.EventLoop
	bound  chan struct{} // closed when events is set
	lane   *pool.Lane[*Session]

	worker    *Context // Goroutine: lane
	heldBytes int      // of all heldRequests. Goroutine: lane

	onLoop       *Context // for handlers on the loop
	runRequested bool     // onLoop has replies, and asked for a Run
	runs         uint32   // Runs that wrote replies of onLoop, from 1 on

	messages, answers []byte // scratch space of the WebSocket sessions
	opened, sealed    []byte // of the TLS sessions
	records           []byte // lent to their connections

	refused int // refusedConns

	queue     queue
	blocked   []*Session // their frames wait because the lane is full
	clockTask clockTask
	asked     laneQuestions

	// Sessions that wait for their output, and when to look at them; see look.
	watched     []*Session
	lookTimer   *time.Timer
	lookTime    time.Duration
	lookStarted bool

	// Posted batches that wait for the loop. Goroutine: any.
	mu     sync.Mutex
	posted []*Batch
	spare  []*Batch // the previous slice of posted, empty
	due    bool     // Run was handed to gnet and has not started
	// What else the next Run does.
	newlyHeld  []*Session
	handshakes []*Session // that continue; see continueHandshake
	lookDue    bool
	flushDue   bool // of the feeds
}

func newLoop(c *Core, tick time.Duration) *loop {
	l := &loop{core: c, bound: make(chan struct{}), worker: c.NewContext(), onLoop: c.NewContext(), runs: 1}
	l.worker.mostDue, l.onLoop.mostDue = c.dueLimit, c.dueLimit
	l.onLoop.out = &Outbox{core: c, kind: fromLoop}
	l.index = c.AddCarrier(l)
	c.groups[l.index].feeds = &feedFlusher{loop: l}
	c.groups[l.index].startClock(&c.limits, tick, time.Now())
	l.queue.loop, l.clockTask.loop = l, l
	l.lane = pool.NewLane(c.workers, &c.buffers, c.limits.LaneBytes, l.work)
	l.lane.Clock = func() uint32 { return uint32(l.sampleStamp()) }
	c.groups[l.index].depth = l.lane.Depth
	return l
}

// Post implements Carrier. gnet gets one task for any number of batches: it runs more than
// some 1,000 tasks out of order. Goroutine: any.
func (l *loop) Post(b *Batch) { l.requestRun(b) }

// postHandshake makes the loop call continueHandshake. Goroutine: any.
func (l *loop) postHandshake(s *Session) {
	l.mu.Lock()
	l.handshakes = append(l.handshakes, s)
	l.mu.Unlock()
	l.requestRun(nil)
}

// requestRun makes gnet call Run, which also writes b if it is not nil.
func (l *loop) requestRun(b *Batch) {
	l.mu.Lock()
	if b != nil {
		l.posted = append(l.posted, b)
	}
	first := !l.due
	l.due = true
	l.mu.Unlock()
	if !first {
		return
	}
	if err := l.events.Execute(context.Background(), l); err != nil { // the loop has ended
		for _, b := range l.takePosted() {
			b.Discard()
		}
	}
}

func (l *loop) takePosted() []*Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	posted := l.posted
	l.posted, l.spare, l.due = l.spare, nil, false
	return posted
}

// Run implements gnet.Runnable: it writes the posted batches. Replies from handlers on
// the loop go first: their sessions have nothing in flight.
func (l *loop) Run(context.Context) error {
	l.runRequested = false
	l.onLoop.out.flush()
	l.runs++
	posted := l.takePosted()
	for i, b := range posted {
		b.Flush()
		posted[i] = nil
	}
	l.mu.Lock()
	l.spare = posted[:0]
	held, look, flush, handshakes := l.newlyHeld, l.lookDue, l.flushDue, l.handshakes
	l.newlyHeld, l.lookDue, l.flushDue, l.handshakes = nil, false, false, nil
	l.mu.Unlock()
	for _, s := range handshakes {
		l.continueHandshake(s)
	}
	if flush {
		l.core.groups[l.index].feeds.flush()
	}
	if look || held != nil {
		l.runLooks(held, look)
	}
	l.unblock()
	return nil
}

// dispatch executes the complete frames in b on the loop, or puts them into the lane. It
// returns how many bytes it took: fewer than all if the lane is full.
func (l *loop) dispatch(s *Session, b []byte, frames int) (taken int) {
	g := s.group
	if s.inFlight == 0 && !s.laneOnly {
		var served int
		taken, served = l.serveOnLoop(s, b, frames)
		g.requests.Add(uint64(served))
		g.bytesIn.Add(uint64(taken))
		if b, frames = b[taken:], frames-served; len(b) == 0 {
			return taken
		}
	}
	limits := &l.core.limits
	if s.inFlight+frames > limits.InFlightRequests || s.inFlightBytes+len(b) > limits.InFlightBytes {
		s.Close(ReasonOverloaded)
		return taken + len(b)
	}
	if !l.lane.Put(s, b, frames) {
		return taken
	}
	g.requests.Add(uint64(frames))
	g.bytesIn.Add(uint64(len(b)))
	s.inFlight += frames
	s.inFlightBytes += len(b)
	return taken + len(b)
}

// refuse closes a session after the replies to what it sent before, and reads no more of
// it. An empty piece in the lane means the close.
func (l *loop) refuse(s *Session, reason Reason) {
	s.refused = true
	if !l.lane.Put(s, nil, int(reason)) {
		s.Close(reason)
	}
}

// serveOnLoop executes the frames that may run on the loop, up to the first that may
// not. The replies are written when all readable sockets have been read: that wakes the
// peers less often than a write after each read.
func (l *loop) serveOnLoop(s *Session, b []byte, frames int) (taken, served int) {
	m := &l.onLoop.Message // one on the stack would escape through the interface
	if _, err := s.dialect.Next(b, m); err != nil || l.core.router.routes[m.Command].class != OnLoop {
		return 0, 0
	}
	if !l.runRequested {
		l.onLoop.sample(l.sampleStamp(), frames)
	}
	taken, served = l.core.execute(l.onLoop, s, b, true)
	l.onLoop.sampled = sampled{}
	s.loopRun = l.runs
	if !l.runRequested {
		l.runRequested = true
		l.requestRun(nil)
	}
	return taken, served
}

// sampleStamp returns the time if the next batch of the lane, or iteration of the loop, is one of
// those that are measured, else 0. Goroutine: any.
func (l *loop) sampleStamp() stamp {
	if !l.core.groups[l.index].timing.pick() {
		return 0
	}
	return l.core.stamp()
}

// yieldToLane lets the lane run if it has work. gnet yields before it waits for events,
// but a loop under a flood of connections never waits: with one processor the lane would
// run only every 10 ms.
func (l *loop) yieldToLane() {
	if n, _ := l.lane.Depth(); n > 0 {
		runtime.Gosched()
	}
}

// work executes a batch of the lane. Goroutine: lane.
func (l *loop) work(b *pool.Batch[*Session]) {
	opened := stamp(b.Opened)
	if opened != 0 {
		l.core.groups[l.index].timing.laneWait.add(opened.until(l.core.stamp()))
	}
	for i := range b.Pieces {
		p := &b.Pieces[i]
		if p.Owner == nil {
			l.asked.answer()
			continue
		}
		if i == 0 && opened != 0 && p.End > p.Start {
			l.worker.sample(opened, p.Count)
		}
		l.serve(p.Owner, b.Buf[p.Start:p.End], Reason(p.Count))
		l.worker.sampled = sampled{}
		if i%laneChunk == laneChunk-1 {
			l.worker.Post()
		}
	}
	l.worker.Post()
	l.worker.Session = nil
}

func frameReason(err error) Reason {
	if errors.Is(err, codec.ErrTooLarge) {
		return ReasonTooLarge
	}
	return ReasonMalformed
}
