package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func TestGuessTable(t *testing.T) {
	const here, there = "192.0.2.1", "192.0.2.2"
	type guess struct {
		at      time.Duration
		who     ledger.Customer
		from    string
		want    time.Duration // -1: too long
		correct bool
	}
	at := func(seconds int, who ledger.Customer, from string, want int) guess {
		return guess{time.Duration(seconds) * time.Second, who, from, time.Duration(want) * time.Second, false}
	}
	cases := []struct {
		name    string
		guesses []guess
	}{
		{"five are free", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0)}},
		{"then one in 12 s, each behind the one before", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			at(0, 1, here, 0), at(0, 1, here, 12), at(1, 1, here, 23), at(1, 1, here, 35), at(1, 1, here, 47), at(1, 1, here, 59)}},
		{"too long is not taken, and does not count", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			at(0, 1, here, 0), at(0, 1, here, 12), at(0, 1, here, 24), at(0, 1, here, 36), at(0, 1, here, 48), at(0, 1, here, 60),
			{0, 1, here, -1, false}, {0, 1, here, -1, false}, at(12, 1, here, 60)}},
		{"another address is free", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			at(0, 1, here, 12), at(0, 1, there, 0)}},
		{"another customer is free", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			at(0, 1, here, 12), at(0, 2, here, 0)}},
		{"a minute later all is forgotten", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			at(60, 1, here, 0), at(60, 1, here, 0), at(60, 1, here, 0), at(60, 1, here, 0), at(60, 1, here, 0), at(60, 1, here, 12)}},
		{"a good one does not count", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			{0, 1, here, 0, true}, {0, 1, here, 0, true}, at(0, 1, here, 0), at(0, 1, here, 12)}},
		{"a good one is delayed too", []guess{at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0), at(0, 1, here, 0),
			{0, 1, here, 12 * time.Second, true}, at(0, 1, here, 12)}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			table := gateway.NewGuessTable(0)
			for n, g := range tc.guesses {
				delay, ok := table.Charge(g.who, g.from, g.at)
				if ok != (g.want >= 0) || ok && delay != g.want {
					t.Fatalf("guess %d: %s, %t; want %s", n, delay, ok, g.want)
				}
				if g.correct {
					table.Refund(g.who, g.from, g.at)
				}
			}
		})
	}
}

// TestGuessesOfOneAddress: a guesser who tries one password on many customers is delayed too.
func TestGuessesOfOneAddress(t *testing.T) {
	table := gateway.NewGuessTable(0)
	for n := range ledger.Customer(61) {
		delay, _ := table.Charge(1+n, "192.0.2.1", 0)
		if want := time.Duration(n/60) * time.Second; delay != want {
			t.Errorf("customer %d: %s, want %s", n, delay, want)
		}
	}
}

// numberedAddress returns the nth of many addresses.
func numberedAddress(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255) }

// TestGuessTableIsBounded: more guessers than the table holds push the oldest out.
func TestGuessTableIsBounded(t *testing.T) {
	table := gateway.NewGuessTable(1)
	for n := range 3 * gateway.MaxGuessers {
		table.Charge(1, numberedAddress(n), 0)
	}
	if pairs, addresses := table.Len(); pairs != gateway.MaxGuessers || addresses != gateway.MaxGuessers {
		t.Errorf("%d pairs and %d addresses, want %d", pairs, addresses, gateway.MaxGuessers)
	}
	if delay, _ := table.Charge(1, numberedAddress(1), 0); delay != 0 {
		t.Errorf("the oldest still waits %s", delay)
	}
	if delay, _ := table.Charge(1, numberedAddress(1), 0); delay != time.Minute {
		t.Errorf("the newest waits %s", delay)
	}
}

// TestGuessTableForgetsTheOldest: with one guesser more than the table holds, only the first
// one is forgotten.
func TestGuessTableForgetsTheOldest(t *testing.T) {
	table := gateway.NewGuessTable(1)
	const most = gateway.MaxGuessers
	for n := range most + 1 {
		table.Charge(1, numberedAddress(n), 0)
	}
	for n, want := range map[int]time.Duration{1: time.Minute, 2: time.Minute, most: time.Minute} {
		if delay, _ := table.Charge(1, numberedAddress(n), 0); delay != want {
			t.Errorf("guesser %d waits %s, want %s", n, delay, want)
		}
	}
	if delay, _ := table.Charge(1, numberedAddress(0), 0); delay != 0 {
		t.Errorf("the oldest still waits %s", delay)
	}
}

// TestBusyGuesserIsRemembered: a guesser who goes on guessing is not forgotten, even if every
// reply is OVERLOADED and there are more other guessers than the table holds.
func TestBusyGuesserIsRemembered(t *testing.T) {
	table := gateway.NewGuessTable(0)
	const busy = "192.0.2.1"
	for range 10 {
		table.Charge(1, busy, 0)
	}
	for n := range 3 * gateway.MaxGuessers {
		table.Charge(1, numberedAddress(n), 0)
		if n%(gateway.MaxGuessers/2) != 0 {
			continue
		}
		if delay, ok := table.Charge(1, busy, 0); ok {
			t.Fatalf("after %d other guessers it may guess in %s", n+1, delay)
		}
	}
}

// TestManyCustomersFromOneAddress: guesses for always other customers reset neither the limit
// of the address nor that of a customer.
func TestManyCustomersFromOneAddress(t *testing.T) {
	table := gateway.NewGuessTable(0)
	const busy = "192.0.2.1"
	const owner ledger.Customer = 1
	for range 10 {
		table.Charge(owner, "192.0.2.2", 0)
	}
	taken := 0
	for n := range ledger.Customer(10_000) {
		if _, ok := table.Charge(2+n, busy, 0); ok {
			taken++
		}
	}
	if taken != 120 { // 60 at once, and those of the minute of longest delay
		t.Errorf("%d guesses of 10,000 were taken, want 120", taken)
	}
	if pairs, addresses := table.Len(); pairs != 1+taken || addresses != 2 {
		t.Errorf("%d pairs and %d addresses are remembered", pairs, addresses)
	}
	if _, ok := table.Charge(owner, "192.0.2.2", 0); ok {
		t.Error("the guesser from elsewhere is forgotten")
	}
	if delay, ok := table.Charge(20_000, busy, 30*time.Second); !ok || delay != 31*time.Second {
		t.Errorf("half a minute later: %s, %t", delay, ok)
	}
}

func guessOf(c client.Customer, text string) *pb.LoginRequest {
	return &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Password{Password: text}}
}

// TestGuessesAreDelayed: after five wrong passwords good and bad passwords are delayed, but not
// tokens and other customers. A good password is accepted after the delay.
func TestGuessesAreDelayed(t *testing.T) {
	s := start(t, setup{})
	elapse := s.service.HoldDelays()
	w, good := s.wire(), s.wire()
	for id := range uint64(5) {
		if r, _ := w.ask(codec.CommandLogin, id, guessOf(carol, "guess")); r != codec.ResultUnauthenticated {
			t.Fatalf("guess %d: %s", id, r)
		}
	}
	w.send(codec.CommandLogin, 6, guessOf(carol, "guess"))
	good.send(codec.CommandLogin, 6, guessOf(carol, password))
	for _, late := range []*wire{w, good} { // whose next request overtakes the login
		if r, _ := late.ask(codec.CommandPositions, 7, nil); r != codec.ResultUnauthenticated {
			t.Errorf("positions: %s", r)
		}
	}
	if r, _ := w.ask(codec.CommandLogin, 8, guessOf(bob, "guess")); r != codec.ResultOverloaded {
		t.Errorf("a second password of the session: %s", r)
	}
	s.wire().login(carol)
	if r, _ := s.wire().ask(codec.CommandLogin, 9, guessOf(bob, "guess")); r != codec.ResultUnauthenticated {
		t.Errorf("another customer: %s", r)
	}
	if n := s.service.DelayedGuesses(); n != 2 {
		t.Errorf("%d are counted as delayed, want 2", n)
	}
	if delays := elapse(); len(delays) != 2 || delays[0] < 11*time.Second || delays[1] < 23*time.Second {
		t.Errorf("delays %v", delays)
	}
	if r, _ := w.reply(codec.CommandLogin, 6); r != codec.ResultUnauthenticated {
		t.Errorf("the late guess: %s", r)
	}
	if r, _ := good.reply(codec.CommandLogin, 6); r != codec.ResultOK {
		t.Errorf("the late password: %s", r)
	}
}

// TestDelayedGuessesAreBounded: only guesses with a delay of at most a minute wait, and a stop
// does not wait for them.
func TestDelayedGuessesAreBounded(t *testing.T) {
	s := start(t, setup{})
	s.service.HoldDelays()
	var waiting []*wire
	refused := 0
	for n := range 20 {
		w := s.wire()
		w.send(codec.CommandLogin, 1, guessOf(carol, "guess"))
		w.send(codec.CommandConn, 2, nil)
		m := w.next()
		s.waiting(0) // it is refused or delayed, or a verifier has it
		if m.Command == codec.CommandConn.Reply() && n >= 5 {
			waiting = append(waiting, w)
			continue
		}
		if m.Command == codec.CommandConn.Reply() { // verified meanwhile
			m = w.next()
		}
		if codec.Result(m.Body[0]) == codec.ResultOverloaded {
			refused++
		}
	}
	if len(waiting) != 5 || refused != 10 {
		t.Fatalf("%d wait, %d were refused; want 5 and 10", len(waiting), refused)
	}
	s.stop()
	for _, w := range waiting {
		if r, _ := w.reply(codec.CommandLogin, 1); r != codec.ResultOverloaded {
			t.Errorf("at the stop: %s", r)
		}
	}
}

// TestGoodPasswordsDoNotCount: a client with the right password may log in any number of times.
func TestGoodPasswordsDoNotCount(t *testing.T) {
	s := start(t, setup{guesses: 1})
	s.service.HoldDelays()
	for n := range 20 {
		w := s.wire()
		if r, _ := w.ask(codec.CommandLogin, 1, guessOf(carol, password)); r != codec.ResultOK {
			t.Fatalf("login %d: %s", n, r)
		}
	}
	if n := s.service.DelayedGuesses(); n != 0 {
		t.Errorf("%d were delayed", n)
	}
}

func TestPasswordsLeaveAProcessor(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 2, 64: 2} {
		if got := gateway.PasswordsAtOnce(processors); got != want {
			t.Errorf("%d processors: %d passwords at once, want %d", processors, got, want)
		}
	}
}
