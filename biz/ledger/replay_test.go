package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

// recorded returns a few events: buy, buy, sell, bust of the second buy.
func recorded(t *testing.T) []ledger.Event {
	t.Helper()
	a := open(t, 10_000)
	o := buy(10, 10)
	o.ClientOrderID = named(t, "first")
	events := []ledger.Event{place(t, a, o), place(t, a, buy(6, 20)), place(t, a, sell(4, 30))}
	return append(events, bust(t, a, events[1].Execution))
}

func replay(t *testing.T, a *ledger.Account, events []ledger.Event) {
	t.Helper()
	for i := range events {
		if applied, err := a.Replay(&events[i], "test"); err != nil || !applied {
			t.Fatalf("event %d: applied %v, %v", i+1, applied, err)
		}
	}
}

func TestReplaySkipsWhatIsThere(t *testing.T) {
	events := recorded(t)
	a := open(t, 10_000)
	replay(t, a, events)
	unchanged(t, a, func() {
		for i := range events {
			if applied, err := a.Replay(&events[i], "test"); err != nil || applied {
				t.Errorf("event %d: applied %v, %v", i+1, applied, err)
			}
		}
	})
}

func TestReplayedAccountKnowsClientOrderIDs(t *testing.T) {
	events := recorded(t)
	a := open(t, 10_000)
	replay(t, a, events)
	if e, err := a.Place(ledger.Order{ClientOrderID: named(t, "first")}); !errors.Is(err, ledger.ErrDuplicate) || e != events[0] {
		t.Errorf("%+v, %v", e, err)
	}
}

// Each case changes one field of an event; replay must notice it.
func TestReplayRefusesWhatDoesNotFollow(t *testing.T) {
	const fill, sold, busted = 1, 2, 3
	cases := []struct {
		name   string
		at     int
		change func(*ledger.Event)
		want   error
	}{
		{"customer", fill, func(e *ledger.Event) { e.Execution.ID = ledger.NewExecutionID(customer+1, 2) }, ledger.ErrWrongAccount},
		{"number too high", fill, func(e *ledger.Event) { e.Number++ }, ledger.ErrGap},
		{"kind", fill, func(e *ledger.Event) { e.Kind = 3 }, ledger.ErrMismatch},
		{"execution number", fill, func(e *ledger.Event) { e.Execution.ID++ }, ledger.ErrMismatch},
		{"order of somebody else", fill, func(e *ledger.Event) { e.Execution.Order = ledger.NewOrderID(1, 1) }, ledger.ErrMismatch},
		{"time of the execution", fill, func(e *ledger.Event) { e.Execution.Time++ }, ledger.ErrMismatch},
		{"side", fill, func(e *ledger.Event) { e.Execution.Side = ledger.Sell }, ledger.ErrMismatch},
		{"no side", fill, func(e *ledger.Event) { e.Execution.Side = 0 }, ledger.ErrMismatch},
		{"instrument", fill, func(e *ledger.Event) { e.Execution.Instrument++ }, ledger.ErrMismatch},
		{"quantity", fill, func(e *ledger.Event) { e.Execution.Quantity++ }, ledger.ErrMismatch},
		{"quantity negative", fill, func(e *ledger.Event) { e.Execution.Quantity = -1 }, ledger.ErrMismatch},
		{"price", fill, func(e *ledger.Event) { e.Execution.Price++ }, ledger.ErrMismatch},
		{"more than the cash", fill, func(e *ledger.Event) { e.Execution.Price = 1e6 }, ledger.ErrNotEnoughCash},
		{"cost of a buy", fill, func(e *ledger.Event) { e.Execution.Cost = 1 }, ledger.ErrMismatch},
		{"cost of a sell", sold, func(e *ledger.Event) { e.Execution.Cost++ }, ledger.ErrMismatch},
		{"cost of a bust", busted, func(e *ledger.Event) { e.Execution.Cost = -1 }, ledger.ErrTooLarge},
		{"position's quantity", fill, func(e *ledger.Event) { e.Position.Quantity++ }, ledger.ErrMismatch},
		{"position's cost", fill, func(e *ledger.Event) { e.Position.Cost++ }, ledger.ErrMismatch},
		{"position's profit", sold, func(e *ledger.Event) { e.Position.Realised++ }, ledger.ErrMismatch},
		{"position's instrument", fill, func(e *ledger.Event) { e.Position.Instrument++ }, ledger.ErrMismatch},
		{"rows", fill, func(e *ledger.Event) { e.Rows++ }, ledger.ErrMismatch},
		{"change", fill, func(e *ledger.Event) { e.Change = ledger.Opened }, ledger.ErrMismatch},
		{"bust of the future", busted, func(e *ledger.Event) { e.Execution.ID += 2 }, ledger.ErrUnknownExecution},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			events := recorded(t)
			a := open(t, 10_000)
			replay(t, a, events[:c.at])
			c.change(&events[c.at])
			unchanged(t, a, func() {
				if applied, err := a.Replay(&events[c.at], "test"); !errors.Is(err, c.want) || applied {
					t.Errorf("applied %v, %v, want %v", applied, err, c.want)
				}
			})
		})
	}
}

func TestReplayRefusesASecondBust(t *testing.T) {
	events := recorded(t)
	a := open(t, 10_000)
	replay(t, a, events)
	again := events[3]
	again.Number++
	if _, err := a.Replay(&again, "test"); !errors.Is(err, ledger.ErrMismatch) || !errors.Is(err, ledger.ErrDuplicate) {
		t.Error(err)
	}
}

// The hash depends on everything that a customer or an operator decided.
func TestHashSeesEveryDifference(t *testing.T) {
	base := func() ([]ledger.Order, string, ledger.Money) {
		o := buy(10, 10)
		o.ClientOrderID = named(t, "a")
		return []ledger.Order{o, buy(6, 20), sell(4, 30)}, "test", 10_000
	}
	life := func(orders []ledger.Order, reason string, cash ledger.Money) [32]byte {
		a := open(t, cash)
		var last ledger.Event
		for _, o := range orders {
			last = place(t, a, o)
		}
		if _, _, err := a.Bust(ledger.Bust{Execution: last.Execution, Reason: reason}); err != nil {
			t.Fatal(err)
		}
		return a.Hash()
	}
	seen := map[[32]byte]string{life(base()): "base"}
	if seen[life(base())] != "base" {
		t.Fatal("the same life has another hash")
	}
	changes := map[string]func([]ledger.Order){
		"client order id":                     func(o []ledger.Order) { o[0].ClientOrderID = named(t, "b") },
		"last byte of a long client order id": func(o []ledger.Order) { o[0].ClientOrderID[ledger.ClientOrderIDSize-1] = 1 },
		"time":                                func(o []ledger.Order) { o[0].Time++ },
		"order of orders":                     func(o []ledger.Order) { o[0], o[1] = o[1], o[0] },
		"quantity":                            func(o []ledger.Order) { o[2].Quantity++ },
		"price":                               func(o []ledger.Order) { o[2].Price++ },
		"instrument":                          func(o []ledger.Order) { o[1].Instrument++ },
	}
	add := func(name string, h [32]byte) {
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[h] = name
	}
	for name, change := range changes {
		orders, reason, cash := base()
		change(orders)
		add(name, life(orders, reason, cash))
	}
	orders, _, cash := base()
	add("reason", life(orders, "Test", cash))
	add("cash", life(orders, "test", cash+1))
	add("one less", life(orders[:2], "test", cash))
}
