package terminal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/codec/chat"
)

// chatHeartbeat is how often a chat sends an empty message, so that the server does not take
// it for dead.
const chatHeartbeat = 20 * time.Second

// chatConn is a connection to a chat listener.
//
// Goroutines: from start on, one reads and calls handle, one sends heartbeats. Both have
// ended when close returns. The methods: any.
type chatConn struct {
	addrs []string    // of the server
	at    int         // the one that the connection is with
	tls   *tls.Config // nil: without
	conn  net.Conn
	since time.Time // the start of the connection
	work  sync.WaitGroup

	writing sync.Mutex

	mu    sync.Mutex
	done  chan struct{} // closed when the connection has ended
	cause error         // why it has ended
}

// dialChat connects to a chat listener at the first of addrs that works, beginning with number first,
// with TLS unless config is nil.
func dialChat(ctx context.Context, addrs []string, first int, config *tls.Config) (c *chatConn, err error) {
	err = client.TryAddresses(ctx, addrs, first, func(n int) error {
		conn, err := openChat(ctx, addrs[n], config)
		if err == nil {
			c = newChatConn(addrs, n, conn)
			c.tls = config
		}
		return err
	})
	return c, err
}

func openChat(ctx context.Context, addr string, config *tls.Config) (net.Conn, error) {
	network, address := "tcp", addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, address = "unix", path
	}
	ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil && config != nil {
		conn, err = client.Encrypt(ctx, conn, addr, config)
	}
	if err != nil {
		return nil, &client.ConnectionError{Op: "connect to", Addr: addr, Err: err}
	}
	return conn, nil
}

func newChatConn(addrs []string, at int, conn net.Conn) *chatConn {
	return &chatConn{addrs: addrs, at: at, conn: conn, since: time.Now(), done: make(chan struct{})}
}

func (c *chatConn) addr() string { return c.addrs[c.at] }

// start sends the first heartbeat and starts to read.
func (c *chatConn) start(handle func(chat.Frame)) {
	c.send(chat.Frame{Type: chat.TypeMessage})
	c.work.Go(func() { c.read(handle) })
	c.work.Go(c.beat)
}

// send sends a frame. An error ends the connection.
func (c *chatConn) send(f chat.Frame) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.conn.SetWriteDeadline(time.Now().Add(client.DefaultTimeout))
	if err == nil {
		_, err = c.conn.Write(chat.AppendFrame(nil, f))
	}
	if err != nil {
		c.end(&client.ConnectionError{Op: "write to", Addr: c.addr(), Err: err})
	}
}

// read handles frames until the connection ends.
func (c *chatConn) read(handle func(chat.Frame)) {
	buf := make([]byte, 0, 2*chat.MaxFrame)
	reason := "" // of the last frame, if it was an error
	for {
		n, readErr := c.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			f, used, err := chat.ParseFrame(rest)
			if err != nil {
				c.end(fmt.Errorf("%s does not speak the chat dialect: %w: check the address", c.addr(), err))
				return
			}
			if used == 0 {
				break
			}
			if reason = ""; f.Type == chat.TypeError {
				reason = f.Text
			}
			handle(f)
			rest = rest[used:]
		}
		buf = buf[:copy(buf, rest)]
		if readErr != nil {
			c.end(chatEnd(c.addr(), readErr, reason))
			return
		}
	}
}

// chatEnd returns why the server's end of a connection was reached; reason is the error that
// the server sent last.
func chatEnd(addr string, err error, reason string) error {
	switch {
	case strings.Contains(reason, "TLS"):
		return &client.NoticeError{Notice: client.Notice{Code: client.NoticeMalformed, Text: reason}}
	case reason != "":
		return fmt.Errorf("%w: %s", client.ErrClosedByServer, reason)
	case errors.Is(err, io.EOF):
		return client.ErrClosedByServer
	}
	return &client.ConnectionError{Op: "read from", Addr: addr, Err: err}
}

// beat sends heartbeats until the connection ends.
func (c *chatConn) beat() {
	ticker := time.NewTicker(chatHeartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
			c.send(chat.Frame{Type: chat.TypeMessage})
		}
	}
}

// end ends the connection with this cause, unless it has already ended.
func (c *chatConn) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return
	}
	c.cause = cause
	close(c.done)
	_ = c.conn.Close() // cause says why it ended
}

// err returns why the connection has ended, or nil.
func (c *chatConn) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// close ends the connection and waits until handle is not called any more.
func (c *chatConn) close() {
	c.end(client.ErrClosed)
	c.work.Wait()
}
