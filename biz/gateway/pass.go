package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/engine"
)

// Pass is a customer who has logged in with a password outside of a session: in the console. Its
// tickets log sessions in. It lasts until End, or until a reload replaces the credential or withdraws
// the customer; then its sessions end too.
//
// Goroutine: any.
type Pass struct {
	gateway    *Gateway
	account    *account
	credential credential
	ended      atomic.Bool // set in a View of the account

	tickets []ticketKey // oldest first; guarded by passes.mu
}

// TicketTime is how long a ticket of a Pass can be used.
const TicketTime = 30 * time.Second

// maxTickets is how many unused tickets a Pass has at most: a further one replaces the oldest.
const maxTickets = 16

// LoginError says why OpenPass refused a customer.
type LoginError struct {
	Result  codec.Result // ResultUnauthenticated; ResultOverloaded; ResultFailed
	Guesses bool         // there were too many wrong passwords
	Message string       // for the customer
}

// Error implements error.
func (e *LoginError) Error() string { return "gateway: " + e.Message }

// passes are the passes that have not ended, and their unused tickets.
type passes struct {
	mu      sync.Mutex
	live    map[*Pass]struct{}
	tickets map[ticketKey]ticket
}

// ticketKey is the hash of a ticket.
type ticketKey [sha256.Size]byte

// ticket logs one session in.
type ticket struct {
	customer   ledger.Customer
	credential credential
	until      time.Time
}

// OpenPass verifies a password as Login does: it waits in the same queue, and too many wrong ones delay
// the next ones alike. from is the address of the client. Errors are *LoginError, and that of ctx.
func (g *Gateway) OpenPass(ctx context.Context, customer ledger.Customer, password string, from net.Addr) (*Pass, error) {
	if len(password) > seed.MaxPasswordSize { // no customer has one
		return nil, &LoginError{Result: codec.ResultUnauthenticated, Message: noMatch}
	}
	l := &login{
		state: new(sessionState), customer: customer, password: password,
		address: engine.CountedAddress(from), passed: make(chan passed, 1),
	}
	if refusal := g.guesses.take(l); refusal != "" {
		g.refuseGuess(l, refusal)
	}
	select {
	case p := <-l.passed:
		return p.pass, p.err
	case <-ctx.Done():
	}
	l.state.close(func() {})
	g.guesses.forget(l)
	select {
	case p := <-l.passed: // just before
		if p.pass != nil {
			p.pass.End()
		}
	default:
	}
	return nil, ctx.Err()
}

// passed is the answer to an OpenPass.
type passed struct {
	pass *Pass
	err  error
}

// admitPass answers an OpenPass whose password was verified.
func (g *Gateway) admitPass(l *login, a *account) {
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	if l.state.closed {
		return
	}
	p := &Pass{gateway: g, account: a, credential: l.credential}
	p.credential.pass = p
	a.View(func(*ledger.Account) {
		if !l.credential.of(a.Owner()) { // it was replaced since the verification
			g.refuseLogin(l, codec.ResultUnauthenticated, noMatch)
			return
		}
		g.passes.add(p)
		l.passed <- passed{pass: p}
	})
}

// refusePass answers an OpenPass that is refused.
func (l *login) refusePass(r codec.Result, message string) {
	l.passed <- passed{err: &LoginError{Result: r, Guesses: message == tooManyGuesses, Message: message}}
}

// Credential names the credential that the customer has logged in with, without revealing it.
func (p *Pass) Credential() []byte {
	sum := sha256.Sum256([]byte(p.credential.password))
	return sum[:]
}

// RestorePass returns a pass like that of an OpenPass before a restart. It returns nil if the customer no
// longer has the credential.
func (g *Gateway) RestorePass(customer ledger.Customer, of []byte) *Pass {
	a := g.account(customer)
	if a == nil {
		return nil
	}
	p := &Pass{gateway: g, account: a}
	p.credential.pass = p
	var restored *Pass
	a.View(func(*ledger.Account) {
		p.credential.password = a.Owner().Password
		if p.credential.password != "" && bytes.Equal(p.Credential(), of) {
			g.passes.add(p)
			restored = p
		}
	})
	return restored
}

// Owner returns the customer as the seed has it now.
func (p *Pass) Owner() *seed.Customer { return p.account.Owner() }

// ReadsOthers reports whether the customer may now read every account.
func (p *Pass) ReadsOthers() bool { return p.account.may(readOthers) }

// Ended reports whether the pass has ended.
func (p *Pass) Ended() bool { return p.ended.Load() }

// Ticket returns a token that logs one session of the customer in, within TicketTime. It returns nil
// if the pass has ended.
func (p *Pass) Ticket() []byte {
	token := newTicket()
	s, now := &p.gateway.passes, p.gateway.config.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, live := s.live[p]; !live {
		return nil
	}
	for len(p.tickets) > 0 && (len(p.tickets) >= maxTickets || !now.Before(s.tickets[p.tickets[0]].until)) {
		delete(s.tickets, p.tickets[0]) // it may be used already
		p.tickets = p.tickets[1:]
	}
	key := ticketKey(sha256.Sum256(token))
	p.tickets = append(p.tickets, key)
	s.tickets[key] = ticket{p.account.Customer(), p.credential, now.Add(TicketTime)}
	return token
}

func newTicket() []byte {
	token := make([]byte, sha256.Size)
	_, _ = rand.Read(token) // it never fails
	return token
}

// redeem uses up a ticket and makes l a login of its pass. It returns false if the token is no ticket,
// or not one of the customer.
func (g *Gateway) redeem(l *login, token []byte) bool {
	used, ok := g.passes.take(token)
	if !ok || !g.config.Now().Before(used.until) || used.customer != l.customer {
		return false
	}
	l.credential = used.credential
	return l.credential.of(g.account(l.customer).Owner())
}

// End ends the pass and its sessions, with Notice REVOKED.
func (p *Pass) End() {
	p.invalidate()
	for _, session := range p.account.sessions.Append(nil) {
		p.gateway.revoke(session, p.account)
	}
}

// invalidate makes the credential of the sessions invalid.
func (p *Pass) invalidate() {
	p.account.View(func(*ledger.Account) { p.ended.Store(true) }) // after a turn that logs in with it
	p.gateway.passes.remove(p)
}

// endPasses ends the passes whose credential is no longer that of a.
func (g *Gateway) endPasses(a *account) {
	for _, p := range g.passes.of(a) {
		if !p.credential.of(a.Owner()) {
			p.invalidate()
		}
	}
}

func (s *passes) add(p *Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		s.live = make(map[*Pass]struct{})
	}
	s.live[p] = struct{}{}
}

func (s *passes) remove(p *Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, p)
	for _, key := range p.tickets {
		delete(s.tickets, key)
	}
	p.tickets = nil
}

// of returns the passes of an account.
func (s *passes) of(a *account) (list []*Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.live {
		if p.account == a {
			list = append(list, p)
		}
	}
	return list
}

// take removes a ticket.
func (s *passes) take(token []byte) (ticket, bool) {
	key := ticketKey(sha256.Sum256(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tickets[key]
	delete(s.tickets, key)
	return t, ok
}
