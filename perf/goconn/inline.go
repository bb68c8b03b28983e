package goconn

import (
	"bufio"

	"holdfast/engine"
)

// inlineConn is a connection whose reading goroutine executes the requests and writes the
// replies. The pusher writes to the same buffer, if there is one, so that deferred and
// immediate replies leave in the order of their requests.
type inlineConn struct {
	pipe
	out *bufio.Writer // into the pipe; nil: unbuffered. Guarded by mu
}

// execute passes a complete frame to its handler and adds the reply to the buffer, or
// writes it at once if there is no buffer.
func (a *inlineConn) execute(frame []byte) {
	s := a.server
	s.core.Received(a.session, 1, len(frame))
	ctx := s.takeContext()
	s.core.Serve(ctx, a.session, frame)
	a.reply(ctx)
	s.giveContext(ctx)
}

func (a *inlineConn) reply(ctx *engine.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var replies []byte
	if a.out != nil && !a.gone {
		replies = a.out.AvailableBuffer()
	}
	replies = ctx.Take(replies)
	if len(replies) == 0 || a.session.Closing() {
		return
	}
	_ = a.put(replies)
	a.checkKept()
}

// flush writes the buffered replies.
func (a *inlineConn) flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.out.Flush()
	a.checkKept()
}

// put adds b to the buffer, or writes it without a buffer. The caller holds mu. Callers
// may ignore the error: the reader sees it too.
func (a *inlineConn) put(b []byte) error {
	if a.out == nil || a.gone {
		_, err := a.pipe.Write(b)
		return err
	}
	_, err := a.out.Write(b)
	return err
}

// checkKept closes a session that has too much unsent output. The caller holds mu.
func (a *inlineConn) checkKept() {
	if len(a.kept) > a.server.limits.OutboundHardBytes {
		a.cut(engine.ReasonSlowConsumer)
	}
}

func (a *inlineConn) refuse(reason engine.Reason) {
	ctx := a.server.takeContext()
	ctx.Session = a.session
	ctx.Close(reason)
	ctx.Post()
	a.server.giveContext(ctx)
}

func (a *inlineConn) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone, a.out = true, nil
}

// Write implements engine.Link.
func (a *inlineConn) Write(b []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.put(b); err != nil || a.out == nil {
		return err
	}
	return a.out.Flush()
}

// Buffered implements engine.Link.
func (a *inlineConn) Buffered() int { return a.buffered() }

// CloseWrite implements engine.Link.
func (a *inlineConn) CloseWrite() error { return a.closeWrite() }
