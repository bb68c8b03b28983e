package load

import "golang.org/x/sys/unix"

// goOn decides what a connection may send after n replies. It sends nothing: an iteration
// first reads all connections, then writes to each at most once.
func (l *loop) goOn(c *conn, n int) {
	switch {
	case l.schedule != nil:
		l.owe(c, 0)
	case !l.sending:
	case l.options.Interval.Max == 0:
		l.owe(c, n)
	case c.open() == 0:
		l.timers.push(timer{due: l.now + l.thinkTime(), connection: c.number})
	}
}

// owe allows a connection to send n more requests at the next payAll.
func (l *loop) owe(c *conn, n int) {
	c.owed += n
	l.owed += n
	if c.owed > 0 && !c.indebted {
		c.indebted = true
		l.indebted = append(l.indebted, c.number)
	}
}

// payAll sends all owed requests, with one write per connection.
func (l *loop) payAll() {
	for _, number := range l.indebted {
		c := &l.conns[number]
		c.indebted = false
		l.pay(c)
	}
	l.indebted = l.indebted[:0]
}

// thinkTime returns a random time from the interval.
func (l *loop) thinkTime() int64 {
	i := l.options.Interval
	return int64(i.Min) + l.random.Int64N(int64(i.Max-i.Min)+1)
}

// dispatch sends the requests that are due.
func (l *loop) dispatch() {
	if l.schedule != nil {
		l.dispatchSchedule()
		return
	}
	for due, ok := l.timers.next(); ok && due <= l.now; due, ok = l.timers.next() {
		c := &l.conns[l.timers.pop().connection]
		if l.ramping {
			l.connect(c)
		} else if c.state == ready && l.sending {
			l.send(c, l.options.Depth, due)
		}
	}
}

func (l *loop) dispatchSchedule() {
	for number, ok := l.schedule.take(l.now); ok; number, ok = l.schedule.take(l.now) {
		if c := &l.conns[number]; c.state == ready {
			l.owe(c, 1)
		} else {
			l.tally.errors[unanswered]++
		}
	}
	l.payAll()
}

// pay sends a connection's owed requests, as far as its depth allows.
func (l *loop) pay(c *conn) {
	n := min(c.owed, l.options.Depth-c.open())
	if n <= 0 || c.state != ready {
		return
	}
	now := l.clock()
	if l.schedule != nil {
		l.bookLag(c, n, now)
	}
	c.owed -= n
	l.owed -= n
	l.send(c, n, now)
}

// bookLag records how late the next n requests are.
func (l *loop) bookLag(c *conn, n int, now int64) {
	sent := c.answered + uint64(c.open())
	for k := range n {
		if due := l.schedule.dueOf(c.number, sent+uint64(k)); l.window.has(due) {
			record(l.tally.lag, now-due, 1)
		}
	}
}

// send writes n requests whose latency counts from at.
func (l *loop) send(c *conn, n int, at int64) {
	b := l.requests[c.number%2].frames(c.nextID, n)
	c.nextID += uint64(n)
	l.open += n
	if l.schedule == nil {
		c.flights.push(at, n)
	}
	l.write(c, b)
}

// write sends b and keeps the unsent part.
func (l *loop) write(c *conn, b []byte) {
	if c.encryption != nil {
		l.seal(c, b)
		return
	}
	l.transmit(c, b)
}

// transmit sends b as it is and keeps the unsent part.
func (l *loop) transmit(c *conn, b []byte) {
	if len(c.pending) > 0 {
		c.pending = append(c.pending, b...)
		return
	}
	n, err := rawWrite(c.fd, b)
	if err != 0 && err != unix.EAGAIN {
		l.loseWrite(c, err)
		return
	}
	l.tally.wrote(n)
	if n < len(b) {
		c.pending = append(c.pending[:0], b[n:]...)
	}
}

// flush sends the unsent part.
func (l *loop) flush(c *conn) {
	n, err := rawWrite(c.fd, c.pending)
	if err != 0 && err != unix.EAGAIN {
		l.loseWrite(c, err)
		return
	}
	l.tally.wrote(n)
	c.pending = append(c.pending[:0], c.pending[n:]...)
}
