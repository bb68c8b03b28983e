package load

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec/websocket"
)

// longestWait bounds a wait for events, which the end of the context does not interrupt.
const longestWait = int64(100 * time.Millisecond)

// loop is the event loop. Owner: one goroutine on one thread.
type loop struct {
	options  Options
	servers  []endpoint
	poller   *poller
	protocol *protocol
	tally    *tally
	requests [2]requests // of even and of odd connections
	live     *live
	random   *rand.Rand
	ctx      context.Context // ends the run

	base  time.Time
	now   int64 // nanoseconds since base, read once per iteration
	conns []conn
	buf   []byte
	// raw is what comes from a socket with TLS, and sealed what crypto/tls has written.
	raw, sealed []byte

	ramping  bool
	sending  bool // replies are answered with new requests
	ready    int  // connections ready or, after the ramp, alive
	opening  int  // connections being opened
	open     int  // requests without a reply
	owed     int  // requests due but not sent
	timers   timers
	schedule *schedule // nil in a closed loop
	beats    beats
	indebted []uint32 // connections with owed requests
	window   window
	err      error // reason why the run must end
	// lastRefusal is the last error of the ramp that was retried.
	lastRefusal error
}

// window is the measured time.
type window struct {
	start, end int64
}

func (w window) has(moment int64) bool { return moment >= w.start && moment < w.end }

func newLoop(ctx context.Context, o Options, servers []endpoint) (*loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	t, nonce, wires := newTally(), rand.Uint32(), newWires(o)
	l := &loop{
		ctx: ctx, options: o, servers: servers, poller: p, tally: t, live: &live{},
		protocol: &protocol{tally: t, workload: o.Workload, accounts: o.Accounts, group: o.groupSize()},
		requests: [2]requests{newRequests(o, wires[0], nonce), newRequests(o, wires[1], nonce)},
		beats:    newBeats(int64(o.KeepAlive), wires),
		random:   rand.New(rand.NewPCG(0, 1)),
		base:     time.Now(),
		conns:    make([]conn, o.Connections),
		buf:      make([]byte, readBufferSize),
	}
	if o.TLS != nil {
		l.raw = make([]byte, readBufferSize/2)
	}
	for i := range l.conns {
		c := &l.conns[i]
		c.number, c.fd, c.silent, c.wire = uint32(i), -1, i%o.groupSize() != 0, wires[i%2]
		c.frames.Client = true
	}
	l.protocol.clock = l.clock
	switch o.Workload {
	case Chat:
		l.protocol.chat, l.protocol.ownIsReply = newDeliveries(o, t, nonce, l.conns), !o.Dialect.hasCommands()
		l.protocol.chat.window = &l.window
		l.protocol.chat.due = func(sender uint32, k uint64) int64 { return l.schedule.dueOf(sender, k) }
	case Broadcast:
		l.protocol.quotes = newBroadcasts(o, t, l.base.UnixNano())
	}
	return l, nil
}

// close closes all connections.
func (l *loop) close() {
	for i := range l.conns {
		if l.conns[i].fd >= 0 {
			hangUp(l.conns[i].fd)
		}
	}
	l.poller.close()
}

func (l *loop) clock() int64 { return int64(time.Since(l.base)) }

// over reports whether the run must end early.
func (l *loop) over() bool { return l.err != nil || l.ctx.Err() != nil }

// until runs the loop until a moment.
func (l *loop) until(moment int64) {
	for l.now = l.clock(); l.now < moment && !l.over(); {
		l.dispatch()
		l.iterate(min(moment, l.nextDue()))
	}
}

// iterate waits for events until a moment, then handles them.
func (l *loop) iterate(moment int64) {
	events := l.poller.wait(time.Duration(min(moment-l.clock(), longestWait)))
	l.now = l.clock()
	for i := range events {
		l.handle(&l.conns[events[i].Fd], events[i].Events)
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

// read reads all available input. Edge-triggered: a read that does not fill the buffer
// has emptied the socket, unless the peer is closing.
func (l *loop) read(c *conn, ending bool) {
	for c.fd >= 0 {
		kept, into := 0, l.raw
		if c.encryption == nil {
			kept = copy(l.buf, c.partial)
			into = l.buf[kept:]
		}
		n, err := rawRead(c.fd, into)
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
		if c.encryption != nil {
			l.unseal(c, l.raw[:n])
		} else {
			l.take(c, l.buf[:kept+n])
		}
		if n < len(into) && !ending {
			return
		}
	}
}

// take checks the input of a connection and decides what to send after its replies.
func (l *loop) take(c *conn, b []byte) {
	if c.state == upgrading || l.options.Workload == HalfOpen {
		n, err := checkHandshake(b)
		if err != nil {
			l.lose(c, err)
			return
		}
		if n == 0 {
			c.partial = append(c.partial[:0], b...)
			return
		}
		b = b[n:]
		l.openNext(c)
	}
	a, err := l.protocol.consume(c, b)
	if a.replies > 0 {
		l.answered(c, a.replies)
	}
	if err != nil {
		l.lose(c, err)
		return
	}
	c.partial = append(c.partial[:0], b[a.used:]...)
	if len(c.control) > 0 {
		l.write(c, c.control)
		c.control = c.control[:0]
	}
	if a.replies == 0 || c.fd < 0 {
		return
	}
	if c.state == opening {
		l.openNext(c)
		return
	}
	l.goOn(c, a.replies)
}

// answered counts n replies.
func (l *loop) answered(c *conn, n int) {
	if c.state != ready {
		return
	}
	l.open -= n
	l.tally.replies(n)
	now := l.clock()
	if l.protocol.chat != nil { // the latencies are those of the deliveries
		c.answered += uint64(n)
		return
	}
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

// bookScheduled records latencies from the due times. It includes replies after the
// window to requests that were due within it.
func (l *loop) bookScheduled(c *conn, n int, now int64) {
	for range n {
		due := l.schedule.dueOf(c.number, c.answered)
		c.answered++
		if l.window.has(due) {
			record(l.tally.latency, now-due, 1)
		}
	}
}

// loseWrite ends a connection after a write error. First it reads what the server sent
// before it closed, e.g. a Notice.
func (l *loop) loseWrite(c *conn, err syscall.Errno) {
	var n int
	if c.encryption != nil {
		n = l.lastSealed(c)
	} else {
		n = copy(l.buf, c.partial)
		got, _ := rawRead(c.fd, l.buf[n:])
		n += got
	}
	if n > len(c.partial) {
		_, _ = l.protocol.consume(c, l.buf[:n]) // only the write error is reported
	}
	l.lose(c, fmt.Errorf("write: %w", err))
}

// lose ends a connection; in the ramp it may be retried.
func (l *loop) lose(c *conn, err error) {
	err = c.refusal(err)
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

// forget counts the open and, in an open loop, due requests of a lost connection as
// unanswered.
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

// judge ends the run if it is pointless to continue.
func (l *loop) judge(err error) {
	limit := l.options.MaxErrors
	switch {
	case l.err != nil:
	case l.ready == 0:
		l.err = fmt.Errorf("%w; the last error: %w", ErrAllLost, err)
	case limit >= 0 && l.tally.errorTotal > uint64(limit):
		l.err = fmt.Errorf("%w (%d); the last error: %w", ErrTooManyErrors, l.tally.errorTotal, err)
	}
}

// drop closes a connection's socket.
func (l *loop) drop(c *conn) {
	if c.fd >= 0 {
		hangUp(c.fd)
		c.fd = -1
	}
	if c.encryption != nil {
		c.encryption.stop()
		c.encryption = nil
	}
	c.partial, c.pending, c.control = c.partial[:0], c.pending[:0], c.control[:0]
	c.frames = websocket.Reader{Client: true}
}

// nextDue returns when dispatch next has something to do.
func (l *loop) nextDue() int64 {
	if l.schedule != nil {
		return min(l.schedule.due(l.schedule.next), l.schedule.end)
	}
	if due, ok := l.timers.next(); ok {
		return due
	}
	return math.MaxInt64
}

// startLoad starts the load now.
func (l *loop) startLoad() {
	l.sending = true
	for i := range l.conns {
		c := &l.conns[i]
		c.want = l.options.Workload.command(c.nextReply).Reply()
	}
	switch o := l.options; {
	case o.Workload == HalfOpen:
	case o.Workload == Broadcast:
		l.protocol.quotes.start()
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

// senders yields the open connections that send.
func (l *loop) senders() iter.Seq[*conn] {
	return func(yield func(*conn) bool) {
		for i := range l.conns {
			if c := &l.conns[i]; !c.silent && c.state == ready && !yield(c) {
				return
			}
		}
	}
}
