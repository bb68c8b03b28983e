package gateway

import (
	"strconv"

	"holdfast/engine"
)

// Chat has the chat rooms of a server. The calls for one session do not overlap.
type Chat interface {
	// Start is called once, before the core serves.
	Start(core *engine.Core)
	// Opened is called on the event loop when a session has opened.
	Opened(s *engine.Session)
	// Handle executes a Chat request. sender is the customer number of who is logged in, ""
	// for nobody.
	Handle(c *engine.Context, sender string)
	// Left is called when a session has logged out or is closed, also if it never used the
	// chat. It must be quick.
	Left(s *engine.Session)
}

// chat handles Chat. It holds the lock of the session's state, so that a session whose login
// ends at this moment does not join a room afterwards.
func (g *Gateway) chat(c *engine.Context) {
	state := g.state.Get(c.Session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.closed {
		return
	}
	sender := ""
	if a := state.account.Load(); a != nil {
		sender = strconv.FormatUint(uint64(a.Customer()), 10)
	}
	g.config.Chat.Handle(c, sender)
}
