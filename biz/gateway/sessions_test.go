package gateway_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// overLimit checks that a login is refused because the account has too many sessions.
func (w *wire) overLimit(request *pb.LoginRequest) {
	w.t.Helper()
	r, body := w.ask(codec.CommandLogin, 7, request)
	var e pb.Error
	must(w.t, e.UnmarshalVT(body))
	if r != codec.ResultOverloaded || !strings.Contains(e.Message, "limit 2") || !strings.Contains(e.Message, "sessions_per_account") {
		w.t.Errorf("%s %q, want OVERLOADED with the limit and its setting", r, e.Message)
	}
	if r, _ := w.ask(codec.CommandPositions, 8, nil); r != codec.ResultUnauthenticated {
		w.t.Errorf("positions after it: %s", r)
	}
}

// TestSessionsPerAccount: a login above the limit of sessions of an account is refused and
// counted, with any credential and dialect; other accounts and sessions are not affected.
func TestSessionsPerAccount(t *testing.T) {
	s := start(t, setup{sessions: 2, listeners: tlvListener(engine.Listener{})})
	first, second := s.wire(), s.wireAt(0)
	first.login(carol)
	second.login(carol)
	third := s.wire()
	third.overLimit(tokenLogin(carol))
	third.overLimit(&pb.LoginRequest{Customer: uint32(carol), Credential: &pb.LoginRequest_Password{Password: password}})
	resume := tokenLogin(carol)
	resume.ResumeFrom = 1
	third.overLimit(resume)
	s.wireAt(0).overLimit(tokenLogin(carol))
	if n := s.service.RefusedSessions(); n != 4 {
		t.Errorf("%d logins counted as refused, want 4", n)
	}
	if n := s.service.LoggedIn(ledger.Customer(carol)); n != 2 {
		t.Errorf("%d sessions are logged in", n)
	}
	first.login(carol) // again: the same session
	wrong := tokenLogin(carol)
	wrong.Credential = &pb.LoginRequest_Token{Token: demoToken(bob)}
	if r, _ := third.ask(codec.CommandLogin, 9, wrong); r != codec.ResultUnauthenticated { // does not tell of the limit
		t.Errorf("wrong token over the limit: %s", r)
	}
	third.login(bob) // who has no session yet
	if r, _ := third.ask(codec.CommandPlaceOrder, 9, buyOne()); r != codec.ResultOK {
		t.Errorf("order of the one that was refused: %s", r)
	}
	for range executionPushes { // its own pushes, and none of carol's
		if m := third.next(); !m.Command.IsPush() {
			t.Errorf("%s, want a push", m.Command)
		}
	}
	if n := s.service.RefusedSessions(); n != 4 {
		t.Errorf("then %d logins counted as refused, want 4", n)
	}
}

// TestLogoutAdmitsAnotherSession: a login is accepted again once a session has logged out or
// ended.
func TestLogoutAdmitsAnotherSession(t *testing.T) {
	for _, tc := range []struct {
		name  string
		leave func(*testing.T, *wire)
	}{
		{"logged out", func(t *testing.T, w *wire) {
			if r, _ := w.ask(codec.CommandLogout, 2, nil); r != codec.ResultOK {
				t.Errorf("logout: %s", r)
			}
		}},
		{"gone", func(_ *testing.T, w *wire) { w.close() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{sessions: 2})
			first, second, third := s.wire(), s.wire(), s.wire()
			first.login(alice)
			second.login(alice)
			third.overLimit(tokenLogin(alice))
			tc.leave(t, first)
			eventually(t, "one to have left", func() bool { return s.service.LoggedIn(ledger.Customer(alice)) == 1 })
			third.login(alice)
			s.wire().overLimit(tokenLogin(alice))
			if r, _ := second.ask(codec.CommandPlaceOrder, 3, buyOne()); r != codec.ResultOK {
				t.Errorf("order: %s", r)
			}
			for range executionPushes {
				third.next() // which gets the pushes
			}
		})
	}
}

// TestSessionsAtTheSameTime: of many simultaneous logins exactly as many succeed as the limit
// allows.
func TestSessionsAtTheSameTime(t *testing.T) {
	const limit, tries = 5, 40
	s := start(t, setup{sessions: limit})
	var all []*wire
	for range tries {
		all = append(all, s.wire())
	}
	var in, out atomic.Int64
	var work sync.WaitGroup
	for n, w := range all {
		work.Go(func() {
			w.send(codec.CommandLogin, uint64(n), tokenLogin(dave))
			m, err := w.read()
			switch {
			case err != nil:
				t.Error(err)
			case codec.Result(m.Body[0]) == codec.ResultOK:
				in.Add(1)
			case codec.Result(m.Body[0]) == codec.ResultOverloaded:
				out.Add(1)
			}
		})
	}
	work.Wait()
	if in.Load() != limit || out.Load() != tries-limit || s.service.RefusedSessions() != tries-limit {
		t.Errorf("%d in and %d out, %d counted as refused", in.Load(), out.Load(), s.service.RefusedSessions())
	}
	if n := s.service.LoggedIn(ledger.Customer(dave)); n != limit {
		t.Errorf("%d sessions are logged in", n)
	}
}

// TestSessionsByDefault: without a setting an account may have 1,024 sessions.
func TestSessionsByDefault(t *testing.T) {
	s := start(t, setup{limits: engine.Limits{ConnectionsPerAddress: -1}})
	var last *wire
	for range 1024 {
		last = s.wire()
		last.login(alice)
	}
	over := s.wire()
	r, body := over.ask(codec.CommandLogin, 1, tokenLogin(alice))
	var e pb.Error
	must(t, e.UnmarshalVT(body))
	if r != codec.ResultOverloaded || !strings.Contains(e.Message, "limit 1024:") {
		t.Errorf("%s %q", r, e.Message)
	}
	last.close()
	eventually(t, "one to have left", func() bool { return s.service.LoggedIn(ledger.Customer(alice)) < 1024 })
	over.login(alice)
}
