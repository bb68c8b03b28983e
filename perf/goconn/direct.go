package goconn

import (
	"bufio"

	"holdfast/engine"
)

// direct is a connection whose own goroutine executes the requests and writes the
// replies. Its buffer, if it has one, is also the pusher's, so that deferred
// replies and direct ones leave in the order of their requests.
type direct struct {
	pipe
	out *bufio.Writer // into the pipe; nil: unbuffered. Guarded by mu
}

// execute gives a whole frame to its handler and adds the reply to what is
// written with flush, or writes it when there is no buffer.
func (d *direct) execute(frame []byte) {
	s := d.server
	s.core.Received(d.session, 1, len(frame))
	ctx := s.takeContext()
	s.core.Serve(ctx, d.session, frame)
	d.reply(ctx)
	s.giveContext(ctx)
}

func (d *direct) reply(ctx *engine.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var replies []byte
	if d.out != nil && !d.gone {
		replies = d.out.AvailableBuffer()
	}
	replies = ctx.Take(replies)
	if len(replies) == 0 || d.session.Closing() {
		return
	}
	_ = d.put(replies)
	d.checkKept()
}

// flush writes the replies that the buffer holds.
func (d *direct) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.out.Flush()
	d.checkKept()
}

// put writes, or adds to the buffer. The caller holds mu. An error is the
// reader's to find.
func (d *direct) put(b []byte) error {
	if d.out == nil || d.gone {
		_, err := d.pipe.Write(b)
		return err
	}
	_, err := d.out.Write(b)
	return err
}

// checkKept cuts off a peer that does not read its replies. The caller holds mu.
func (d *direct) checkKept() {
	if len(d.kept) > d.server.limits.OutboundHardBytes {
		d.cut(engine.ReasonSlowConsumer)
	}
}

func (d *direct) refuse(reason engine.Reason) {
	ctx := d.server.takeContext()
	ctx.Session = d.session
	ctx.Close(reason)
	ctx.Post()
	d.server.giveContext(ctx)
}

func (d *direct) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone, d.out = true, nil
}

// Write implements engine.Link.
func (d *direct) Write(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.put(b); err != nil || d.out == nil {
		return err
	}
	return d.out.Flush()
}

// Buffered implements engine.Link.
func (d *direct) Buffered() int { return d.buffered() }

// CloseWrite implements engine.Link.
func (d *direct) CloseWrite() error { return d.closeWrite() }
