package engine

import "holdfast/codec"

// Context is one message on its way through a handler.
//
// Lifetime: valid until the handler returns. Goroutine: the handler's.
type Context struct {
	Session *Session
	Message codec.Message
	// Local is what Config.NewLocal made for this worker; handlers that run
	// under this Context at other times see the same value.
	Local any

	core    *Core
	out     *Outbox
	turn    uint64
	number  uint32 // of the request
	offLane bool
	anytime bool // off the lane, and outside the order of replies
	replied bool // the handler that runs has answered or deferred its request
}

// Turn numbers the calls of Serve under this context: messages of one session that
// came together have the same number. Off the lane it says nothing.
func (c *Context) Turn() uint64 { return c.turn }

// Reply sends result and body (nil for none) as the reply to the message.
func (c *Context) Reply(r codec.Result, body codec.Body) {
	c.out.reply(c.Session, &c.Message, c.number, placesOf(c.anytime), r, body)
	c.replied = true
}

func (c *Context) request() Request {
	return Request{Session: c.Session, Command: c.Message.Command, ID: c.Message.ID, number: c.number, anytime: c.anytime}
}

// unanswered counts the request as answered: its handler has left it without a reply.
func (c *Context) unanswered() {
	c.out.settle(c.Session, c.number, placesOf(c.anytime), 1)
}

// Defer says that the reply comes by another way: Outbox.Reply with what is returned.
// Replies to later requests of the session wait for it. What the context has gathered is
// handed over first, since that other way may be the quicker one.
func (c *Context) Defer() Request {
	if c.out.kind == fromLane && c.out.count > 0 {
		c.Post()
	}
	c.later(1)
	return c.request()
}

// Detach is Defer for a reply that may take long: where the dialect matches replies
// by id, others do not wait for it.
func (c *Context) Detach() Request {
	if c.Session.ordered || c.offLane {
		return c.Defer()
	}
	c.out.settle(c.Session, c.number, 1, 0) // gives up its place
	c.later(0)
	r := c.request()
	r.anytime = true
	return r
}

// later notes that the reply comes by another way than c's outbox. A request
// that was executed on the event loop is in flight from now on. places is how many
// places among the replies are under way with it.
func (c *Context) later(places int32) {
	c.replied = true
	if c.offLane {
		return
	}
	switch c.out.kind {
	case fromLoop:
		c.Session.inFlight++
	case direct:
		c.Session.underWay.Add(places)
	}
}

// Go runs h off the lane, in a task of its own with a copy of the message. When
// too many such tasks run already, it calls Config.Overloaded instead and returns
// false.
func (c *Context) Go(h Handler) bool {
	if c.core.startOffLane(c, h) {
		return true
	}
	c.core.config.Overloaded(c)
	return false
}

// Post hands over the replies that Serve has gathered under this context.
func (c *Context) Post() {
	if c.out.kind == direct && c.out.count > 0 {
		for _, p := range c.out.batches[c.Session.group.index].pieces {
			c.Session.underWay.Add(p.count)
		}
	}
	c.out.Post()
}

// Take appends the replies that were gathered for the session served last to
// dst and counts them as sent: the carrier writes them itself, unless the session
// is Closing by then. Where earlier replies are under way, or the end of the session
// is among these, they are posted instead, and nothing is appended.
//
// It is for a context of NewDirectContext, after each Serve or after several of
// one session.
func (c *Context) Take(dst []byte) []byte {
	if c.out.count == 0 {
		return dst
	}
	s := c.Session
	b := c.out.batches[s.group.index]
	if len(b.pieces) != 1 || b.pieces[0].flags != 0 || s.underWay.Load() > 0 {
		c.Post()
		return dst
	}
	s.replied += uint32(b.pieces[0].count)
	b.group.replied.Add(uint64(b.answered))
	b.group.bytesOut.Add(uint64(len(b.buffer.B)))
	dst = append(dst, b.buffer.B...)
	b.empty()
	c.out.count = 0
	return dst
}

// Close ends the session with a Notice, after the replies to all requests that were
// executed; Post or Take must follow. Goroutine: as Serve.
func (c *Context) Close(reason Reason) { c.Session.closeAfter(c.out, reason, c.Session.requests, true) }
