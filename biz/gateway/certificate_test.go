package gateway_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"holdfast/biz/client"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// TestLoginByCertificate: a client certificate logs in the customer whose entry in the seed has its name,
// and nobody else. A reload that removes the name ends those sessions only.
func TestLoginByCertificate(t *testing.T) {
	s := start(t, setup{listeners: []engine.Listener{{Address: "127.0.0.1:0", TLS: carriertest.ServerTLS()}}})
	named := func(name string) *client.Client {
		t.Helper()
		config := carriertest.ClientTLS()
		if name != "" {
			config.Certificates = []tls.Certificate{carriertest.ClientCertificate(name)}
		}
		c, err := client.Dial(t.Context(), s.running.Addrs[1], client.Options{Timeout: patience, HeartbeatInterval: -1, TLS: config})
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	refused := func(c *client.Client, who client.Customer) {
		t.Helper()
		if _, err := c.Login(t.Context(), who, client.Credential{}); !errors.Is(err, client.ErrUnauthenticated) {
			t.Errorf("login as %d: %v", who, err)
		}
	}
	refused(named("alice.example"), alice) // the seed does not have the name yet
	s.reload(`"token_sha256": "ALICE"`, `"token_sha256": "ALICE", "certificate": "alice.example"`)
	tr := named("alice.example")
	_, err := tr.Login(t.Context(), alice, client.Credential{})
	must(t, err)
	refused(named("alice.example"), bob)
	refused(named("bob.example"), alice)
	refused(named(""), alice)
	byToken := s.login(alice)
	other := named("")
	_, err = other.Login(t.Context(), alice, client.DemoToken(alice))
	must(t, err)

	if r := s.reload(); r.Sessions != 1 {
		t.Errorf("the reload ended %d sessions", r.Sessions)
	}
	<-tr.Done()
	byToken.buy(tin, 1)
	refused(named("alice.example"), alice)
}
