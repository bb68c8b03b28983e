package gateway_test

import (
	"crypto/x509"
	"net"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/engine"
)

// TestPeerTicket: what Credential names logs a session of the same customer in, once, and as long as the customer
// has that credential.
func TestPeerTicket(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	session := s.core.Sessions()[0]
	credential := s.service.Credential(session)
	if credential == nil {
		t.Fatal("no credential")
	}
	ticket := s.service.Ticket(ledger.Customer(alice), credential)
	if ticket == nil {
		t.Fatal("no ticket")
	}
	if other := s.service.Ticket(ledger.Customer(bob), credential); other != nil {
		t.Error("a ticket for another customer")
	}
	if s.service.Ticket(ledger.Customer(alice), nil) != nil || s.service.Ticket(12345, credential) != nil {
		t.Error("a ticket without a credential, or without a customer")
	}
	second := s.dial()
	_, err := second.Login(t.Context(), alice, client.Token(ticket))
	must(t, err)
	if _, err = s.dial().Login(t.Context(), alice, client.Token(ticket)); err == nil {
		t.Error("a ticket works twice")
	}
	must(t, tr.Logout(t.Context()))
	if s.service.Credential(session) != nil {
		t.Error("a credential after the logout")
	}
	changed := parseSeed(t, seedText)
	for i := range changed.Customers {
		if c := &changed.Customers[i]; c.Number == ledger.Customer(alice) {
			c.TokenSHA256[0]++
		}
	}
	_, err = s.service.Gateway.Reload(changed)
	must(t, err)
	if s.service.Ticket(ledger.Customer(alice), credential) != nil {
		t.Error("a ticket for a credential that was replaced")
	}
}

// plainLink is a link of a client whose TLS has ended elsewhere.
type plainLink struct{ drained }

func (plainLink) Encrypted() bool                { return true }
func (plainLink) Certificate() *x509.Certificate { return &x509.Certificate{} }

// TestSecureLink: a session knows what its link knows of the client.
func TestSecureLink(t *testing.T) {
	s := start(t, setup{})
	l := &plainLink{}
	session, _ := s.core.Open(s.core.AddCarrier(l), l, &net.TCPAddr{}, &engine.Listener{Dialect: codec.Packet{}})
	defer s.core.Closed(session, engine.ReasonPeerClosed)
	if !session.Encrypted() || session.Certificate() == nil {
		t.Error("not encrypted, or no certificate")
	}
}
