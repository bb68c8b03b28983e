package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// edited returns the test seed with parts replaced: old, new, old, new...
func edited(t testing.TB, pairs ...string) *seed.Seed {
	t.Helper()
	text := seedText
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the seed", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return parseSeed(t, text)
}

// reload reloads the test seed with parts replaced. The next start has it, too.
func (s *server) reload(pairs ...string) gateway.Reloaded {
	s.t.Helper()
	with := edited(s.t, pairs...)
	r, err := s.service.Gateway.Reload(with)
	must(s.t, err)
	s.setup.seed = with
	return r
}

// The new token and the new password of a customer.
var newToken = client.Token([]byte("another token of thirty-two byte"))

const newHash = "$argon2id$v=19$m=8,t=1,p=1$d2FsdCBvZiB0aGUgdGVzdA$uJsMBHJVUJNnFwJUdcYoIwgz8vL+n7sZO+acCUcnwyE"

func newTokenHash() string {
	sum := sha256.Sum256([]byte("another token of thirty-two byte"))
	return hex.EncodeToString(sum[:])
}

// revoked waits for the end of the connection, and checks that the server has revoked its
// login.
func (tr *trader) revoked() {
	tr.t.Helper()
	tr.ended()
	var closed *client.NoticeError
	if !errors.As(tr.Err(), &closed) || closed.Notice.Code != client.NoticeRevoked {
		tr.t.Errorf("ended with %v", tr.Err())
	}
}

// TestRevoke: the sessions whose credential has changed end with a Notice. All others live on,
// the old credential is refused, and the new one is good.
func TestRevoke(t *testing.T) {
	s := start(t, setup{sessions: 2})
	gone := []*trader{s.login(alice), s.login(alice), s.dial()}
	_, err := gone[2].Login(t.Context(), carol, client.Password(password))
	must(t, err)
	stays := []*trader{s.login(bob), s.login(carol), s.login(operator)}
	gone[0].buy(tin, 1)

	if r := s.reload(); r.Sessions != 0 || len(r.Owners) != 0 {
		t.Errorf("the same seed: %+v", r)
	}
	r := s.reload("ALICE", newTokenHash(), "PASSWORD", newHash, `"name": "Bob"`, `"name": "Robert"`)
	if r.Sessions != 3 || r.Credentials != 2 || len(r.Owners) != 3 {
		t.Errorf("changed %+v", r)
	}
	if n := s.service.LoggedIn(ledger.Customer(alice)); n != 0 {
		t.Errorf("%d sessions of alice", n)
	}
	for _, tr := range gone {
		tr.revoked()
	}
	if n := s.core.Stats.Closes(engine.ReasonRevoked); n != 3 {
		eventually(t, "the count", func() bool { return s.core.Stats.Closes(engine.ReasonRevoked) == 3 })
	}
	for _, tr := range stays {
		tr.positions()
	}
	stays[0].buy(tin, 1)
	if name := stays[0].positions().Account.Name; name != "Robert" {
		t.Errorf("bob is %s", name)
	}
	tr := s.dial()
	for c, old := range map[client.Customer]client.Credential{alice: client.DemoToken(alice), carol: client.Password(password)} {
		if _, err := tr.Login(t.Context(), c, old); !errors.Is(err, client.ErrUnauthenticated) {
			t.Errorf("the old credential of %d: %v", c, err)
		}
	}
	if _, err := tr.Login(t.Context(), alice, newToken); err != nil {
		t.Errorf("the new token: %v", err)
	}
	tr.buy(tin, 1)
	s.reload() // the old token is good again, the new one is not
	tr.revoked()
	s.login(alice)
}

// TestWithdrawnCustomer: a customer who is no longer in the seed is logged out and can't log
// in.
func TestWithdrawnCustomer(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(dave)
	const line = `,
    {"customer": 100004, "name": "Dave", "cash": "1000000.00", "token_sha256": "DAVE"}`
	if r := s.reload(line, ""); r.Sessions != 1 || len(r.Withdrawn) != 1 {
		t.Errorf("changed %+v", r)
	}
	tr.revoked()
	again := s.dial()
	if _, err := again.Login(t.Context(), dave, client.DemoToken(dave)); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("login: %v", err)
	}
	_, deposit := op.Operate(t.Context(), client.Deposit{Customer: dave, Amount: 1})
	_, cancel := op.CancelAll(t.Context(), client.OrderScope{Customer: dave})
	for _, err := range []error{deposit, cancel} { // not that the login of the operator was revoked
		if e := refused(t, err); e.Reason != client.ReasonUnknownCustomer {
			t.Errorf("%v", err)
		}
	}
	s.reload()
	again.login(dave)
	again.buy(tin, 1)
}

// TestRevokedRole: a role that is withdrawn or given counts from the next request on.
func TestRevokedRole(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(bob)
	x := tr.buy(tin, 1)
	if r := s.reload(`"role": "operator", `, "", `"name": "Bob"`, `"name": "Bob", "role": "operator"`); r.Sessions != 0 || r.Credentials != 0 {
		t.Errorf("changed %+v", r)
	}
	if _, err := op.Bust(t.Context(), x.ID, "no more"); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("bust: %v", err)
	}
	if _, err := op.History(t.Context(), client.HistoryQuery{Customer: bob}); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("history: %v", err)
	}
	if !tr.positions().Account.Operator {
		t.Error("bob is no operator")
	}
	tr.bust(x.ID, "now")
}

// TestRevokedBust: a bust that waits for its execution when its login is revoked has no
// effect.
func TestRevokedBust(t *testing.T) {
	s := start(t, setup{})
	x := s.login(alice).buy(tin, 1)
	op := s.wire()
	op.login(operator)
	s.service.Account(ledger.Customer(alice)).View(func(a *ledger.Account) { // it waits for her lock
		op.send(codec.CommandBust, 2, &pb.BustRequest{ExecutionId: uint64(x.ID), Reason: "late"})
		if r, _ := op.ask(codec.CommandSubmit, 3, nil); r != codec.ResultOK {
			t.Errorf("submit: %s", r)
		}
		if r := s.reload("OPERATOR", newTokenHash()); r.Sessions != 1 {
			t.Errorf("changed %+v", r)
		}
	})
	must(t, s.core.WaitOffLane(t.Context()))
	s.service.Account(ledger.Customer(alice)).View(func(a *ledger.Account) {
		if a.LastNumber() != 1 {
			t.Error("busted")
		}
	})
}

// TestRevokedOrders: once a reload has returned, the session that it ends executes nothing, not
// even the order that its lane has started.
func TestRevokedOrders(t *testing.T) {
	s := start(t, setup{})
	var orders []byte
	for range 200 {
		orders = codec.Packet{}.AppendPush(orders, codec.CommandPlaceOrder, 1, order(func(r *pb.PlaceOrderRequest) { r.Quantity = 1 }))
	}
	a := s.service.Account(ledger.Customer(alice))
	number := func() (n uint64) {
		a.View(func(a *ledger.Account) { n = a.LastNumber() })
		return n
	}
	tokens := []string{"ALICE", newTokenHash()}
	for round := range 300 {
		w := s.wire()
		if r, _ := w.ask(codec.CommandLogin, 1, loginWith(alice, round%2)); r != codec.ResultOK {
			t.Fatalf("login: %s", r)
		}
		with := edited(t, "ALICE", tokens[(round+1)%2])
		before := number()
		w.write(orders)
		for number() == before {
			runtime.Gosched()
		}
		r, err := s.service.Gateway.Reload(with)
		after := number()
		must(t, err)
		if r.Sessions != 1 {
			t.Errorf("round %d: %d sessions ended", round, r.Sessions)
		}
		w.close()
		eventually(t, "the end of the session", func() bool { return s.core.Len() == 0 })
		if now := number(); now != after {
			t.Fatalf("round %d: %d orders were executed after the reload", round, now-after)
		}
	}
}

// TestRevokedWhileVerified: a password that is replaced while it is verified does not log in, or
// the session ends.
func TestRevokedWhileVerified(t *testing.T) {
	const word = "slow to verify"
	s := start(t, setup{seed: edited(t, "PASSWORD", seed.HashPassword(word, [seed.SaltSize]byte{1}))})
	for range 5 {
		w := s.wire()
		w.send(codec.CommandLogin, 1, &pb.LoginRequest{Customer: uint32(carol), Credential: &pb.LoginRequest_Password{Password: word}})
		for s.service.Verifying() == 0 && s.service.LoggedIn(ledger.Customer(carol)) == 0 { // or it is over already
			runtime.Gosched()
		}
		s.reload() // with another hash
		r, _ := w.reply(codec.CommandLogin, 1)
		if n := s.service.Stale(ledger.Customer(carol)); n != 0 {
			t.Errorf("login: %s, and the session stays", r)
		}
		s.reload("PASSWORD", seed.HashPassword(word, [seed.SaltSize]byte{1}))
	}
}

// loginWith is a login with the first or the second token of the customer.
func loginWith(c client.Customer, n int) *pb.LoginRequest {
	token := demoToken(c)
	if n == 1 {
		token = []byte("another token of thirty-two byte")
	}
	return &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Token{Token: token}}
}

// TestReloadUnderLoad: logins, orders and reloads at the same time. After each reload no session
// is left that logged in with the credential of before; in the end a restart after a crash has
// everything.
func TestReloadUnderLoad(t *testing.T) {
	s := start(t, setup{})
	stays := s.login(bob)
	_, err := stays.Quotes(t.Context(), nil, true)
	must(t, err)
	_, err = s.login(carol).Quotes(t.Context(), []client.Key{tin}, true)
	must(t, err)
	var done atomic.Bool
	var work sync.WaitGroup
	for n := range 4 {
		work.Go(func() {
			for !done.Load() {
				tradeUntilRevoked(t, s.addr, n%2)
			}
		})
	}
	tokens := []string{"ALICE", newTokenHash()}
	instruments, customers := "", ""
	for n := range 30 {
		instruments = fmt.Sprintf(`{"market": "NEW", "code": "%d", "name": "New", "last": "1.00"},`, n) + instruments
		customers += fmt.Sprintf(`{"customer": %d, "name": "New", "cash": "9.00", "token_sha256": %q},`, 200_000+n, newTokenHash())
		r := s.reload(`{"market": "ALFA", "code": "600100"`, instruments+`{"market": "ALFA", "code": "600100"`,
			`{"customer": 900001`, customers+`{"customer": 900001`, "ALICE", tokens[n%2])
		if len(r.Instruments) != 1 || len(r.Customers) != 1 {
			t.Errorf("reload %d has changed %+v", n, r)
		}
		if n := s.service.Stale(ledger.Customer(alice)); n != 0 {
			t.Errorf("%d sessions with the old credential", n)
		}
		key := client.Key{Market: "NEW", Code: fmt.Sprint(n)}
		stays.buy(key, 1)
		tr := s.dial()
		_, err := tr.Login(t.Context(), client.Customer(200_000+n), newToken)
		must(t, err)
		tr.buy(key, 2)
	}
	done.Store(true)
	work.Wait()
	seen := func(p client.Push) bool {
		q, ok := p.Event.(client.Quote)
		return ok && q.Key.Market == "NEW"
	}
	for !seen(stays.push()) { // all quotes include the new instruments
	}
	with := s.setup
	with.dir = s.copyData()
	sameState(t, start(t, with), s)
}

// tradeUntilRevoked logs in as alice, with the first or the second token, and places orders
// until the session ends or enough.
func tradeUntilRevoked(t *testing.T, addr string, n int) {
	c, err := client.Dial(context.Background(), addr, client.Options{Timeout: patience, HeartbeatInterval: -1})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	credential := []client.Credential{client.DemoToken(alice), newToken}[n]
	if _, err := c.Login(context.Background(), alice, credential); err != nil {
		return
	}
	for range 100 {
		if _, err := c.PlaceOrder(context.Background(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err != nil {
			return
		}
	}
}
