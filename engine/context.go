package engine

import "holdfast/codec"

// Sink takes the replies of a session that must queue behind a deferred one.
type Sink interface {
	// Hold adds frames that answer that many requests of s to the holding outbox
	// where its deferred replies are, or to one that is posted later.
	// Goroutine: the lane of s.
	Hold(s *Session, frames []byte, answered int)
	// HoldClose adds the close of s there, with Outbox.Close.
	HoldClose(s *Session, reason Reason)
}

// Context is one message on its way through a handler.
//
// Lifetime: valid until the handler returns. Goroutine: the handler's.
type Context struct {
	Session *Session
	Message codec.Message
	// Scratch is a buffer that handlers may use and should put back grown.
	Scratch []byte
	// Local is what Config.NewLocal made for this worker; handlers that run
	// under this Context at other times see the same value.
	Local any

	core    *Core
	out     *Outbox
	turn    uint64
	offLane bool
	replied bool // the handler that runs has answered or deferred its request
}

// Turn numbers the calls of Serve under this context: messages of one session that
// came together have the same number. Off the lane it says nothing.
func (c *Context) Turn() uint64 { return c.turn }

// Reply sends result and body (nil for none) as the reply to the message.
func (c *Context) Reply(r codec.Result, body codec.Body) {
	if c.mustQueue() {
		c.Scratch = codec.AppendReply(c.Scratch[:0], c.Message, r, body)
		c.hold(c.Scratch)
		return
	}
	c.out.End(c.Session, codec.AppendReply(c.out.Begin(c.Session), c.Message, r, body), 1)
	c.replied = true
}

// Result sends a reply that is just its result.
func (c *Context) Result(r codec.Result) {
	if c.mustQueue() {
		c.Scratch = codec.AppendResult(c.Scratch[:0], c.Message, r)
		c.hold(c.Scratch)
		return
	}
	c.out.End(c.Session, codec.AppendResult(c.out.Begin(c.Session), c.Message, r), 1)
	c.replied = true
}

// Frames sends whole frames that together are the reply to the message.
func (c *Context) Frames(frames []byte) {
	if c.mustQueue() {
		c.hold(frames)
		return
	}
	c.out.Append(c.Session, frames, 1)
	c.replied = true
}

// mustQueue says whether an earlier reply of the session still waits. A context
// off the lane is outside the order.
func (c *Context) mustQueue() bool {
	return !c.offLane && c.Session.deferred.Load() > 0
}

func (c *Context) hold(frames []byte) {
	c.core.config.Sink.Hold(c.Session, frames, 1)
	c.later()
}

// Defer says that the handler is about to add the reply to the message, with
// answered = 1, to a holding outbox. The replies that the context has gathered are
// handed over first: that outbox may be posted at any time from then on.
func (c *Context) Defer() {
	c.Post()
	c.later()
}

// later notes that the reply comes by another way than c's outbox. A request
// that was executed on the event loop is in flight from now on.
func (c *Context) later() {
	c.replied = true
	if c.out.kind == fromLoop {
		c.Session.inFlight++
	}
}

// Go runs h off the lane, in a task of its own with a copy of the message. When
// too many such tasks run already, it calls Config.Overloaded instead and returns
// false.
func (c *Context) Go(h Handler) bool {
	if c.core.startOffLane(c, h) {
		c.later()
		return true
	}
	c.core.config.Overloaded(c)
	return false
}

// Post hands over the replies that Serve has gathered under this context.
func (c *Context) Post() { c.out.Post() }

// Take appends the replies that were gathered for the session served last to
// dst and counts them as sent: the carrier writes them itself, unless the session
// is Closing by then. With the end of the session among them they are posted
// instead, and nothing is appended.
//
// It is for a context of NewDirectContext, after each Serve or after several of
// one session.
func (c *Context) Take(dst []byte) []byte {
	if c.out.count == 0 {
		return dst
	}
	b := c.out.batches[c.Session.group.index]
	if len(b.pieces) != 1 || b.pieces[0].flags != 0 {
		c.Post()
		return dst
	}
	b.group.replied.Add(uint64(b.answered))
	b.group.bytesOut.Add(uint64(len(b.buffer.B)))
	dst = append(dst, b.buffer.B...)
	b.empty()
	c.out.count = 0
	return dst
}

// Close ends the session with a Notice, behind the replies that were gathered and
// those that are deferred; Post or Take must follow. Goroutine: as Serve.
func (c *Context) Close(reason Reason) { c.Session.closeBehind(c.out, reason) }
