package ledger_test

import (
	"fmt"
	"testing"

	"holdfast/biz/ledger"
)

func TestRecent(t *testing.T) {
	for _, keep := range []int{1, 2, 3, 7, 64} {
		for _, placed := range []int{0, 1, 2, 5, 6, 7, 8, 63, 64, 65, 200} {
			t.Run(fmt.Sprint(keep, " of ", placed), func(t *testing.T) {
				a := openWith(t, ledger.Options{Recent: keep}, 1_000_000)
				checkRecent(t, a, eventsWithPushes(t, a, placed), min(keep, placed))
			})
		}
	}
}

// eventsWithPushes executes n orders; their events have 2, 3 and 1 pushes in turn.
func eventsWithPushes(t *testing.T, a *ledger.Account, n int) (all []ledger.Event) {
	t.Helper()
	for i := range n {
		var offers []ledger.Offer
		o := limit(ledger.Buy, 1, 1)
		switch i % 3 {
		case 0:
			o, offers = marketOrder(ledger.Buy, tin, 1), []ledger.Offer{{Quantity: 1, Price: 1}}
		case 1:
			offers = []ledger.Offer{{Quantity: 1, Price: 1}}
		}
		all = append(all, submit(t, a, o, offers...)...)
		equal(t, "pushes", all[i].Pushes(), []uint64{2, 3, 1}[i%3])
		equal(t, "last push", all[i].LastPush(), a.LastPush())
	}
	return all
}

func checkRecent(t *testing.T, a *ledger.Account, all []ledger.Event, kept int) {
	t.Helper()
	recent := a.Recent(nil)
	equal(t, "kept", len(recent), kept)
	for i, e := range recent {
		equal(t, "newest first", e, all[len(all)-1-i])
	}
	number := 0 // of events whose pushes the client has, all of them
	for push := range a.LastPush() + 3 {
		for number < len(all) && all[number].LastPush() <= push {
			number++
		}
		after, ok := a.EventsAfter(nil, push)
		if want := push <= a.LastPush() && len(all)-number <= kept; ok != want {
			t.Fatalf("events after push %d of %d events with %d kept: %v", push, len(all), kept, ok)
		}
		if ok {
			equal(t, "how many after", len(after), len(all)-number)
			for i, e := range after {
				equal(t, "oldest first", e, all[number+i])
			}
		}
	}
	for i, e := range all {
		if !e.Kind.HasExecution() {
			continue
		}
		found, ok := a.FindExecution(e.Execution.ID)
		if want := i >= len(all)-kept; ok != want || (ok && found != e.Execution) {
			t.Fatalf("execution %d found: %v, want %v", i+1, ok, want)
		}
	}
}

func TestExecutionsAfter(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 5}, 1000)
	if list, ok := a.ExecutionsAfter(nil, 0); !ok || len(list) > 0 {
		t.Errorf("a new account: %v, %t", list, ok)
	}
	var all []ledger.Execution
	for range 3 {
		all = append(all, place(t, a, buy(1, 1)).Execution)
	}
	rest(t, a, limit(ledger.Buy, 1, 1))
	all = append(all, must(t)(a.Correct(nil, &ledger.Correction{Execution: all[2].ID, Quantity: 1, Price: 2, Past: pastOf(a, tin)}))[0].Execution)
	for n := range uint32(6) {
		list, ok := a.ExecutionsAfter(nil, n)
		if !ok || len(list) != max(0, 4-int(n)) || len(list) > 0 && list[len(list)-1] != all[n] {
			t.Errorf("after %d: %+v, %t", n, list, ok)
		}
	}
	rest(t, a, limit(ledger.Buy, 1, 1)) // pushes the first one out of the memory
	if _, ok := a.ExecutionsAfter(nil, 0); ok {
		t.Error("the first execution is no longer in memory")
	}
	if list, ok := a.ExecutionsAfter(nil, 1); !ok || len(list) != 3 {
		t.Errorf("after 1: %+v, %t", list, ok)
	}
}

// TestCommand: the events of a command are found by the number of the first, while they are in
// memory.
func TestCommand(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 3}, 1000)
	events := submit(t, a, marketOrder(ledger.Buy, tin, 3), ledger.Offer{Quantity: 1, Price: 1}, ledger.Offer{Quantity: 1, Price: 1})
	last := place(t, a, buy(1, 1))
	equal(t, "of the first", a.Command(nil, 1), nil)
	equal(t, "of the second", a.Command(nil, 2), events[1:])
	equal(t, "of the last", a.Command(nil, last.Number), []ledger.Event{last})
	equal(t, "of none", a.Command(nil, 0), nil)
	equal(t, "of the future", a.Command(nil, 9), nil)
	must(t)(a.Deposit(nil, 1, "", 1))
	if _, found := a.FindExecution(0); found {
		t.Error("a deposit has no execution")
	}
}

func TestEventsAfterCountsBusts(t *testing.T) {
	a := open(t, 1000)
	e := place(t, a, buy(1, 1))
	b := bust(t, a, e.Execution)
	events, ok := a.EventsAfter(nil, 0)
	equal(t, "events", events, []ledger.Event{e, b})
	if found, _ := a.FindExecution(e.Execution.ID); !ok || found != e.Execution {
		t.Error("the fill must be found, not its bust")
	}
}
