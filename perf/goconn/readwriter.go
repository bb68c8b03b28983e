package goconn

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/engine"
)

const (
	// outMessages is how many messages wait for the writer of a connection.
	outMessages = 256
	// patience is how long a full channel is waited for before its session is
	// closed as a slow consumer. Everybody else whom the waiting goroutine serves
	// waits too, but a busy processor must not look like a slow peer.
	patience = time.Second
)

// readwriter is a connection with a goroutine that reads, one that writes, and
// workers in between.
type readwriter struct {
	socket
	out     chan *message
	queued  atomic.Int64 // bytes in out, or being written
	gone    atomic.Bool  // the socket is closed
	writing sync.WaitGroup
}

// message is a request on its way to a worker, then the reply to it on its way to
// the writer; or a push.
type message struct {
	conn  *readwriter
	bytes []byte // one frame; in out nil: close our side
	end   engine.Reason
}

func (c *readwriter) serve() error {
	c.writing.Go(c.write)
	requests := c.server.workers.queueOf(c.session)
	for {
		frame, err := c.readFrame(c.tcp)
		if err != nil {
			return err
		}
		c.server.core.Received(c.session, 1, len(frame))
		requests <- &message{conn: c, bytes: frame}
	}
}

func (c *readwriter) refuse(reason engine.Reason) {
	c.server.workers.queueOf(c.session) <- &message{conn: c, end: reason}
}

// write sends message by message until nil comes. After an error it goes on, so
// that nobody waits for room; the reader sees the error as well.
func (c *readwriter) write() {
	for m := <-c.out; m != nil; m = <-c.out {
		if m.bytes == nil {
			_ = c.tcp.CloseWrite()
			continue
		}
		_, _ = c.tcp.Write(m.bytes)
		c.queued.Add(-int64(len(m.bytes)))
	}
}

func (c *readwriter) release() {
	c.gone.Store(true)
	c.out <- nil
	c.writing.Wait()
}

// reply sends the replies to a request. Goroutine: the session's worker.
func (c *readwriter) reply(m *message) {
	if len(m.bytes) == 0 || c.session.Closing() {
		return
	}
	if c.send(m) == nil && c.Buffered() > c.server.limits.OutboundHardBytes {
		c.cut(engine.ReasonSlowConsumer)
	}
}

func (c *readwriter) send(m *message) error {
	if c.gone.Load() {
		return net.ErrClosed
	}
	c.queued.Add(int64(len(m.bytes)))
	select {
	case c.out <- m:
		return nil
	default:
		return c.sendPatiently(m)
	}
}

func (c *readwriter) sendPatiently(m *message) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case c.out <- m:
		return nil
	case <-timeout.C:
		c.cut(engine.ReasonSlowConsumer)
		return net.ErrClosed
	}
}

// Write implements engine.Link.
func (c *readwriter) Write(b []byte) error {
	return c.send(&message{conn: c, bytes: append([]byte(nil), b...)})
}

// Buffered implements engine.Link.
func (c *readwriter) Buffered() int { return int(c.queued.Load()) }

// CloseWrite implements engine.Link.
func (c *readwriter) CloseWrite() error { return c.send(&message{conn: c}) }
