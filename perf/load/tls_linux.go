package load

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"strings"
	"time"
)

// encryption is the TLS of a connection: crypto/tls over a connection in memory. It reads what
// came from the socket, and what it writes goes to the socket at once.
//
// The handshake is a coroutine of the event loop, because crypto/tls waits in it for the server.
//
// Owner: the event loop.
type encryption struct {
	tls  *tls.Conn
	in   []byte  // what came from the socket and is not read; valid during an event
	out  *[]byte // what is to be sent
	wait func() bool
	// next goes on with the handshake, until it waits again or has ended; stop aborts it.
	next func() (struct{}, bool)
	stop func()
	err  error // of the handshake
	open bool  // the handshake has ended without an error
}

// encryptionOf returns the configuration of all connections to addr; nil without TLS.
func encryptionOf(config *tls.Config, addr string) *tls.Config {
	if config == nil {
		return nil
	}
	c := config.Clone()
	if host, _, err := net.SplitHostPort(addr); c.ServerName == "" && err == nil && !strings.HasPrefix(addr, "unix:") {
		c.ServerName = host
	}
	if c.ServerName == "" {
		c.ServerName = "localhost"
	}
	c.DynamicRecordSizingDisabled = true
	return c
}

// newEncryption returns the TLS of a connection that has sent nothing. out gets what it sends.
func newEncryption(config *tls.Config, out *[]byte) *encryption {
	e := &encryption{out: out}
	e.tls = tls.Client(e, config)
	e.next, e.stop = iter.Pull(func(yield func(struct{}) bool) {
		e.wait = func() bool { return yield(struct{}{}) }
		e.err = e.tls.HandshakeContext(context.Background())
		e.wait = nil
	})
	return e
}

var errAborted = errors.New("the handshake was aborted")

// Read implements net.Conn.
func (e *encryption) Read(b []byte) (int, error) {
	for len(e.in) == 0 {
		if e.wait == nil {
			return 0, errWouldBlock
		}
		if !e.wait() {
			return 0, errAborted
		}
	}
	n := copy(b, e.in)
	e.in = e.in[n:]
	return n, nil
}

// Write implements net.Conn.
func (e *encryption) Write(b []byte) (int, error) {
	*e.out = append(*e.out, b...)
	return len(b), nil
}

// Close implements net.Conn.
func (e *encryption) Close() error { return nil }

// LocalAddr implements net.Conn.
func (e *encryption) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn.
func (e *encryption) RemoteAddr() net.Addr { return nil }

// SetDeadline implements net.Conn.
func (e *encryption) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (e *encryption) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (e *encryption) SetWriteDeadline(time.Time) error { return nil }

// errWouldBlock is what crypto/tls gets where there is nothing to read. It goes on after errors
// that are temporary.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "load: nothing to read yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// shake goes on with the handshake of a connection. After it, the connection sends its first
// bytes.
func (l *loop) shake(c *conn) {
	e := c.encryption
	l.sealed = l.sealed[:0]
	_, waits := e.next()
	if l.sendSealed(c); c.fd < 0 || waits {
		return
	}
	if e.err != nil {
		l.lose(c, tlsError(e.err))
		return
	}
	e.open = true
	l.speak(c)
}

// unseal takes what the records in raw contain.
func (l *loop) unseal(c *conn, raw []byte) {
	e := c.encryption
	e.in = raw
	if !e.open {
		l.shake(c)
	}
	for c.encryption == e && e.open {
		n, err := l.readSealed(c)
		if l.sendSealed(c); c.fd < 0 {
			return
		}
		if n > len(c.partial) {
			l.take(c, l.buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, errWouldBlock):
			return
		case c.fd < 0:
		case errors.Is(err, io.EOF):
			l.lose(c, ErrClosed)
		default:
			l.lose(c, tlsError(err))
		}
	}
}

// readSealed fills buf with what the connection has kept, and what the records after that contain.
// It returns how many bytes these are. Without an error there may be more.
func (l *loop) readSealed(c *conn) (n int, err error) {
	l.sealed = l.sealed[:0]
	n = copy(l.buf, c.partial)
	for n < len(l.buf) && err == nil {
		var more int
		more, err = c.encryption.tls.Read(l.buf[n:])
		n += more
	}
	return n, err
}

// seal sends b in records.
func (l *loop) seal(c *conn, b []byte) {
	l.sealed = l.sealed[:0]
	if _, err := c.encryption.tls.Write(b); err != nil {
		l.lose(c, tlsError(err))
		return
	}
	l.sendSealed(c)
}

// sendSealed sends what crypto/tls has written.
func (l *loop) sendSealed(c *conn) {
	if len(l.sealed) > 0 {
		l.transmit(c, l.sealed)
	}
}

// lastSealed reads what the server sent before it closed, into buf, and returns how many bytes
// these are.
func (l *loop) lastSealed(c *conn) (n int) {
	e := c.encryption
	if got, _ := rawRead(c.fd, l.raw); got > 0 && e.open {
		e.in = l.raw[:got]
		n, _ = l.readSealed(c) // only the error of the write is reported
	}
	return n
}

// stopHandshakes aborts what has not ended. Goroutine: the loop's.
func (l *loop) stopHandshakes() {
	for i := range l.conns {
		if e := l.conns[i].encryption; e != nil {
			e.stop()
		}
	}
}
