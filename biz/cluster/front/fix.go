package front

import (
	"holdfast/codec"
	"holdfast/codec/fix"
	"holdfast/engine"

	"holdfast/biz/cluster/link"
)

// fixMessage passes a message of a FIX listener to the venue of its customer.
func (f *Front) fixMessage(c *engine.Context) {
	if _, is := c.Session.Dialect().(fix.Dialect); !is || f.config.FIXCustomer == nil {
		unknownCommand(c)
		return
	}
	cl := f.clients.Get(c.Session)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return
	}
	if cl.home == nil && !cl.logon(c.Message.Body) {
		f.log.Warn("a FIX connection was closed: its first message is no Logon of a customer", "address", c.Session.RemoteAddr())
		c.Close(engine.ReasonMalformed)
		return
	}
	s := cl.home
	switch {
	case s.lane == nil:
		c.Close(engine.ReasonUnavailable)
	case s.lane.Full():
		c.Close(engine.ReasonOverloaded)
	default:
		s.lane.Add(link.Entry{Kind: link.KindData, Session: s.number, Body: c.Message.Body}, nil)
		s.lane.Flush()
	}
}

// logon makes the venue of the sender the home of a FIX session. It returns false if nobody knows the
// sender.
func (c *client) logon(message []byte) bool {
	var m fix.Message
	if m.Parse(message) != nil || string(m.Type) != fix.Logon {
		return false
	}
	sender, _ := m.Get(fix.SenderCompID)
	customer, ok := c.front.config.FIXCustomer(string(sender))
	if !ok {
		return false
	}
	c.fix = true
	c.home = c.at(c.front.config.StreamOf(customer))
	return true
}

// passFIX passes messages of the venue to a FIX client. It finds silent clients itself.
func (c *client) passFIX(b []byte) {
	c.session.SetPatient()
	c.session.SetLoggedIn(true)
	c.front.bodies.raw = b
	c.front.out.Push(c.session, codec.CommandFIX, 0, &c.front.bodies.raw)
}
