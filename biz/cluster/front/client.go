package front

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/websocket"
	"holdfast/engine"
)

// client is a session of the front.
type client struct {
	front   *Front
	session *engine.Session

	mu         sync.Mutex
	closed     bool
	fix        bool
	shadows    map[int]*shadow // by stream
	home       *shadow         // that of the last login; nil: there was none
	customer   ledger.Customer // who is logged in; 0: nobody
	credential []byte          // of the login
	history    []byte          // that its pushes belong to
}

// at returns the shadow at a stream. If the client has no shadow there, one is opened: logged in if the client is.
func (c *client) at(stream int) *shadow {
	s := c.shadows[stream]
	if s != nil && c.customer != 0 && !s.admitted && s != c.home { // from before the login
		s.close()
		s = nil
	}
	if s == nil {
		s = &shadow{client: c, venue: c.front.venues[stream], admitted: c.customer != 0}
		c.shadows[stream] = s
		s.connect()
	}
	return s
}

// end closes the session. Goroutine: any.
func (c *client) end(r engine.Reason) { c.session.Close(r) }

// close ends the shadows of a session that has ended. Goroutine: event loop.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, s := range c.shadows {
		s.close()
	}
}

// loggedIn notes a login. The caller holds mu.
func (c *client) loggedIn(customer ledger.Customer, history []byte) {
	c.customer, c.history = customer, history
	c.session.SetLoggedIn(true)
}

// loggedOut undoes it.
func (c *client) loggedOut() {
	c.customer, c.credential = 0, nil
	c.session.SetLoggedIn(false)
	for _, s := range c.shadows {
		if s != c.home {
			s.close()
		}
	}
}

// bodies makes bodies of bytes, one at a time.
type bodies struct{ raw codec.Raw }

// of returns the body b of a command for a session. A JSON client needs the message itself. It is
// valid until the next call.
func (m *bodies) of(s *engine.Session, c codec.Command, r codec.Result, b []byte) codec.Body {
	if len(b) == 0 {
		return nil
	}
	if _, isJSON := s.Dialect().(websocket.JSON); isJSON {
		if message := messageOf(c, r); message != nil && message.UnmarshalVT(b) == nil {
			return message
		}
	}
	m.raw = b
	return &m.raw
}
