package load

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// longestWait bounds a wait for events, so that nothing is overlooked for long.
const longestWait = int64(100 * time.Millisecond)

// loop is the event loop. Owner: one goroutine on one thread, but for stop.
type loop struct {
	options  Options
	endpoint endpoint
	poller   *poller
	protocol *protocol
	tally    *tally
	requests requests
	live     *live
	random   *rand.Rand
	stopped  atomic.Bool

	base  time.Time
	now   int64 // nanoseconds since base, read once a turn
	conns []conn
	buf   []byte

	ramping  bool
	sending  bool // replies are answered with new requests
	ready    int  // connections ready or, after the ramp, alive
	opening  int  // connections on their way
	open     int  // requests without a reply
	owed     int  // requests due but not sent
	timers   timers
	schedule *schedule // nil in a closed loop
	beats    beats
	indebted []uint32 // connections that dispatch must look at
	window   window
	err      error // why the run must end
	// lastRefusal is the last error of the ramp that was tried again.
	lastRefusal error
}

// window is the measured stretch of time.
type window struct {
	begin, end int64
}

func (w window) has(moment int64) bool { return moment >= w.begin && moment < w.end }

func newLoop(o Options, e endpoint) (*loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	t := newTally()
	l := &loop{
		options: o, endpoint: e, poller: p, tally: t, live: &live{},
		protocol: &protocol{tally: t, accounts: o.Accounts, group: o.groupSize(), nonce: o.Nonce, onAck: o.OnAck},
		requests: newRequests(o),
		beats:    newBeats(int64(o.KeepAlive)),
		random:   rand.New(rand.NewPCG(o.Seed, 1)),
		base:     time.Now(),
		conns:    make([]conn, o.Connections),
		buf:      make([]byte, readBufferSize),
	}
	for i := range l.conns {
		l.conns[i].number, l.conns[i].fd, l.conns[i].silent = uint32(i), -1, i%o.groupSize() != 0
	}
	return l, nil
}

// stop ends the run soon. Goroutine: any, until close.
func (l *loop) stop() {
	l.stopped.Store(true)
	l.poller.interrupt()
}

// close hangs up on the server.
func (l *loop) close() {
	for i := range l.conns {
		if l.conns[i].fd >= 0 {
			hangUp(l.conns[i].fd)
		}
	}
	l.poller.close()
}

func (l *loop) clock() int64 { return int64(time.Since(l.base)) }

// over says whether the run must end before its time.
func (l *loop) over() bool { return l.err != nil || l.stopped.Load() }

// until turns the loop up to a moment.
func (l *loop) until(moment int64) {
	for l.now = l.clock(); l.now < moment && !l.over(); {
		l.dispatch()
		l.turn(min(moment, l.nextDue()))
	}
}

// turn waits for events up to a moment, then handles them.
func (l *loop) turn(moment int64) {
	events := l.poller.wait(time.Duration(min(moment-l.clock(), longestWait)))
	l.now = l.clock()
	for i := range events {
		if number := events[i].Fd; number != wakeNumber {
			l.handle(&l.conns[number], events[i].Events)
		}
	}
	l.payAll()
	l.beat()
	l.show()
}

// show publishes the counts for the progress line.
func (l *loop) show() {
	l.live.ready.Store(uint64(l.ready))
	l.live.answered.Store(l.tally.answered)
	l.live.errors.Store(l.tally.errorTotal)
	l.live.pushed.Store(l.tally.pushed)
}

func (l *loop) handle(c *conn, events uint32) {
	if c.state == connecting && !l.connected(c) {
		return
	}
	if events&unix.EPOLLOUT != 0 && len(c.pending) > 0 {
		l.flush(c)
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.read(c, events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
	}
}

// read takes everything that has arrived. Edge-triggered: a read that doesn't
// fill the buffer has emptied the socket, unless the peer is ending.
func (l *loop) read(c *conn, ending bool) {
	for c.fd >= 0 {
		kept := copy(l.buf, c.partial)
		n, err := rawRead(c.fd, l.buf[kept:])
		if err == unix.EAGAIN {
			return
		}
		if err != 0 {
			l.lose(c, fmt.Errorf("read: %w", err))
			return
		}
		if n == 0 {
			l.lose(c, ErrClosed)
			return
		}
		l.tally.read(n)
		l.take(c, l.buf[:kept+n])
		if kept+n < len(l.buf) && !ending {
			return
		}
	}
}

// take checks the bytes of a connection and answers the replies among them.
func (l *loop) take(c *conn, b []byte) {
	a, err := l.protocol.consume(c, b)
	if a.replies > 0 {
		l.answered(c, a.replies)
	}
	if err != nil {
		l.lose(c, err)
		return
	}
	c.partial = append(c.partial[:0], b[a.used:]...)
	if a.replies == 0 || c.fd < 0 {
		return
	}
	if c.state == opening {
		l.opened(c)
		return
	}
	l.goOn(c, a.replies)
}

// answered books n replies.
func (l *loop) answered(c *conn, n int) {
	if c.state != ready {
		return
	}
	l.open -= n
	l.tally.replies(n)
	now := l.clock()
	if l.schedule != nil {
		l.bookScheduled(c, n, now)
		return
	}
	for n > 0 {
		flight := c.flights.take(n)
		n -= flight.n
		if l.tally.measuring {
			record(l.tally.latency, now-flight.at, flight.n)
		}
	}
	l.now = now
}

// bookScheduled records latencies from the timetable, also of replies that come
// after the window to requests that were due within it.
func (l *loop) bookScheduled(c *conn, n int, now int64) {
	for range n {
		due := l.schedule.dueOf(c.number, c.answered)
		c.answered++
		if l.window.has(due) {
			record(l.tally.latency, now-due, 1)
		}
	}
}

// loseWrite loses a connection that can't be written to; what the server had to
// say before it closed is still worth reading.
func (l *loop) loseWrite(c *conn, err syscall.Errno) {
	kept := copy(l.buf, c.partial)
	if n, _ := rawRead(c.fd, l.buf[kept:]); n > 0 {
		_, _ = l.protocol.consume(c, l.buf[:kept+n]) // the write error is the one to tell
	}
	l.lose(c, fmt.Errorf("write: %w", err))
}

// lose ends a connection for good, or in the ramp until it is tried again.
func (l *loop) lose(c *conn, err error) {
	if c.notice != "" {
		err = fmt.Errorf("%w (notice: %s)", err, c.notice)
	}
	if c.crowded {
		err = fmt.Errorf("%w: %w", ErrCrowded, err)
	}
	if l.ramping {
		l.retry(c, err)
		return
	}
	l.drop(c)
	c.state = dead
	l.ready--
	l.forget(c)
	l.tally.fault(c.number, err)
	l.judge(err)
}

// forget writes off what a lost connection had open or, in an open loop, due.
func (l *loop) forget(c *conn) {
	lost := c.open()
	if l.schedule != nil {
		lost += c.owed
	}
	if lost > 0 {
		l.tally.errors[unanswered] += uint64(lost)
	}
	l.open -= c.open()
	l.owed -= c.owed
	c.owed, c.nextReply = 0, c.nextID
}

// judge ends the run if there is no point in going on.
func (l *loop) judge(err error) {
	limit := l.options.MaxErrors
	switch {
	case l.err != nil:
	case l.ready == 0:
		l.err = fmt.Errorf("%w, the last one by: %w", ErrAllLost, err)
	case limit >= 0 && l.tally.errorTotal > uint64(limit):
		l.err = fmt.Errorf("%w (%d), the last one: %w", ErrTooManyErrors, l.tally.errorTotal, err)
	}
}

// drop closes a connection's socket.
func (l *loop) drop(c *conn) {
	if c.fd >= 0 {
		hangUp(c.fd)
		c.fd = -1
	}
	c.partial, c.pending = c.partial[:0], c.pending[:0]
}

// nextDue returns when dispatch has something to do.
func (l *loop) nextDue() int64 {
	if l.schedule != nil {
		return min(l.schedule.due(l.schedule.next), l.schedule.end)
	}
	if due, ok := l.timers.next(); ok {
		return due
	}
	return math.MaxInt64
}

// begin starts the load at the present moment.
func (l *loop) begin() {
	l.sending = true
	for i := range l.conns {
		l.conns[i].want = l.options.Workload.command().Reply()
	}
	switch o := l.options; {
	case o.Workload == Idle:
		s := newSchedule(l.now+int64(o.KeepAlive), float64(o.Connections)/o.KeepAlive.Seconds(), o.Connections, 1)
		l.schedule = &s
	case o.Rate > 0:
		s := newSchedule(l.now, o.Rate, o.senders(), o.groupSize())
		l.schedule = &s
	case o.Interval.Max > 0:
		for c := range l.senders() {
			l.timers.push(timer{due: l.now + l.random.Int64N(int64(o.Interval.Max)), connection: c.number})
		}
	default:
		for c := range l.senders() {
			l.send(c, o.Depth, l.clock())
		}
	}
}

// senders yields the living connections that send.
func (l *loop) senders() iter.Seq[*conn] {
	return func(yield func(*conn) bool) {
		for i := range l.conns {
			if c := &l.conns[i]; !c.silent && c.state == ready && !yield(c) {
				return
			}
		}
	}
}
