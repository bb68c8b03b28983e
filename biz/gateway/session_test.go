package gateway_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestWithoutLogin tries every command before the login and after the logout.
func TestWithoutLogin(t *testing.T) {
	s := start(t, setup{})
	before := s.service.Hashes()
	fresh, gone := s.wire(), s.wire()
	gone.login(operator)
	if r, _ := gone.ask(codec.CommandLogout, 2, nil); r != codec.ResultOK {
		t.Fatalf("logout: %s", r)
	}
	open := map[codec.Command]bool{codec.CommandConn: true, codec.CommandSubmit: true, codec.CommandHeartbeat: true}
	guarded := map[codec.Command]bool{
		codec.CommandLogin: true, codec.CommandLogout: true, codec.CommandPositions: true, codec.CommandPlaceOrder: true,
		codec.CommandHistory: true, codec.CommandQuotes: true, codec.CommandBust: true, codec.CommandChat: true,
		codec.CommandCancelOrder: true, codec.CommandReplaceOrder: true, codec.CommandOrders: true, codec.CommandCorrect: true, codec.CommandOperate: true,
	}
	for _, w := range []*wire{fresh, gone} {
		for n := range 256 {
			cmd := codec.Command(n)
			if cmd.IsReply() && guarded[cmd&^codec.ReplyBit] {
				continue // its "reply" can't be told from that to the command
			}
			want := codec.ResultUnknownCommand
			switch {
			case open[cmd]:
				want = codec.ResultOK
			case guarded[cmd]:
				want = codec.ResultUnauthenticated
			}
			if r, _ := w.ask(cmd, uint64(n), nil); r != want {
				t.Errorf("%s: %s, want %s", cmd, r, want)
			}
		}
	}
	for c, hash := range s.service.Hashes() {
		if hash != before[c] {
			t.Errorf("account %d has changed", c)
		}
	}
}

func TestConnAndSubmit(t *testing.T) {
	for _, tc := range []struct{ name, body string }{{"empty", ""}, {"bytes", "\xff\x00hello"}} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{})
			w := s.wire()
			var hello pb.ConnReply
			r, body := w.ask(codec.CommandConn, 7, raw(tc.body))
			must(t, hello.UnmarshalVT(body))
			if _, ok := s.core.Find(engine.SessionID(hello.Uid)); r != codec.ResultOK || !ok || hello.ServerVersion != "test" {
				t.Errorf("%s %v", r, &hello)
			}
			if r, body := w.ask(codec.CommandSubmit, 8, raw(tc.body)); r != codec.ResultOK || len(body) != 0 {
				t.Errorf("submit: %s and %d bytes", r, len(body))
			}
		})
	}
}

func TestLogin(t *testing.T) {
	s := start(t, setup{limits: engine.Limits{Linger: 10 * time.Millisecond}})
	token := func(c client.Customer, b []byte) *pb.LoginRequest {
		return &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Token{Token: b}}
	}
	word := func(c client.Customer, text string) *pb.LoginRequest {
		return &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Password{Password: text}}
	}
	cases := []struct {
		name    string
		request *pb.LoginRequest
		want    codec.Result
	}{
		{"token", token(alice, demoToken(alice)), codec.ResultOK},
		{"password", word(carol, password), codec.ResultOK},
		{"wrong password", word(carol, password+"!"), codec.ResultUnauthenticated},
		{"empty password", word(carol, ""), codec.ResultUnauthenticated},
		{"password where there is none", word(alice, ""), codec.ResultUnauthenticated},
		{"token of another", token(alice, demoToken(bob)), codec.ResultUnauthenticated},
		{"empty token", token(alice, nil), codec.ResultUnauthenticated},
		{"unknown customer, token", token(424242, demoToken(424242)), codec.ResultUnauthenticated},
		{"unknown customer, password", word(424242, password), codec.ResultUnauthenticated},
		{"customer 0", token(0, demoToken(0)), codec.ResultUnauthenticated},
		{"no credential", &pb.LoginRequest{Customer: uint32(alice)}, codec.ResultUnauthenticated},
		{"nothing", &pb.LoginRequest{}, codec.ResultUnauthenticated},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := s.wire()
			if r, _ := w.ask(codec.CommandLogin, 1, tc.request); r != tc.want {
				t.Errorf("%s, want %s", r, tc.want)
			}
			after := codec.ResultUnauthenticated
			if tc.want == codec.ResultOK {
				after = codec.ResultOK
			}
			if r, _ := w.ask(codec.CommandPositions, 2, nil); r != after {
				t.Errorf("positions then: %s, want %s", r, after)
			}
		})
	}
	s.core.CloseAll(engine.ReasonShuttingDown)
	eventually(t, "nobody to be online", func() bool { return s.service.Online() == 0 })
}

// TestAmounts: the replies to Login and Positions have all amounts of the account and its
// positions: free, frozen and unsettled cash, fees, deposits, orders, sellable and frozen shares.
func TestAmounts(t *testing.T) {
	s := start(t, worldOf(t, []string{"fees", "settlement"}))
	op, tr := s.login(operator), s.login(bob)
	op.operate(client.Deposit{Customer: bob, Amount: 700_0000})
	tr.sell(tin, 20)                                                                  // 200.00 - 5.10 in two days
	tr.buy(tin, 30)                                                                   // 300.00 + 5.00, sellable tomorrow
	tr.place(client.Order{Side: client.Sell, Key: tin, Quantity: 15, Price: 12_0000}) // freezes shares
	tr.place(client.Order{Side: client.Buy, Key: tin, Quantity: 100, Price: 9_0000})  // 900.00 + 5.00
	const cash, frozen, unsettled = 500_000_0000 + 700_0000 + 194_9000 - 305_0000, 905_0000, 194_9000
	want := client.Account{
		Customer: bob, Name: "Bob", Cash: cash, FreeCash: cash - frozen - unsettled, FrozenCash: frozen, UnsettledCash: unsettled,
		Fees: 5_0000, Deposits: 700_0000, WorkingOrders: 2, MarketValue: 1100_0000, Realised: 14_9000,
	}
	login, positions := s.dial().login(bob), tr.positions()
	for name, got := range map[string]client.Snapshot{"login": login, "positions": positions} {
		p, _ := got.Find(tin)
		if got.Account != want || p.Quantity != 110 || p.Sellable != 65 || p.Frozen != 15 {
			t.Errorf("%s: %+v, %+v, want %+v", name, got.Account, p, want)
		}
	}
	list := tr.quotes(false, tin)
	if i := list[0]; i.Halted || i.LowPrice != 0 || i.HighPrice != 0 || i.MinimumLot != 1 {
		t.Errorf("%+v", i)
	}
}

func TestLoginReply(t *testing.T) {
	s := start(t, setup{})
	s.login(bob).buy(rail, 10)
	got := s.dial().login(bob)
	want := client.Account{Customer: bob, Name: "Bob", Cash: 499_260_0000, FreeCash: 499_260_0000, MarketValue: 1740_0000}
	if got.Account != want || got.Sequence != executionPushes || got.MarketValue != want.MarketValue {
		t.Errorf("account %+v at push %d, want %+v at 2", got.Account, got.Sequence, want)
	}
	if p, _ := got.Find(tin); len(got.Positions) != 2 || p.Quantity != 100 || p.AverageCost != 9_0000 || p.Unrealised != 100_0000 {
		t.Errorf("positions %+v", got.Positions)
	}
	if op := s.dial().login(operator); !op.Account.Operator || op.Sequence != 0 {
		t.Errorf("operator: %+v", op)
	}
}

func TestUID(t *testing.T) {
	s := start(t, setup{})
	first, second := s.wire(), s.wire()
	uid := func(w *wire) uint64 {
		var hello pb.ConnReply
		_, body := w.ask(codec.CommandConn, 1, nil)
		must(t, hello.UnmarshalVT(body))
		return hello.Uid
	}
	own, foreign := uid(first), uid(second)
	for _, tc := range []struct {
		name string
		uid  uint64
		want codec.Result
	}{{"foreign", foreign, codec.ResultForbidden}, {"of nobody", 1 << 40, codec.ResultForbidden}, {"own", own, codec.ResultOK}, {"none", 0, codec.ResultOK}} {
		request := tokenLogin(alice)
		request.Uid = tc.uid
		if r, _ := first.ask(codec.CommandLogin, 2, request); r != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, r, tc.want)
		}
	}
}

// TestLoginAgain: a second login of the same customer changes nothing. A login of another
// customer is refused before a logout, and accepted after it.
func TestLoginAgain(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	tr.login(alice)
	if n := s.service.LoggedIn(ledger.Customer(alice)); n != 1 {
		t.Errorf("the session is logged in %d times", n)
	}
	_, err := tr.Login(t.Context(), bob, client.DemoToken(bob))
	if e := refused(t, err); e.Result != codec.ResultForbidden {
		t.Errorf("as another customer: %s", e.Result)
	}
	_, err = tr.Login(t.Context(), alice, client.Token([]byte("wrong")))
	if e := refused(t, err); e.Result != codec.ResultUnauthenticated {
		t.Errorf("wrong token: %s", e.Result)
	}
	if now := tr.positions(); now.Account.Customer != alice {
		t.Errorf("now customer %d", now.Account.Customer)
	}
	x := tr.buy(tin, 1)
	if p := tr.push(); p.Event != client.Event(x) {
		t.Errorf("push %+v", p)
	}
	tr.push()
	tr.noPush()
	must(t, tr.Logout(t.Context()))
	if n := s.service.LoggedIn(ledger.Customer(alice)); n != 0 || s.service.Online() != 0 {
		t.Errorf("after the logout %d sessions, %d accounts online", n, s.service.Online())
	}
	if now := tr.login(bob); now.Account.Customer != bob {
		t.Errorf("after the logout customer %d", now.Account.Customer)
	}
}

// TestPasswordOffTheLane: other sessions do not wait while passwords are verified.
func TestPasswordOffTheLane(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	w := s.wire()
	w.send(codec.CommandLogin, 1, &pb.LoginRequest{Customer: uint32(carol), Credential: &pb.LoginRequest_Password{Password: password}})
	for id := uint64(2); id < 20; id++ {
		if r, _ := w.ask(codec.CommandSubmit, id, nil); r != codec.ResultOK {
			t.Errorf("submit: %s", r)
		}
	}
	if r, _ := w.ask(codec.CommandPositions, 20, nil); r != codec.ResultUnauthenticated {
		t.Errorf("positions before the password is verified: %s", r)
	}
	for range 4 { // on every loop
		s.login(bob).positions()
	}
	release()
	if r, _ := w.reply(codec.CommandLogin, 1); r != codec.ResultOK {
		t.Errorf("login: %s", r)
	}
}

// TestGoneWhileVerified closes a session while its password is verified.
func TestGoneWhileVerified(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	w := s.wire()
	w.send(codec.CommandLogin, 1, &pb.LoginRequest{Customer: uint32(carol), Credential: &pb.LoginRequest_Password{Password: password}})
	if r, _ := w.ask(codec.CommandSubmit, 2, nil); r != codec.ResultOK { // the login is off the lane now
		t.Errorf("submit: %s", r)
	}
	must(t, w.conn.(*net.TCPConn).SetLinger(0)) // a reset: a mere end of the stream waits for the reply
	w.close()
	eventually(t, "the session to be gone", func() bool { return s.core.Len() == 0 })
	release()
	s.stop() // waits for what runs off the lane
	if n := s.service.LoggedIn(ledger.Customer(carol)); n != 0 || s.service.Online() != 0 {
		t.Errorf("%d sessions and %d accounts left", n, s.service.Online())
	}
}

// TestGoneInTheMiddle closes sessions while their orders are executed: no state of these
// sessions remains and nothing panics. The orders have many unknown fields, which makes them
// slow to decode.
func TestGoneInTheMiddle(t *testing.T) {
	s := start(t, setup{})
	good, err := buyOne().MarshalVT()
	must(t, err)
	slow := raw(string(good) + strings.Repeat("\xa0\x06\x01", 20_000))
	var frames []byte
	for id := range uint64(10) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, slow)
		frames = codec.AppendRequest(frames, codec.CommandPositions, id, nil)
	}
	for range 30 {
		w := s.wire()
		w.login(alice)
		w.send(codec.CommandQuotes, 2, &pb.QuotesRequest{Subscribe: true})
		w.write(frames)
		w.close()
	}
	eventually(t, "the sessions to be gone", func() bool { return s.core.Len() == 0 })
	if n := s.service.LoggedIn(ledger.Customer(alice)); n != 0 || s.service.Online() != 0 || s.service.Subscribers() != 0 {
		t.Errorf("%d sessions, %d accounts and %d subscribers left", n, s.service.Online(), s.service.Subscribers())
	}
	s.login(alice).buy(tin, 1)
}

// TestHistoryIsOfWhoAsked: a request is for the account that was logged in when the request
// was executed, however late the reply is sent.
func TestHistoryIsOfWhoAsked(t *testing.T) {
	s := start(t, setup{})
	mine := s.login(alice).buy(tin, 7)
	for range 20 {
		w := s.wire()
		var frames []byte
		frames = codec.AppendRequest(frames, codec.CommandLogin, 1, tokenLogin(alice))
		frames = codec.AppendRequest(frames, codec.CommandHistory, 2, nil)
		frames = codec.AppendRequest(frames, codec.CommandLogout, 3, nil)
		frames = codec.AppendRequest(frames, codec.CommandLogin, 4, tokenLogin(bob))
		w.write(frames)
		for range 4 {
			m := w.next()
			if m.Command != codec.CommandHistory.Reply() {
				continue
			}
			var history pb.HistoryReply
			if m.Body[0] != 0 || history.UnmarshalVT(m.Body[1:]) != nil || len(history.Executions) == 0 ||
				history.Executions[0].ExecutionId != uint64(mine.ID) {
				t.Fatalf("result %d, history %v", m.Body[0], &history)
			}
		}
		w.close()
	}
}

// TestPasswordsOneByOne: if a session sends many passwords at once, only one is verified at a
// time, and other sessions are not delayed.
func TestPasswordsOneByOne(t *testing.T) {
	s := start(t, setup{guesses: 1 << 20})
	guess := &pb.LoginRequest{Customer: uint32(alice), Credential: &pb.LoginRequest_Password{Password: "guess"}}
	replies := map[uint64]codec.Result{}
	for range 50 { // the first may be verified before the second is read
		pair := s.wire()
		pair.write(codec.AppendRequest(codec.AppendRequest(nil, codec.CommandLogin, 1, guess), codec.CommandLogin, 2, guess))
		for range 2 { // they come in any order
			m := pair.next()
			replies[m.ID] = codec.Result(m.Body[0])
		}
		if replies[2] == codec.ResultOverloaded {
			break
		}
	}
	if replies[1] != codec.ResultUnauthenticated || replies[2] != codec.ResultOverloaded {
		t.Errorf("two passwords at once: %v", replies)
	}
	w := s.wire()
	const guesses = 400
	var frames []byte
	for id := range uint64(guesses) {
		frames = codec.AppendRequest(frames, codec.CommandLogin, id, guess)
	}
	w.write(frames)
	if page := s.login(bob).history(client.HistoryQuery{}); page.More {
		t.Error("a new account has a long history")
	}
	results := map[codec.Result]int{}
	for range guesses {
		results[codec.Result(w.next().Body[0])]++
	}
	if results[codec.ResultOverloaded] < guesses/2 || results[codec.ResultUnauthenticated] == 0 {
		t.Errorf("results %v", results)
	}
}
