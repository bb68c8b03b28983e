package engine

import "holdfast/codec"

// Context is one message and what a handler needs to answer it.
//
// Lifetime: valid until the handler returns. Goroutine: the handler's.
type Context struct {
	Session *Session
	Message codec.Message
	// Local is what Config.NewLocal made for this worker; all handlers that run under
	// this Context see the same value.
	Local any

	core      *Core
	out       *Outbox
	mostDue   int64 // executes requests of sessions that have no more output due
	serves    uint64
	sampled   sampled // of the messages that are executed next
	number    uint32  // of the request
	taken     stamp   // when the request came, if it is a sample; else 0
	offLane   bool
	unordered bool // off the lane, and outside the order of replies
	replied   bool // the handler that runs has answered or deferred its request
}

// ServeCount returns how often Serve was called with this context: messages that were
// read together have the same count. Off the lane it has no meaning.
func (c *Context) ServeCount() uint64 { return c.serves }

// Reply sends result and body (nil for none) as the reply to the message.
func (c *Context) Reply(r codec.Result, body codec.Body) {
	c.out.addReply(c.Session, &c.Message, c.number, placesOf(c.unordered), c.taken, r, body)
	c.replied = true
}

func (c *Context) request() Request {
	return Request{Session: c.Session, Command: c.Message.Command, ID: c.Message.ID, number: c.number, taken: c.taken, unordered: c.unordered}
}

// unanswered counts the request as answered: its handler has returned without a reply.
func (c *Context) unanswered() {
	c.out.skipReply(c.Session, c.number, placesOf(c.unordered), 1)
}

// Defer leaves the reply to a later Outbox.Reply with the returned Request. Replies to
// later requests of the session wait for it. Replies that the context has gathered are
// posted first, since the deferred one may come quickly.
func (c *Context) Defer() Request {
	if c.out.kind == fromLane && c.out.count > 0 {
		c.Post()
	}
	c.later(1)
	return c.request()
}

// Detach is Defer for a reply that may take long: if clients of the dialect match
// replies by id, other replies do not wait for it.
func (c *Context) Detach() Request {
	if c.Session.ordered || c.offLane {
		return c.Defer()
	}
	c.out.skipReply(c.Session, c.number, 1, 0) // takes its place without a reply
	c.later(0)
	r := c.request()
	r.unordered = true
	return r
}

// later marks the request as one that is answered later. If it was executed on the event
// loop, it is in flight from now on. places is how many places its reply takes.
func (c *Context) later(places int32) {
	c.replied = true
	if c.offLane {
		return
	}
	switch c.out.kind {
	case fromLoop:
		c.Session.inFlight++
	case inline:
		c.Session.underWay.Add(places)
	}
}

// Join makes the session join a feed (Feed.Join), after the replies that the context has
// gathered.
func (c *Context) Join(f *Feed, wants func(key uint32) bool) { f.Join(c.out, c.Session, wants) }

// Go runs h off the lane: in a separate task, with a copy of the message. If too many
// such tasks are running, it calls Config.Overloaded instead and returns false.
func (c *Context) Go(h Handler) bool {
	if c.core.startOffLane(c, h) {
		return true
	}
	c.core.config.Overloaded(c)
	return false
}

// Post posts the replies that Serve has gathered in this context.
func (c *Context) Post() {
	if c.out.kind == inline && c.out.count > 0 {
		for _, p := range c.out.batches[c.Session.group.index].pieces {
			c.Session.underWay.Add(p.count)
		}
	}
	c.out.Post()
}

// Take appends the gathered replies to dst and counts them as sent: the carrier writes
// them itself, unless the session is Closing by then. If earlier replies are under way,
// or the session is being closed, it posts them instead and appends nothing.
//
// It is for contexts of NewInlineContext, after one Serve or several of one session.
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

// Close ends the session with a Notice, after the replies to all executed requests.
// Call Post or Take afterwards. Goroutine: as Serve.
func (c *Context) Close(reason Reason) { c.Session.closeAfter(c.out, reason, c.Session.requests, true) }
