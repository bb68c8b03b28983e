package engine

import (
	"context"
	"net"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// maxRefused is how many refused connections of one event loop may wait.
const maxRefused = 16

// refusedConn is a connection of a WebSocket listener that a limit forbids. It gets the HTTP
// answer when its client has sent something: some HTTP clients take an answer before their
// request for an error. It waits for that for Limits.Linger.
//
// Goroutine: event loop.
type refusedConn struct {
	loop   *loop
	conn   gnet.Conn // nil once it is closed
	answer []byte
	timer  *time.Timer
}

// refuse ends a connection before it is a session. It returns what OnOpen returns.
func (r *Reactor) refuse(conn gnet.Conn, l *loop, reason Reason, remote net.Addr, to *Listener) ([]byte, gnet.Action) {
	answer := r.core.Refusal(reason, remote, to)
	if to.WebSocket == nil || to.TLS != nil || l.refused >= maxRefused {
		return answer, gnet.Close
	}
	l.refused++
	c := &refusedConn{loop: l, conn: conn, answer: answer}
	c.timer = time.AfterFunc(r.core.limits.Linger, func() { _ = l.events.Execute(context.Background(), c) })
	conn.SetContext(c)
	return nil, gnet.None
}

// Run implements gnet.Runnable: the time is over.
func (c *refusedConn) Run(context.Context) error {
	if c.conn != nil && c.close() == gnet.Close {
		_ = c.conn.EventLoop().Close(c.conn)
	}
	return nil
}

// close writes the answer. A write that fails closes the connection itself.
func (c *refusedConn) close() gnet.Action {
	_, _ = c.conn.Discard(-1)
	if _, err := c.conn.Write(c.answer); err != nil {
		return gnet.None
	}
	return gnet.Close
}

// closed is called when gnet closes the connection.
func (c *refusedConn) closed() {
	c.timer.Stop()
	c.loop.refused--
	c.conn = nil
}
