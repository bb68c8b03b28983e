package ledger_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"holdfast/biz/ledger"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// early returns the events of earlyEvents: buy 10 at 10, sell 3 at 30, bust of the sell.
func early(t testing.TB) (events []ledger.Event) {
	t.Helper()
	for i, text := range earlyEvents {
		b := unhex(t, text)
		e, used, err := ledger.DecodeEvent(b)
		if err != nil || used != len(b) || !e.Early {
			t.Fatalf("event %d: used %d, early %t, %v", i+1, used, e.Early, err)
		}
		events = append(events, e)
	}
	return events
}

// The bytes of version 1 must always be read, and are written again as they were.
func TestEarlyEventBytes(t *testing.T) {
	for i, e := range early(t) {
		if have := hex.EncodeToString(ledger.AppendEvent(nil, &e)); have != earlyEvents[i] {
			t.Errorf("event %d:\nhave %s\nwant %s", i+1, have, earlyEvents[i])
		}
	}
}

func TestEarlyEvents(t *testing.T) {
	events := early(t)
	a := open(t, 10_000)
	cash, profit := []ledger.Money{9_900, 9_990, 9_900}, []ledger.Money{0, 60, 0}
	replay(t, a, events[:2])
	sold := a.Recent(nil)[0]
	equal(t, "cash", a.Cash(), cash[1])
	equal(t, "realised", a.Realised(), profit[1])
	equal(t, "cost of the sell", sold.Execution.Cost, 30)
	equal(t, "order of the sell", sold.Order, ledger.SimpleOrder(&sold.Execution))
	replay(t, a, events[2:])
	equal(t, "cash after the bust", a.Cash(), cash[2])
	equal(t, "realised after the bust", a.Realised(), profit[2])
	equal(t, "orders", a.LastOrder(), 2)
	for i, e := range events {
		equal(t, "first push", e.Push, uint64(2*i+1))
		equal(t, "pushes", e.Pushes(), 2)
	}
	equal(t, "last push", a.LastPush(), 6)
	if b, busted := a.FindBust(sold.Execution.ID); !busted || b.Reason != "test" {
		t.Errorf("%+v, busted %t", b, busted)
	}
	again := buy(1, 1).named(t, "a-1")
	if have, err := try(a, again); !errors.Is(err, ledger.ErrDuplicate) || len(have) != 1 || have[0] != events[0] {
		t.Errorf("%+v, %v", have, err)
	}
	e := place(t, a, buy(1, 1)) // the numbers go on
	equal(t, "number", e.Number, 4)
	equal(t, "push", e.Push, 7)
	equal(t, "order", e.Order.ID, ledger.NewOrderID(customer, 3))
	equal(t, "execution", e.Execution.ID, ledger.NewExecutionID(customer, 3))
}

// An early bust of a buy leaves the cost of the others alone, but never a negative cost.
func TestEarlyBusts(t *testing.T) {
	a := open(t, 10_000)
	replay(t, a, early(t)[:1])
	x := a.Recent(nil)[0].Execution
	e := ledger.Event{
		Number: 2, Push: 3, Kind: ledger.KindBust, Early: true, Time: 5, Change: ledger.Closed, Text: "wrong\nprice",
		Order: ledger.SimpleOrder(&x), Execution: x, Position: ledger.Position{Instrument: tin},
	}
	written, used, err := ledger.DecodeEvent(ledger.AppendEvent(nil, &e))
	if err != nil || used == 0 || written != e {
		t.Fatalf("%+v, %v", written, err)
	}
	replay(t, a, []ledger.Event{e})
	equal(t, "cash", a.Cash(), 10_000)
	if b, _ := a.FindBust(x.ID); b.Reason != e.Text { // a new bust can't have this reason
		t.Errorf("reason %q", b.Reason)
	}
	again := restart(t, a)
	equal(t, "hash", again.Hash(), a.Hash())
}

// An execution of a release without orders can be busted in the new way.
func TestBustOfAnEarlyExecution(t *testing.T) {
	a := open(t, 10_000)
	replay(t, a, early(t)[:2])
	b := bust(t, a, a.Recent(nil)[0].Execution)
	equal(t, "position", b.Position, ledger.Position{Instrument: tin, Quantity: 10, Cost: 100})
	equal(t, "order", b.Order.Status, ledger.Cancelled)
	equal(t, "cash", a.Cash(), 9_900)
	equal(t, "realised", a.Realised(), 0)
}

// The state of version 1 must always be read. The hash is that of the same events replayed.
func TestEarlyState(t *testing.T) {
	opening := ledger.Opening{Cash: 1000, Holdings: []ledger.Holding{{Instrument: tin, Quantity: 3, Cost: 10}}}
	a, err := ledger.RestoreAccount(unhex(t, earlyState), opening, ledger.Options{Recent: 10})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "cash", a.Cash(), 1000)
	equal(t, "positions", a.Positions(nil), []ledger.Position{{Instrument: tin, Quantity: 3, Cost: 10}})
	equal(t, "last push", a.LastPush(), 4)
	equal(t, "events", len(a.Recent(nil)), 2)
	equal(t, "hash", fmt.Sprintf("%x", a.Hash()), goldenEarlyHash)
	b, err := ledger.NewAccount(customer, opening, ledger.Options{Recent: 10})
	if err != nil {
		t.Fatal(err)
	}
	events, ok := a.EventsAfter(nil, 0)
	if !ok {
		t.Fatal("the events are not in memory")
	}
	equal(t, "reason", events[1].Text, "test")
	replay(t, b, events)
	equal(t, "hash of the replayed account", b.Hash(), a.Hash())
	c := restart(t, a)
	equal(t, "state written and read", c.AppendState(nil), a.AppendState(nil))
}

// Client order ids of a state of version 1 are found, once, also after another restart.
func TestEarlyStateHasClientOrderIDs(t *testing.T) {
	a := open(t, 10_000)
	replay(t, a, early(t))
	for range 3 {
		n, found := a.FindNamed(new(named(t, "a-1")))
		if !found || n.Event != 1 {
			t.Fatalf("%+v, %t", n, found)
		}
		before := a.AppendState(nil)
		a = restart(t, a)
		equal(t, "state", a.AppendState(nil), before)
	}
}

// A journal of a release without orders can have an id twice: it was remembered only while its
// event was in memory. The newer event counts.
func TestSameClientOrderIDInAnEarlyJournal(t *testing.T) {
	first := early(t)[0]
	second := first
	second.Number, second.Push = 2, 3
	second.Execution.ID++
	second.Execution.Order++
	second.Order = ledger.SimpleOrder(&second.Execution)
	second.Change = ledger.Increased
	second.Position.Quantity, second.Position.Cost = 20, 200
	a := open(t, 10_000)
	replay(t, a, []ledger.Event{first, second})
	for range 2 {
		n, found := a.FindNamed(&first.Order.ClientOrderID)
		if !found || n.Event != 2 {
			t.Errorf("%+v, %t", n, found)
		}
		a = restart(t, a)
	}
}
