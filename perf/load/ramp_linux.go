package load

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxOpening bounds the connections that open at the same time, so that the listen
	// backlog does not overflow.
	maxOpening = 256
	// maxJoining is maxOpening in a chat, where each connection that opens is announced to
	// all others.
	maxJoining  = 16
	maxAttempts = 7
	firstPause  = 20 * time.Millisecond
	// A busy server is tried more often, and less fast. These pauses are random up to a
	// limit, which doubles from busyPause to maxBusyPause.
	maxBusyAttempts = 20
	busyPause       = 200 * time.Millisecond
	maxBusyPause    = 10 * time.Second
)

// ramp opens all connections and waits for the first answer on each.
func (l *loop) ramp() {
	l.ramping = true
	l.now = l.clock()
	deadline := l.now + int64(l.options.ConnectTimeout)
	most := maxOpening
	if l.options.Workload == Chat {
		most = maxJoining
	}
	for next := 0; l.ready < len(l.conns) && !l.over(); {
		for ; next < len(l.conns) && l.opening < most && !l.over(); next++ {
			l.opening++
			l.connect(&l.conns[next])
		}
		l.dispatch()
		if l.now >= deadline {
			l.giveUp()
			break
		}
		l.iterate(min(deadline, l.nextDue()))
	}
	l.ramping = false
}

// connect starts one connection.
func (l *loop) connect(c *conn) {
	c.server = (int(c.number) + c.attempts) % len(l.servers)
	fd, err := l.servers[c.server].dial(c.number)
	if err != nil {
		l.retry(c, err)
		return
	}
	c.fd, c.state = fd, connecting
	c.notice, c.noticeCode, c.step = "", 0, 0
	c.nextID = firstID(c.number)
	c.nextReply = c.nextID
	if err := l.poller.add(fd, int32(c.number)); err != nil {
		l.retry(c, err)
	}
}

// connected starts the TLS handshake, or speaks, if the socket has connected; else it returns
// false.
func (l *loop) connected(c *conn) bool {
	if err := connectResult(c.fd); err != nil {
		l.retry(c, err)
		return false
	}
	if config := l.servers[c.server].encryption; config != nil {
		c.state, c.encryption = encrypting, newEncryption(config, &l.sealed)
		l.shake(c)
	} else {
		l.speak(c)
	}
	return c.fd >= 0
}

// speak sends the WebSocket handshake or the first request.
func (l *loop) speak(c *conn) {
	handshake := c.wire.handshake(c.server)
	switch {
	case l.options.Workload == HalfOpen:
		l.write(c, handshake[:len(handshake)/2])
		l.openNext(c)
	case handshake != nil:
		c.state = upgrading
		l.write(c, handshake)
	default:
		l.openNext(c)
	}
}

// openNext sends the next request of the opening. After the last one, it adds the
// connection to the load.
func (l *loop) openNext(c *conn) {
	if c.fd < 0 {
		return
	}
	commands := l.options.opening()
	if c.step == len(commands) {
		c.state = ready
		l.opening--
		l.ready++
		return
	}
	c.state = opening
	c.step++
	l.write(c, l.protocol.appendOpening(nil, c, commands[c.step-1]))
}

// retry retries a connection if that may help: at the next address of the server at once, and a little
// later when all have failed.
func (l *loop) retry(c *conn, err error) {
	wasReady := c.state == ready
	l.drop(c)
	c.state = unborn
	n := len(l.servers)
	rounds := c.attempts/n + 1
	c.attempts++
	elsewhere := c.attempts%n != 0
	again := passing(err) || elsewhere && unreachable(err)
	pause, most := firstPause<<(rounds-1), maxAttempts
	if errors.Is(err, ErrBusy) {
		pause, most = l.busyPause(rounds), maxBusyAttempts
	}
	if elsewhere {
		pause = 0
	}
	if wasReady || !again || c.attempts >= most*n {
		l.fatal(c, err)
		return
	}
	l.lastRefusal = err
	l.timers.push(timer{due: l.clock() + int64(pause), connection: c.number})
}

// busyPause returns the pause after an attempt that found the server busy.
func (l *loop) busyPause(attempt int) time.Duration {
	return time.Duration(l.random.Int64N(int64(min(busyPause<<(attempt-1), maxBusyPause))))
}

// passing reports whether an error may be temporary.
func passing(err error) bool {
	if errors.Is(err, ErrCrowded) {
		return false
	}
	targets := []error{ErrBusy, unix.EAGAIN, unix.ECONNREFUSED, unix.ECONNRESET, unix.ETIMEDOUT, unix.EPIPE}
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// unreachable reports whether err is one of the network to this address.
func unreachable(err error) bool {
	return errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.ENOENT)
}

func (l *loop) fatal(c *conn, err error) {
	if l.err == nil {
		l.err = fmt.Errorf("load: connection %d, attempt %d, with %d of %d ready: %w",
			c.number, c.attempts, l.ready, len(l.conns), err)
	}
}

func (l *loop) giveUp() {
	l.err = fmt.Errorf("%w: %d of %d after %v", ErrConnectTimeout, l.ready, len(l.conns), l.options.ConnectTimeout)
	if l.lastRefusal != nil {
		l.err = fmt.Errorf("%w; the last error: %w", l.err, l.lastRefusal)
	}
}
