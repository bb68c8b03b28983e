package gateway

import (
	"sync"
	"sync/atomic"

	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/engine"
)

// sessionState is what the gateway knows of a session.
type sessionState struct {
	account  atomic.Pointer[account]     // nil before login
	identity atomic.Pointer[fixIdentity] // nil: none, or before Logon
	guess    atomic.Pointer[login]       // its password waits or is verified; nil: none does

	revoked   atomic.Bool  // the credential of the login was revoked; see Gateway.Reload
	operating sync.RWMutex // read-locked while the session executes an operator's command

	mu         sync.Mutex // held while account changes
	closed     bool
	credential *credential // of the login to account
	reloading  bool        // it executes a reload, after which it is closed if that has revoked the login
}

// isClosed reports whether the session has ended.
func (t *sessionState) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// close marks the session as ended and calls end under its lock.
func (t *sessionState) close(end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	end()
}

func (g *Gateway) sessionOpened(session *engine.Session) {
	g.state.Set(session, new(sessionState))
	if session.Greets() {
		out := g.core.NewOutbox()
		out.Push(session, codec.CommandConn, 0, g.hello(session))
		out.Post()
		out.Free()
	}
	if g.config.Chat != nil {
		g.config.Chat.Opened(session)
	}
}

func (g *Gateway) sessionClosed(session *engine.Session, _ engine.Reason) {
	state := g.state.Get(session)
	state.close(func() { g.endLogin(session, state) })
	if g.config.FIXEcho != nil {
		g.config.FIXEcho.Closed(session)
	}
	if id := state.identity.Load(); id != nil {
		g.fix.end(id, session)
	}
	if l := state.guess.Load(); l != nil {
		g.guesses.forget(l)
	}
}

// endLogin undoes a login, and makes the session leave the chat. The caller holds state.mu.
func (g *Gateway) endLogin(session *engine.Session, state *sessionState) {
	if g.config.Chat != nil {
		g.config.Chat.Left(session)
	}
	g.quotes.unsubscribe(session)
	session.SetLoggedIn(false)
	a := state.account.Swap(nil)
	if a != nil && a.sessions.Remove(session) {
		g.presence.remove(a)
	}
}

// presence is the set of accounts with sessions.
type presence struct {
	mu     sync.Mutex
	online map[*account]struct{}
}

func (p *presence) add(a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.online == nil {
		p.online = make(map[*account]struct{})
	}
	p.online[a] = struct{}{}
}

// remove removes a unless somebody has logged in again.
func (p *presence) remove(a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.sessions.Empty() {
		delete(p.online, a)
	}
}

// list appends the accounts with sessions.
func (p *presence) list(dst []*account) []*account {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a := range p.online {
		dst = append(dst, a)
	}
	return dst
}

// OwnerOf returns the customer who is logged in on a session, or nil. Goroutine: any.
func (g *Gateway) OwnerOf(session *engine.Session) *seed.Customer {
	if !session.LoggedIn() {
		return nil
	}
	if a := g.state.Get(session).account.Load(); a != nil { // the login may just have ended
		return a.Owner()
	}
	return nil
}
