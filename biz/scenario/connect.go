package scenario

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// logIn connects a session if it is not connected, and logs it in. It tries again while the
// server is busy.
func (p *player) logIn(ctx context.Context, s *session, credential client.Credential) (account client.Account, err error) {
	var snapshot client.Snapshot
	fresh := s.Client == nil
	err = client.Retry(ctx, func() (err error) {
		if fresh {
			if err := p.dial(ctx, s); err != nil {
				return err
			}
		}
		if snapshot, err = s.Login(ctx, s.customer, credential); err != nil && fresh {
			_ = s.Close() // always nil
			s.Client = nil
		}
		return err
	})
	if err != nil {
		return account, err
	}
	return snapshot.Account, s.welcome(ctx, snapshot)
}

// welcome starts with the snapshot of a login.
func (s *session) welcome(ctx context.Context, snapshot client.Snapshot) error {
	s.loggedIn, s.cut, s.held, s.loginMark = true, false, false, s.in.mark()
	s.in.restart(snapshot.Sequence)
	orders, err := s.Orders(ctx, s.customer)
	if err == nil {
		s.rebase(snapshot, orders)
	}
	return err
}

// dial connects a session, which is closed at the end of the play.
func (p *player) dial(ctx context.Context, s *session) (err error) {
	narrate := func(client.Push) {}
	if s.customer != p.stage.options.Operator && s.name == p.first(s.customer) {
		narrate = p.narrate(s.customer)
	}
	in := s.in
	s.Client, err = client.Dial(ctx, p.addr, client.Options{
		TLS: p.encryption(), Timeout: p.stage.options.Timeout, LoginTimeout: max(p.stage.options.Timeout, client.DefaultLoginTimeout),
		OnPush: func(push client.Push) {
			in.add(push)
			narrate(push)
		},
	})
	return err
}

// encryption returns how to speak TLS with the server, which is only for one that was there before.
func (p *player) encryption() *tls.Config {
	if p.own {
		return nil
	}
	return p.stage.options.TLS
}

// first returns the name of the first session of a customer.
func (p *player) first(c client.Customer) string {
	for _, s := range p.sessions {
		if s.customer == c {
			return s.name
		}
	}
	return ""
}

var (
	errConnected    = errors.New("the session is connected already")
	errNotConnected = errors.New("the session is not connected: let it log in first")
)

// connected returns an error if the session has never been connected.
func (s *session) connected() error {
	if s.Client == nil {
		return fmt.Errorf("%s: %w", s.name, errNotConnected)
	}
	return nil
}

// opener is an action that can do without a connection.
type opener interface{ opens() }

// connectAction connects without a login.
type connectAction struct{}

func readConnect(*line, *statement) action { return connectAction{} }

func (connectAction) opens() {}

func (connectAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	if s.Client != nil {
		return outcome{}, errConnected
	}
	return done(), p.dial(ctx, s)
}

// logAction logs in or out.
type logAction struct{ out, wrongToken bool }

func readLog(l *line, _ *statement) action {
	switch l.oneOf("word", []string{"in", "out"}) {
	case "out":
		return logAction{out: true}
	default:
		return logAction{wrongToken: l.accept("with", "a", "wrong", "token")}
	}
}

func (logAction) opens() {}

func (logAction) patience() time.Duration { return time.Minute }

func (a logAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	if a.out {
		if err := s.connected(); err != nil {
			return outcome{}, err
		}
		if err := s.Logout(ctx); err != nil {
			return refusal(err)
		}
		s.loggedIn = false
		return done(), nil
	}
	credential := p.credential(s.customer)
	if a.wrongToken {
		credential = client.Token([]byte("not the token of anybody"))
	}
	if _, err := p.logIn(ctx, s, credential); err != nil {
		return refusal(err)
	}
	return done(), nil
}

// disconnectAction closes a session, or as an operator those of a customer.
type disconnectAction struct {
	customer string // "": one's own session
	after    int    // pushes
}

func readDisconnect(l *line, _ *statement) action {
	if len(l.words) == 0 {
		return disconnectAction{}
	}
	a := disconnectAction{customer: l.customer()}
	if l.accept("after") {
		a.after = l.count("a number of pushes", 1_000_000)
		if !l.accept("push") {
			l.require("pushes")
		}
	}
	return a
}

func (a disconnectAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	if a.customer == "" {
		s.loggedIn = false
		_ = s.Close() // always nil
		return done(), nil
	}
	main := p.session(a.customer)
	o := client.Disconnect{Customer: main.customer}
	if a.after > 0 {
		o.AfterPush = main.in.sequence() + uint64(a.after)
	}
	reply, err := s.Operate(ctx, o)
	if err != nil {
		return refusal(err)
	}
	for _, other := range p.sessions {
		if other.customer == main.customer && other.Client != nil && other != s {
			other.cut = true
		}
	}
	return count(reply.Count), nil
}

// reconnectAction connects again and continues.
type reconnectAction struct {
	how string // "": in any way
	why string
}

const (
	byResume   = "resumed"
	bySnapshot = "with a snapshot"
)

func readReconnect(l *line, _ *statement) action {
	switch {
	case l.accept(byResume):
		return reconnectAction{how: byResume}
	case l.accept("with", "a", "snapshot"):
		a := reconnectAction{how: bySnapshot}
		if l.accept("because") {
			a.why = l.oneOf("reason", snapshotReasons())
		}
		return a
	}
	return reconnectAction{}
}

func snapshotReasons() []string {
	return protocolNames(func(n int32) string { return client.SnapshotReason(n).String() })
}

func (reconnectAction) patience() time.Duration { return time.Minute }

func (a reconnectAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	var w client.Welcome
	err := client.Retry(ctx, func() error {
		next, welcome, err := s.Reconnect(ctx, s.customer, p.credential(s.customer))
		if err == nil {
			s.Client, w = next, welcome
		}
		return err
	})
	if err != nil {
		return refusal(err)
	}
	how := byResume
	if w.Resumed {
		s.loggedIn, s.cut, s.held = true, false, false
	} else {
		how = bySnapshot
		if err := s.welcome(ctx, w.Snapshot); err != nil {
			return outcome{}, err
		}
	}
	if a.how != "" && a.how != how || a.why != "" && a.why != w.Why.String() {
		return outcome{head: fmt.Sprintf("%s %s", how, w.Why), unexpected: true, facts: facts{}}, nil
	}
	return done(), nil
}
