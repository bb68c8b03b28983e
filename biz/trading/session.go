package trading

import (
	"sync"
	"sync/atomic"

	"holdfast/engine"
)

// sessionState is what the service knows of a session.
type sessionState struct {
	account  atomic.Pointer[account] // nil before login
	guessing atomic.Bool             // a password of this session waits or is verified

	mu     sync.Mutex // held while account changes
	closed bool
}

// gone tells whether the session has ended.
func (t *sessionState) gone() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (s *Service) sessionOpened(session *engine.Session) {
	s.state.Set(session, new(sessionState))
}

func (s *Service) sessionClosed(session *engine.Session, _ engine.Reason) {
	state := s.state.Get(session)
	state.mu.Lock()
	defer state.mu.Unlock()
	state.closed = true
	s.leave(session, state)
}

// leave ends what login began. The caller holds state.mu.
func (s *Service) leave(session *engine.Session, state *sessionState) {
	s.quotes.unsubscribe(session)
	session.SetLoggedIn(false)
	a := state.account.Swap(nil)
	if a != nil && a.detach(session) {
		s.presence.remove(a)
	}
}

// presence is the set of accounts that somebody is logged in to.
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

// remove takes a out unless somebody has logged in again meanwhile.
func (p *presence) remove(a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) == 0 {
		delete(p.online, a)
	}
}

// list appends the accounts that are online.
func (p *presence) list(dst []*account) []*account {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a := range p.online {
		dst = append(dst, a)
	}
	return dst
}
