package desk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// buyOne places an order in a turn and adds the reply.
func (d *opened) buyOne(turn *desk.Turn, n int) {
	order := marketOrder(ledger.Buy, tin, 1, n)
	events, err := turn.Place(&order)
	if err != nil {
		d.t.Error(err)
		return
	}
	say(turn, "reply %d-%d", turn.Account().Customer(), events[0].Number)
}

// TestReplyBeforePushes: the messages of a turn leave before those that the watcher adds, one
// turn after another. The watcher is called once for each turn with an event.
func TestReplyBeforePushes(t *testing.T) {
	var p post
	d := open(t, setup{newOutbound: p.newOutbound, watcher: tellers})
	a := d.Account(alice)
	for n := range 2 {
		must(t, a.Do(d.turn, func(turn *desk.Turn) { d.buyOne(turn, n) }))
	}
	must(t, a.Do(d.turn, func(turn *desk.Turn) { say(turn, "state") }))
	must(t, a.Do(d.turn, func(turn *desk.Turn) {
		order := marketOrder(ledger.Sell, tin, 100, 3)
		_, err := turn.Place(&order)
		say(turn, "refused: %v", err)
	}))
	must(t, a.Do(d.turn, func(turn *desk.Turn) { // two commands in one step
		d.buyOne(turn, 4)
		if _, err := turn.Deposit(1, "interest", timeOf(5)); err != nil {
			t.Errorf("deposit: %v", err)
		}
		if e := turn.Events(); len(e) != 2 || e[1].Text != "interest" {
			t.Errorf("events %+v", e)
		}
	}))
	must(t, d.Durable(t.Context()))
	want := []string{
		"reply 100001-1", "push 100001-1", "reply 100001-2", "push 100001-2", "state", "refused: not enough shares: 2 held, 100 asked",
		"reply 100001-3", "push 100001-3", "push 100001-4",
	}
	if got := p.all(); !slices.Equal(got, want) {
		t.Errorf("said %q\nwant %q", got, want)
	}
}

// TestNothingLeavesByItself: a turn is passed to the commit log once, with all its events and
// messages, and the desk posts none of them. A turn without either is not passed.
func TestNothingLeavesByItself(t *testing.T) {
	var p post
	d, log := withCommitLog(t, &p)
	a := d.Account(alice)
	must(t, a.Do(d.turn, func(turn *desk.Turn) {
		d.buyOne(turn, 1)
		d.buyOne(turn, 2)
		if len(log.turns) != 0 {
			t.Error("the commit log has it before the end of the turn")
		}
	}))
	must(t, a.Do(d.turn, func(turn *desk.Turn) {}))
	must(t, a.Do(d.turn, func(turn *desk.Turn) {
		if len(turn.Events()) != 0 || turn.Account() != a {
			t.Errorf("a new turn of %d begins with %d events", turn.Account().Customer(), len(turn.Events()))
		}
		say(turn, "state")
	}))
	if len(log.turns) != 2 || len(log.turns[0]) != 2 || len(log.turns[1]) != 0 {
		t.Errorf("turns %+v", log.turns)
	}
	if said := p.all(); len(said) != 0 || p.dropped != 0 {
		t.Errorf("said %q and dropped %d before it was durable", said, p.dropped)
	}
	log.waiting.Post()
	want := []string{"reply 100001-1", "reply 100001-2", "push 100001-1", "push 100001-2", "state"}
	if got := p.all(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// TestNothingLeavesBeforeTheFsync: when a message leaves, the journal already has its events.
func TestNothingLeavesBeforeTheFsync(t *testing.T) {
	var p post
	d := open(t, setup{newOutbound: p.newOutbound, watcher: tellers})
	p.onPost = func(messages []string) {
		recorded := make(map[string]bool)
		err := d.journal.Replay(context.Background(), 1, func(_ journal.Position, record []byte) error {
			entry, err := desk.DecodeEntry(record)
			for _, e := range entry.Events {
				recorded[fmt.Sprintf("push %d-%d", e.Customer(), e.Number)] = true
			}
			return err
		})
		for _, m := range messages {
			if err != nil || m[:4] == "push" && !recorded[m] {
				t.Errorf("%s leaves before it is recorded (%v)", m, err)
			}
		}
	}
	var work sync.WaitGroup
	for _, a := range d.Accounts() {
		turn := d.NewTurn()
		work.Go(func() {
			for n := range 20 {
				if err := a.Do(turn, func(turn *desk.Turn) { d.buyOne(turn, n) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	must(t, d.Durable(t.Context()))
	if n := len(p.all()); n != 3*20*2 {
		t.Errorf("%d messages have left", n)
	}
}

// TestNothingLeavesThatIsNotDurable: if the journal can't be written, the waiting messages
// never leave, all later orders are refused, and Fatal is called.
func TestNothingLeavesThatIsNotDurable(t *testing.T) {
	var p post
	d := open(t, setup{maxStore: 4096, newOutbound: p.newOutbound, watcher: tellers})
	a := d.Account(alice)
	placed := 0
	for n := 0; d.Failed() == nil; n++ {
		must(t, a.Do(d.turn, func(turn *desk.Turn) {
			order := marketOrder(ledger.Buy, tin, 1, n)
			if e, err := turn.Place(&order); err == nil {
				placed++
				say(turn, "reply %d", e[0].Number)
			}
		}))
		_ = d.Durable(t.Context()) // one commit for each, until one fails
	}
	if err := <-d.fatal; err == nil || len(d.fatal) != 0 {
		t.Errorf("fatal: %v", err)
	}
	must(t, a.Do(d.turn, func(turn *desk.Turn) {
		order := marketOrder(ledger.Buy, tin, 1, 1)
		_, err := turn.Place(&order)
		if !errors.Is(err, desk.ErrUnavailable) || len(turn.Events()) != 0 {
			t.Errorf("an order after the failure: %v", err)
		}
		say(turn, "never")
	}))
	eventually(t, "the last turn to be dropped", func() bool { return p.droppedSoFar() > 2 })
	said := p.all()
	if placed < 2 || len(said) != 2*(placed-1) || slices.Contains(said, "never") || slices.Contains(said, fmt.Sprintf("push %d-%d", alice, placed)) {
		t.Errorf("%d orders, the last one failed, and these left: %q", placed, said)
	}
}

// TestOverloaded: if the commit log is at its limit, do is not called and nothing changes.
func TestOverloaded(t *testing.T) {
	d, log := withCommitLog(t, new(post))
	log.full.Store(true)
	a := d.Account(alice)
	before := d.StateHash()
	if err := a.Do(d.turn, func(*desk.Turn) { t.Error("do was called") }); !errors.Is(err, desk.ErrOverloaded) {
		t.Errorf("have %v, want ErrOverloaded", err)
	}
	if d.StateHash() != before || len(log.turns) != 0 {
		t.Error("something has happened")
	}
	log.full.Store(false)
	must(t, a.Do(d.turn, func(turn *desk.Turn) { d.buyOne(turn, 1) }))
	if len(log.turns) != 1 {
		t.Errorf("%d turns once there is room", len(log.turns))
	}
}

// TestOverloadedByTheDisk: while a commit is written, the records and messages that wait for the
// next one are limited. Afterwards orders are accepted again.
func TestOverloadedByTheDisk(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup setup
		do    func(*opened, *desk.Turn)
	}{
		{"records", setup{openBytes: 1}, func(d *opened, turn *desk.Turn) { d.buyOne(turn, 1) }},
		{"messages", setup{heldBytes: 1}, func(_ *opened, turn *desk.Turn) { say(turn, "state") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p post
			under, goOn := make(chan struct{}, 8), make(chan struct{})
			p.onPost = func([]string) { under <- struct{}{}; <-goOn }
			tc.setup.newOutbound = p.newOutbound
			d := open(t, tc.setup)
			a := d.Account(alice)
			do := func(turn *desk.Turn) { tc.do(d, turn) }
			must(t, a.Do(d.turn, do))
			<-under // the first commit is being written
			must(t, a.Do(d.turn, do))
			for range 2 {
				if err := a.Do(d.turn, func(*desk.Turn) { t.Error("do was called") }); !errors.Is(err, desk.ErrOverloaded) {
					t.Errorf("have %v, want ErrOverloaded", err)
				}
			}
			close(goOn)
			must(t, d.Durable(t.Context()))
			must(t, a.Do(d.turn, do))
			must(t, d.Durable(t.Context()))
			if n := len(p.all()); n != 3 {
				t.Errorf("%d messages have left, want 3", n)
			}
		})
	}
}

// TestPanicBeforeAnything: after a panic in a turn without an event the account is usable, and
// the messages of the turn are dropped.
func TestPanicBeforeAnything(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*opened, *desk.Turn)
	}{
		{"at once", func(*opened, *desk.Turn) {}},
		{"after a refusal", func(d *opened, turn *desk.Turn) {
			order := marketOrder(ledger.Sell, tin, 1, 1)
			if _, err := turn.Place(&order); err == nil {
				t.Error("sold what there is not")
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p post
			d := open(t, setup{newOutbound: p.newOutbound, watcher: tellers})
			a := d.Account(alice)
			before := d.StateHash()
			func() {
				defer func() {
					if v := recover(); v != "a bug" {
						t.Errorf("panic %v", v)
					}
				}()
				_ = a.Do(d.turn, func(turn *desk.Turn) {
					tc.do(d, turn)
					say(turn, "half an answer")
					panic("a bug")
				})
			}()
			if d.StateHash() != before {
				t.Error("the account has changed")
			}
			// The same turn goes on, at another account and at the same.
			must(t, d.Account(carol).Do(d.turn, func(turn *desk.Turn) { d.buyOne(turn, 1) }))
			must(t, a.Do(d.turn, func(turn *desk.Turn) { d.buyOne(turn, 2) }))
			must(t, d.Durable(t.Context()))
			want := []string{"reply 100003-1", "push 100003-1", "reply 100001-1", "push 100001-1"}
			if got := p.all(); !slices.Equal(got, want) || p.droppedSoFar() != 1 {
				t.Errorf("said %q, dropped %d; want %q", got, p.dropped, want)
			}
		})
	}
}

// TestTurnsAtTheSameTime: many goroutines run turns at many accounts. The messages of each
// account leave in the order of its events, none is missing, and the journal results in the
// same accounts.
func TestTurnsAtTheSameTime(t *testing.T) {
	const goroutines, turns = 8, 50
	var p post
	d := open(t, setup{newOutbound: p.newOutbound, watcher: tellers})
	var work sync.WaitGroup
	for g := range goroutines {
		turn := d.NewTurn()
		work.Go(func() {
			for n := range turns {
				a := d.Accounts()[(g+n)%3]
				if err := a.Do(turn, func(turn *desk.Turn) { d.buyOne(turn, n) }); err != nil {
					t.Error(err)
				}
				a.View(func(l *ledger.Account) { _ = l.Cash() })
			}
		})
	}
	work.Wait()
	must(t, d.Durable(t.Context()))
	last := make(map[string]int)
	for _, m := range p.all() {
		var kind, customer string
		var number int
		if _, err := fmt.Sscanf(m, "%s %6s-%d", &kind, &customer, &number); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
		if number != last[kind+customer]+1 || kind == "push" && last["reply"+customer] != number {
			t.Fatalf("%q comes after number %d", m, last[kind+customer])
		}
		last[kind+customer] = number
	}
	sum := 0
	for _, a := range d.Accounts() {
		sum += last[fmt.Sprint("push", a.Customer())]
	}
	if sum != goroutines*turns {
		t.Errorf("%d events, want %d", sum, goroutines*turns)
	}
	before := d.StateHash()
	if d = d.restart(); d.StateHash() != before {
		t.Error("after the restart the accounts are not those from before")
	}
}
