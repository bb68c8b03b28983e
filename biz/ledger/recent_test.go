package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"holdfast/biz/ledger"
)

func TestRecent(t *testing.T) {
	for _, keep := range []int{0, 1, 2, 3, 7, 64} {
		for _, placed := range []int{0, 1, 2, 5, 6, 7, 8, 63, 64, 65, 200} {
			t.Run(fmt.Sprint(keep, " of ", placed), func(t *testing.T) {
				a, err := ledger.NewAccount(customer, 1_000_000, nil, keep)
				if err != nil {
					t.Fatal(err)
				}
				var all []ledger.Event
				for range placed {
					all = append(all, place(t, a, buy(1, 1)))
				}
				checkRecent(t, a, all, min(keep, placed))
			})
		}
	}
}

func checkRecent(t *testing.T, a *ledger.Account, all []ledger.Event, kept int) {
	t.Helper()
	recent := a.Recent(nil)
	equal(t, "kept", len(recent), kept)
	for i, e := range recent {
		equal(t, "newest first", e, all[len(all)-1-i])
	}
	for number := range len(all) + 2 {
		after, ok := a.EventsAfter(nil, uint64(number))
		if want := number <= len(all) && len(all)-number <= kept; ok != want {
			t.Fatalf("events after %d of %d with %d kept: %v", number, len(all), kept, ok)
		}
		if ok {
			equal(t, "how many after", len(after), len(all)-number)
			for i, e := range after {
				equal(t, "oldest first", e, all[number+i])
			}
		}
	}
	for i, e := range all {
		found, ok := a.FindExecution(e.Execution.ID)
		if want := i >= len(all)-kept; ok != want || (ok && found != e) {
			t.Fatalf("execution %d found: %v, want %v", i+1, ok, want)
		}
	}
}

func TestEventsAfterCountsBusts(t *testing.T) {
	a := open(t, 1000)
	e := place(t, a, buy(1, 1))
	b := bust(t, a, e.Execution)
	events, ok := a.EventsAfter(nil, 0)
	equal(t, "events", events, []ledger.Event{e, b})
	if found, _ := a.FindExecution(e.Execution.ID); !ok || found != e {
		t.Error("the fill must be found, not its bust")
	}
}

// A client order id is recognised exactly while its event is in memory, in every state of
// the ring and its index.
func TestClientOrderIDWindow(t *testing.T) {
	const keep, placed = 37, 4000
	a, err := ledger.NewAccount(customer, 1_000_000, nil, keep)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []ledger.Event
	for n := range placed {
		o := buy(1, 1)
		if random.IntN(4) > 0 { // some without an id
			o.ClientOrderID = named(t, fmt.Sprint("id ", n))
		}
		all = append(all, place(t, a, o))
		for back := range min(n, 2*keep) {
			old := all[n-back]
			if old.Execution.ClientOrderID.IsZero() || (back >= keep && random.IntN(50) > 0) {
				continue
			}
			checkWindow(t, a, old, back < keep)
		}
	}
}

func checkWindow(t *testing.T, a *ledger.Account, old ledger.Event, remembered bool) {
	t.Helper()
	e, err := a.Place(ledger.Order{ClientOrderID: old.Execution.ClientOrderID})
	if remembered && (!errors.Is(err, ledger.ErrDuplicate) || e != old) {
		t.Fatalf("event %d at %d is not remembered: %v", old.Number, a.LastNumber(), err)
	}
	if !remembered && !errors.Is(err, ledger.ErrBadSide) {
		t.Fatalf("event %d at %d is still remembered: %v", old.Number, a.LastNumber(), err)
	}
}

// A journal that was written with fewer events in memory can have an id twice. The newer
// event counts, also after the older one is dropped.
func TestSameClientOrderIDInAJournal(t *testing.T) {
	o := buy(1, 1)
	o.ClientOrderID = named(t, "again")
	writer, _ := ledger.NewAccount(customer, 1000, nil, 1)
	events := []ledger.Event{place(t, writer, o), place(t, writer, buy(1, 1)), place(t, writer, o), place(t, writer, buy(1, 1))}
	reader, _ := ledger.NewAccount(customer, 1000, nil, 3)
	for n, event := range events {
		replay(t, reader, []ledger.Event{event})
		want := events[n/2*2] // the newer one from the third event on
		if e, err := reader.Place(o); !errors.Is(err, ledger.ErrDuplicate) || e != want {
			t.Errorf("after event %d: event %d, %v", n+1, e.Number, err)
		}
	}
}
