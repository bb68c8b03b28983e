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

// laneChunk is after how many sessions a lane hands over its replies, so that
// the first do not wait for the last.
const laneChunk = 64

// loop is one event loop with its lane. Goroutine: the event loop, except where
// a method says otherwise.
type loop struct {
	core   *Core
	index  int
	events gnet.EventLoop
	lane   *pool.Lane[*Session]

	worker *Context // Goroutine: lane

	onLoop *Context // for handlers on the loop
	asked  bool     // onLoop has replies, and asked for a Run

	queue   queue
	blocked []*Session // whose frames wait for room in the lane
	turn    turn

	// What was posted and waits for the loop. Goroutine: any.
	mu     sync.Mutex
	posted []*Batch
	spare  []*Batch // the slice that posted had before, empty
	due    bool     // Run was handed to gnet and has not begun
}

func newLoop(c *Core, tick time.Duration) *loop {
	l := &loop{core: c, worker: c.NewContext(), onLoop: c.NewContext()}
	l.onLoop.out = &Outbox{core: c, kind: fromLoop}
	l.index = c.AddCarrier(l)
	c.groups[l.index].startClock(&c.limits, tick, time.Now())
	l.queue.loop, l.turn.loop = l, l
	l.lane = pool.NewLane(c.workers, &c.buffers, c.limits.LaneBytes, l.work)
	c.groups[l.index].depth = l.lane.Depth
	return l
}

// Post implements Carrier. However many batches wait, gnet gets one task: past
// some 1,000 tasks it would no longer run them in order. Goroutine: any.
func (l *loop) Post(b *Batch) { l.ask(b) }

// ask has Run called, with b (which may be nil) among what it writes.
func (l *loop) ask(b *Batch) {
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
		for _, b := range l.take() {
			b.Discard()
		}
	}
}

func (l *loop) take() []*Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	posted := l.posted
	l.posted, l.spare, l.due = l.spare, nil, false
	return posted
}

// Run implements gnet.Runnable: it writes what waits. Replies from the loop go first:
// their sessions have nothing in flight.
func (l *loop) Run(context.Context) error {
	l.asked = false
	l.onLoop.out.flush()
	posted := l.take()
	for i, b := range posted {
		b.Flush()
		posted[i] = nil
	}
	l.mu.Lock()
	l.spare = posted[:0]
	l.mu.Unlock()
	l.unblock()
	return nil
}

// accept takes the whole frames that a session has sent. It returns how many bytes
// it took: not all when there is no room in the lane.
func (l *loop) accept(s *Session, b []byte, frames int) (taken int) {
	g := s.group
	if s.inFlight == 0 {
		var served int
		taken, served = l.serveOnLoop(s, b)
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

// refuse closes a session behind the replies to what it sent before, and reads no
// more of it: an empty piece in the lane says so.
func (l *loop) refuse(s *Session, reason Reason) {
	s.refused = true
	if !l.lane.Put(s, nil, int(reason)) {
		s.Close(reason)
	}
}

// serveOnLoop executes the frames that may run on the loop, up to the first that may
// not. The replies are written when all sockets of the turn have been read: that
// wakes the peers less often than read-write-read.
func (l *loop) serveOnLoop(s *Session, b []byte) (taken, served int) {
	var m codec.Message
	s.listener.Dialect.Next(b, &m)
	if l.core.router.routes[m.Command].class != OnLoop {
		return 0, 0
	}
	taken, served = l.core.serve(l.onLoop, s, b, true)
	if !l.asked {
		l.asked = true
		l.ask(nil)
	}
	return taken, served
}

// letLaneRun gives way to the lane when it has something to do. gnet does so before it
// waits, and a loop that connections come to without end never waits: where it has the
// only processor the lane would have it every 10 ms.
func (l *loop) letLaneRun() {
	if n, _ := l.lane.Depth(); n > 0 {
		runtime.Gosched()
	}
}

// work executes what the lane has gathered. Goroutine: lane.
func (l *loop) work(b *pool.Batch[*Session]) {
	for i := range b.Pieces {
		p := &b.Pieces[i]
		if p.Start == p.End {
			p.Owner.closeAfter(l.worker.out, Reason(p.Count), p.Owner.requests, true)
			continue
		}
		l.core.Serve(l.worker, p.Owner, b.Buf[p.Start:p.End])
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
