package goconn

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/engine"
)

const (
	// outMessages is how many messages may wait for the writer of a connection.
	outMessages = 256
	// patience is how long a goroutine waits for space in a full channel before it closes
	// the session as a slow consumer. All other sessions of that goroutine wait too, but
	// a shorter time could mistake a busy processor for a slow peer.
	patience = time.Second
)

// readWriterConn is a connection with a goroutine that reads, one that writes, and
// workers in between.
type readWriterConn struct {
	socket
	out    chan *message
	queued atomic.Int64 // bytes in out or being written
	gone   atomic.Bool  // the socket is closed
	// coalesces: the writer sends what waits in out with one write.
	coalesces bool
	writing   sync.WaitGroup
}

// message is a request on its way to a worker, then the reply to it on its way to
// the writer; or a push.
type message struct {
	conn  *readWriterConn
	bytes []byte // one frame; nil in out: close our side
	end   engine.Reason
}

func (c *readWriterConn) serve() error {
	c.writing.Go(c.writeAll)
	requests := c.server.workers.queueOf(c.session)
	for {
		frame, err := c.readFrame(c.stream)
		if err != nil {
			return err
		}
		c.server.core.Received(c.session, 1, len(frame))
		requests <- &message{conn: c, bytes: frame}
	}
}

func (c *readWriterConn) refuse(reason engine.Reason) {
	c.server.workers.queueOf(c.session) <- &message{conn: c, end: reason}
}

// writeAll sends the messages one by one until it receives nil. After an error it still
// empties the channel, so that nobody waits for space; the reader sees the error too.
func (c *readWriterConn) writeAll() {
	if c.coalesces {
		c.writeCoalesced()
		return
	}
	for m := <-c.out; m != nil; m = <-c.out {
		if m.bytes == nil {
			_ = c.stream.CloseWrite()
			continue
		}
		_, _ = c.stream.Write(m.bytes)
		c.queued.Add(-int64(len(m.bytes)))
	}
}

// writeCoalesced is writeAll with one write for all messages that wait, up to sendChunk
// bytes.
func (c *readWriterConn) writeCoalesced() {
	var b []byte
	for ended := false; !ended; {
		closing, m := false, <-c.out
		b = b[:0]
		for more := true; more; {
			switch {
			case m == nil:
				ended = true
			case m.bytes == nil:
				closing = true
			default:
				b = append(b, m.bytes...)
			}
			if more = !ended && !closing && len(b) < sendChunk; more {
				select {
				case m = <-c.out:
				default:
					more = false
				}
			}
		}
		if len(b) > 0 {
			_, _ = c.stream.Write(b)
			c.queued.Add(-int64(len(b)))
		}
		if closing {
			_ = c.stream.CloseWrite()
		}
	}
}

func (c *readWriterConn) release() {
	c.gone.Store(true)
	c.out <- nil
	c.writing.Wait()
}

// reply sends the replies to a request. Goroutine: the session's worker.
func (c *readWriterConn) reply(m *message) {
	if len(m.bytes) == 0 || c.session.Closing() {
		return
	}
	if c.send(m) == nil && c.Buffered() > c.server.limits.OutboundHardBytes {
		c.cut(engine.ReasonSlowConsumer)
	}
}

func (c *readWriterConn) send(m *message) error {
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

func (c *readWriterConn) sendPatiently(m *message) error {
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
func (c *readWriterConn) Write(b []byte) error {
	return c.send(&message{conn: c, bytes: append([]byte(nil), b...)})
}

// Buffered implements engine.Link.
func (c *readWriterConn) Buffered() int { return int(c.queued.Load()) }

// CloseWrite implements engine.Link.
func (c *readWriterConn) CloseWrite() error { return c.send(&message{conn: c}) }
