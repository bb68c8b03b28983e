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
	offLane bool
	replied bool // the handler that runs has answered or deferred its request
}

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
