package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"holdfast/biz/ledger"
)

func TestSameClientOrderIDAgain(t *testing.T) {
	a := open(t, 1000*coin)
	o := buy(10, ten).named(t, "retry-1")
	first := place(t, a, o)
	other := sell(3, 5*ten).named(t, "retry-1")
	wrong := deal{NewOrder: ledger.NewOrder{ClientOrderID: o.ClientOrderID}}
	for name, again := range map[string]deal{"same": o, "another order": other, "a wrong order": wrong} {
		unchanged(t, a, func() {
			events, err := try(a, again)
			if !errors.Is(err, ledger.ErrDuplicate) {
				t.Errorf("%s: %v", name, err)
			}
			equal(t, name, events, []ledger.Event{first})
		})
	}
	bust(t, a, first.Execution)
	if events, err := try(a, o); !errors.Is(err, ledger.ErrDuplicate) || len(events) != 1 || events[0] != first {
		t.Errorf("after the bust: %v", err)
	}
	refused := buy(1_000_000, ten).named(t, "retry-2")
	if _, err := try(a, refused); !errors.Is(err, ledger.ErrNotEnoughCash) {
		t.Error(err)
	}
	refused.Quantity = 1
	equal(t, "a refused order does not use up its id", place(t, a, refused).Execution.ID.Number(), 2)
}

// TestDuplicateOfACommandWithManyEvents: the first answer has all of them, also after the
// order was cancelled and the account was reset.
func TestDuplicateOfACommandWithManyEvents(t *testing.T) {
	a := open(t, 1000)
	o := limit(ledger.Buy, 10, 10)
	o.ClientOrderID = named(t, "many")
	first := submit(t, a, o, ledger.Offer{Quantity: 2, Price: 10}, ledger.Offer{Quantity: 3, Price: 9})
	id := first[0].Order.ID
	check := func(when string) {
		t.Helper()
		if events, err := a.Place(nil, &o, nil); !errors.Is(err, ledger.ErrDuplicate) || len(events) != 2 || events[1] != first[1] {
			t.Errorf("%s: %d events, %v", when, len(events), err)
		}
	}
	check("at once")
	r := ledger.Replacement{Order: id, ClientOrderID: named(t, "new name"), Quantity: 9, Price: 10, TimeInForce: ledger.Day}
	replaced := must(t)(a.Replace(nil, &r, nil))
	check("replaced")
	unchanged(t, a, func() {
		for _, name := range []string{"many", "new name"} {
			again := r
			again.ClientOrderID = named(t, name)
			if events, err := a.Replace(nil, &again, nil); !errors.Is(err, ledger.ErrDuplicate) || len(events) == 0 {
				t.Errorf("replace with %q: %v", name, err)
			}
		}
	})
	equal(t, "named", replaced[0].Named, true)
	must(t)(a.Cancel(nil, id, ledger.ByClient, 2))
	check("cancelled")
	bust(t, a, first[0].Execution)
	check("busted")
	must(t)(a.Reset(nil, "", 3))
	check("reset")
	a = restart(t, a)
	check("restarted")
}

func TestNoClientOrderIDIsNeverARetry(t *testing.T) {
	a := open(t, 1000*coin)
	place(t, a, buy(1, ten))
	place(t, a, buy(1, ten))
	p, _ := a.Position(tin)
	equal(t, "shares", p.Quantity, 2)
}

// on returns a deal at a time.
func (d deal) on(now int64) deal {
	d.Terms.Time = now
	return d
}

// TestClientOrderIDWindow: an id is remembered on its day and the next one, however many
// orders there are, and while its event is in memory.
func TestClientOrderIDWindow(t *testing.T) {
	for _, c := range []struct{ keep, perDay int }{{37, 1000}, {700, 300}} { // less and more than two days in memory
		t.Run(fmt.Sprint(c.perDay, " a day, ", c.keep, " in memory"), func(t *testing.T) { checkWindow(t, c.keep, c.perDay) })
	}
}

func checkWindow(t *testing.T, keep, perDay int) {
	t.Helper()
	a := openWith(t, ledger.Options{Recent: keep}, 1_000_000)
	n := 0
	for d := range int64(6) {
		for range perDay {
			place(t, a, buy(1, 1).named(t, fmt.Sprint("id ", n)).on((100+d)*day+int64(n)))
			n++
			if n%100 == 50 {
				a = restartWith(t, a, keep)
			}
			if n%250 != 0 && n%perDay > 1 {
				continue
			}
			for back := range n {
				old := n - 1 - back
				found, remembered := a.FindNamed(new(named(t, fmt.Sprint("id ", old))))
				if within := old/perDay >= int(d)-1 || back < keep; within && !remembered || remembered && old/perDay < int(d)-2 && back > keep+256+perDay {
					t.Fatalf("id %d on day %d with %d orders: remembered %t", old, d, n, remembered)
				}
				if !remembered {
					continue
				}
				inMemory := back < keep
				number, order := uint64(old+1), ledger.NewOrderID(customer, uint32(old+1))
				if found.FirstEvent > number || found.LastEvent < number || found.FirstOrder > order || found.LastOrder < order ||
					(found.Event != 0) != inMemory || inMemory && found.Event != number || found.LastEvent-found.FirstEvent > 256 {
					t.Fatalf("id %d is in event %d: %+v", old, number, found)
				}
			}
			if _, err := try(a, buy(1, 1).named(t, fmt.Sprint("id ", n-1))); !errors.Is(err, ledger.ErrDuplicate) {
				t.Fatal(err)
			}
		}
	}
}

func restartWith(t testing.TB, a *ledger.Account, keep int) *ledger.Account {
	t.Helper()
	b, err := restored(a, ledger.Options{Recent: keep})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "hash", b.Hash(), a.Hash())
	return b
}

// TestQuietDays: the ids of the day before are those of the calendar, not of the last day with
// orders.
func TestQuietDays(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 1}, 1_000_000)
	for n := range 300 {
		place(t, a, buy(1, 1).named(t, fmt.Sprint("id ", n)).on(100*day))
	}
	place(t, a, buy(1, 1).named(t, "later").on(103*day))
	if _, found := a.FindNamed(new(named(t, "id 3"))); found {
		t.Error("remembered for three days")
	}
	place(t, a, buy(1, 1).named(t, "back").on(101*day)) // a clock that goes back forgets nothing
	if _, found := a.FindNamed(new(named(t, "later"))); !found {
		t.Error("forgotten")
	}
}

// TestRenamedOrders: the range of orders has those that got their id by Replace.
func TestRenamedOrders(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 2}, 1_000_000)
	old := rest(t, a, limit(ledger.Buy, 1, 1))
	for n := range 600 {
		place(t, a, buy(1, 1).named(t, fmt.Sprint("id ", n)))
	}
	r := ledger.Replacement{Order: old.ID, ClientOrderID: named(t, "renamed"), Quantity: 1, Price: 1, TimeInForce: ledger.Day, Terms: ledger.Terms{Time: 1}}
	must(t)(a.Replace(nil, &r, nil))
	for n := range 5 {
		place(t, a, buy(1, 1).named(t, fmt.Sprint("more ", n)))
	}
	for _, b := range []*ledger.Account{a, restartWith(t, a, 2)} {
		found, ok := b.FindNamed(&r.ClientOrderID)
		if !ok || found.Event != 0 || found.FirstOrder > old.ID || found.LastOrder < old.ID {
			t.Errorf("%+v, %t", found, ok)
		}
	}
}

func TestTooManyClientOrderIDs(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 2, ClientOrderIDs: 600}, 1_000_000)
	for n := range 600 {
		place(t, a, buy(1, 1).named(t, fmt.Sprint("id ", n)).on(100*day))
	}
	unchanged(t, a, func() {
		if _, err := try(a, buy(1, 1).named(t, "one more").on(100*day)); !errors.Is(err, ledger.ErrTooManyClientOrderIDs) {
			t.Error(err)
		}
	})
	place(t, a, buy(1, 1).on(100*day)) // without an id
	id := rest(t, a, limit(ledger.Buy, 1, 1)).ID
	r := ledger.Replacement{Order: id, ClientOrderID: named(t, "one more"), Quantity: 1, Price: 1, TimeInForce: ledger.Day, Terms: ledger.Terms{Time: 100 * day}}
	unchanged(t, a, func() {
		if _, err := a.Replace(nil, &r, nil); !errors.Is(err, ledger.ErrTooManyClientOrderIDs) {
			t.Error(err)
		}
	})
	if _, err := try(a, buy(1, 1).named(t, "one more").on(101*day)); !errors.Is(err, ledger.ErrTooManyClientOrderIDs) {
		t.Errorf("those of yesterday count: %v", err)
	}
	place(t, a, buy(1, 1).named(t, "one more").on(102*day))
	if _, found := a.FindNamed(new(named(t, "id 1"))); found {
		t.Error("remembered for three days")
	}
}

// TestFindNamedIsExactInMemory: of thousands of other ids none is taken for one that was used.
func TestFindNamedIsExactInMemory(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: ledger.MaxRecent}, 1_000_000)
	for n := range 1000 {
		place(t, a, buy(1, 1).named(t, fmt.Sprint("used ", n)))
	}
	for n := range 200_000 { // some have the tag of a used one
		if found, ok := a.FindNamed(new(named(t, fmt.Sprint("free ", n)))); ok {
			t.Fatalf("free %d: %+v", n, found)
		}
	}
}

// TestClientOrderIDsInAnyOrder: ids are remembered exactly whether they come in rising order, in
// falling order or in none, over restarts and the end of a day.
func TestClientOrderIDsInAnyOrder(t *testing.T) {
	const perDay = 1500
	random := rand.New(rand.NewPCG(1, 2)).Perm(4 * perDay)
	for name, number := range map[string]func(n int) int{
		"rising":            func(n int) int { return n },
		"falling":           func(n int) int { return 4*perDay - 1 - n },
		"random":            func(n int) int { return random[n] },
		"rising, then not":  func(n int) int { return (n + perDay/2) % (4 * perDay) },
		"two rising series": func(n int) int { return n/2 + n%2*2*perDay },
	} {
		t.Run(name, func(t *testing.T) {
			id := func(n int) ledger.ClientOrderID { return named(t, fmt.Sprintf("id %06d", number(n))) }
			a := openWith(t, ledger.Options{Recent: 5}, 1_000_000)
			again := openWith(t, ledger.Options{Recent: 5}, 1_000_000) // replays, and never restarts
			for n := range 4 * perDay {
				if n%700 == 350 {
					a = restartWith(t, a, 5)
				}
				d := buy(1, 1).on(int64(100+n/perDay)*day + int64(n))
				d.ClientOrderID = id(n)
				e := place(t, a, d) // the id is new
				replay(t, again, []ledger.Event{e})
				if _, err := try(a, d); !errors.Is(err, ledger.ErrDuplicate) {
					t.Fatalf("id of order %d again: %v", n, err)
				}
				if n%perDay != 0 && n%perDay != perDay/2 && n%perDay != perDay-1 {
					continue
				}
				for _, b := range []*ledger.Account{a, again, restartWith(t, a, 5)} {
					checkRemembered(t, b, id, n, perDay)
				}
			}
		})
	}
}

// checkRemembered checks the ids of all orders when n+1 of 4 days have been placed.
func checkRemembered(t *testing.T, a *ledger.Account, id func(int) ledger.ClientOrderID, n, perDay int) {
	t.Helper()
	yesterday := (n/perDay - 1) * perDay // its first order
	for i := range 4 * perDay {
		found, remembered := a.FindNamed(new(id(i)))
		switch event := uint64(i + 1); {
		case i > n && remembered:
			t.Fatalf("order %d: not used, but remembered", i)
		case i > n:
		case i >= yesterday && !remembered:
			t.Fatalf("order %d of %d: forgotten", i, n)
		case i < yesterday-256 && remembered:
			t.Fatalf("order %d of %d: remembered for too long", i, n)
		case remembered && (found.FirstEvent > event || found.LastEvent < event):
			t.Fatalf("order %d of %d: %+v", i, n, found)
		}
	}
}
