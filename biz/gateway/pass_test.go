package gateway_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/codec"
)

// somewhere is the address of a client.
var somewhere = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}

// TestPassOfClientThatGoes: a login whose client does not wait for the answer leaves nothing.
func TestPassOfClientThatGoes(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.service.OpenPass(ctx, ledger.Customer(carol), password, somewhere)
		ended <- err
	}()
	eventually(t, "the password to wait", func() bool { return s.service.PendingLogins() == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	release()
	eventually(t, "the end of the login", func() bool { return s.service.PendingLogins() == 0 })
	if n := s.service.Passes(); n != 0 {
		t.Errorf("%d passes", n)
	}
}

// TestPassAtStop: a password that waits when the server stops is refused.
func TestPassAtStop(t *testing.T) {
	s := start(t, setup{})
	must(t, s.service.Drain(t.Context()))
	_, err := s.service.OpenPass(t.Context(), ledger.Customer(carol), password, somewhere)
	var refused *gateway.LoginError
	if !errors.As(err, &refused) || refused.Result != codec.ResultOverloaded || refused.Guesses {
		t.Errorf("error %v", err)
	}
}

// TestPassEndsDuringLogin: of a login with a ticket at the time when the pass ends, no session stays.
func TestPassEndsDuringLogin(t *testing.T) {
	s := start(t, setup{})
	for range 20 {
		p, err := s.service.OpenPass(t.Context(), ledger.Customer(carol), password, somewhere)
		must(t, err)
		conn, err := client.Dial(t.Context(), s.addr, client.Options{})
		must(t, err)
		ticket := p.Ticket()
		var both sync.WaitGroup
		both.Go(func() { _, err = conn.Login(t.Context(), carol, client.Token(ticket)) })
		both.Go(p.End)
		both.Wait()
		if err == nil {
			<-conn.Done()
		}
		_ = conn.Close()
		if p.Ticket() != nil || !p.Ended() || s.service.Passes() != 0 {
			t.Fatal("the pass has not ended")
		}
	}
}
