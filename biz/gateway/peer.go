package gateway

import (
	"bytes"
	"crypto/sha256"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/engine"
)

// Kinds of credentials, as the first byte of what Credential returns.
const (
	peerPassword    = 'p'
	peerToken       = 't'
	peerCertificate = 'c'
)

// Credential names the credential that a session has logged in with, without revealing a password or a
// token, so that Ticket of a gateway with the same customers can log the session's client in again. It returns
// nil if the session is not logged in. Goroutine: any.
func (g *Gateway) Credential(s *engine.Session) []byte {
	state := g.state.Get(s)
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.account.Load() == nil || state.credential == nil {
		return nil
	}
	return state.credential.named()
}

// named returns kind and hash of a credential: what it is without the session that it came from.
func (c *credential) named() []byte {
	switch {
	case c.password != "":
		return hashed(peerPassword, []byte(c.password))
	case c.certificate != "":
		return hashed(peerCertificate, []byte(c.certificate))
	default:
		return hashed(peerToken, c.token[:])
	}
}

func hashed(kind byte, b []byte) []byte {
	sum := sha256.Sum256(b)
	return append([]byte{kind}, sum[:]...)
}

// Ticket returns a token that logs one session of the customer in, within TicketTime, as the credential
// does that Credential has named. It returns nil if the customer no longer has it. Goroutine: any.
func (g *Gateway) Ticket(customer ledger.Customer, of []byte) []byte {
	a := g.account(customer)
	if a == nil {
		return nil
	}
	c, ok := credentialNamed(a.Owner(), of)
	if !ok {
		return nil
	}
	token := newTicket()
	g.passes.addTicket(token, ticket{customer, c, g.config.Now().Add(TicketTime)})
	return token
}

// credentialNamed returns the credential of a customer that has this name.
func credentialNamed(owner *seed.Customer, name []byte) (c credential, ok bool) {
	if len(name) == 0 {
		return c, false
	}
	switch name[0] {
	case peerPassword:
		c.password = owner.Password
		ok = c.password != ""
	case peerCertificate:
		c.certificate = owner.Certificate
		ok = c.certificate != ""
	case peerToken:
		c.token = owner.TokenSHA256
		ok = c.token != credential{}.token
	}
	return c, ok && bytes.Equal(c.named(), name)
}

// maxPeerTickets is how many tickets there are before those that are too old are removed: a ticket is
// mostly used at once.
const maxPeerTickets = 4096

// addTicket adds a ticket that is of no Pass.
func (s *passes) addTicket(token []byte, t ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tickets) >= maxPeerTickets {
		for key, old := range s.tickets {
			if old.until.Add(TicketTime).Before(t.until) {
				delete(s.tickets, key)
			}
		}
	}
	s.tickets[ticketKey(sha256.Sum256(token))] = t
}
