package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/biz/ledger"
)

// recorded returns a few events: buy, buy, sell, bust of the second buy, a limit order, an
// execution of it, its end.
func recorded(t *testing.T) []ledger.Event {
	t.Helper()
	a := open(t, 10_000)
	events := []ledger.Event{place(t, a, buy(10, 10).named(t, "first")), place(t, a, buy(6, 20)), place(t, a, sell(4, 30))}
	events = append(events, bust(t, a, events[1].Execution))
	events = append(events, submit(t, a, limit(ledger.Buy, 5, 9))...)
	id := events[4].Order.ID
	events = append(events, must(t)(a.Fill(nil, id, []ledger.Offer{{Quantity: 2, Price: 8}}, &ledger.Terms{Time: 3}))...)
	return append(events, must(t)(a.Cancel(nil, id, ledger.ByClient, 4))...)
}

func replay(t testing.TB, a *ledger.Account, events []ledger.Event) {
	t.Helper()
	for i := range events {
		if applied, err := a.Replay(&events[i]); err != nil || !applied {
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
			if applied, err := a.Replay(&events[i]); err != nil || applied {
				t.Errorf("event %d: applied %v, %v", i+1, applied, err)
			}
		}
	})
}

func TestReplayedAccountHasClientOrderIDs(t *testing.T) {
	events := recorded(t)
	a := open(t, 10_000)
	replay(t, a, events)
	if have, err := try(a, buy(1, 1).named(t, "first")); !errors.Is(err, ledger.ErrDuplicate) || len(have) != 1 || have[0] != events[0] {
		t.Errorf("%+v, %v", have, err)
	}
}

// Each case changes one field of an event; replay must notice it.
func TestReplayRefusesWhatDoesNotFollow(t *testing.T) {
	const fill, sold, busted, accepted, part, ended = 1, 2, 3, 4, 5, 6
	cases := []struct {
		name   string
		at     int
		change func(*ledger.Event)
		want   error
	}{
		{"customer", fill, func(e *ledger.Event) { e.Order.ID = ledger.NewOrderID(customer+1, 2) }, ledger.ErrWrongAccount},
		{"customer of the execution", fill, func(e *ledger.Event) { e.Execution.ID = ledger.NewExecutionID(customer+1, 2) }, ledger.ErrMismatch},
		{"number too high", fill, func(e *ledger.Event) { e.Number++ }, ledger.ErrGap},
		{"push number", fill, func(e *ledger.Event) { e.Push++ }, ledger.ErrMismatch},
		{"early fill", fill, func(e *ledger.Event) { e.Early = true }, ledger.ErrMismatch},
		{"early bust", busted, func(e *ledger.Event) { e.Early = true }, ledger.ErrMismatch},
		{"early accept", accepted, func(e *ledger.Event) { e.Early = true }, ledger.ErrMismatch},
		{"early part", part, func(e *ledger.Event) { e.Early = true }, ledger.ErrMismatch},
		{"not named", fill, func(e *ledger.Event) { e.Named = false }, ledger.ErrMismatch},
		{"order number", fill, func(e *ledger.Event) { e.Order.ID++; e.Execution.Order++ }, ledger.ErrMismatch},
		{"older order", fill, func(e *ledger.Event) { e.Order.ID--; e.Execution.Order-- }, ledger.ErrMismatch},
		{"order filled more", part, func(e *ledger.Event) { e.Order.Filled++ }, ledger.ErrMismatch},
		{"order of more value", part, func(e *ledger.Event) { e.Order.FilledValue++ }, ledger.ErrMismatch},
		{"order of another type", part, func(e *ledger.Event) { e.Order.Type = ledger.Market }, ledger.ErrMismatch},
		{"order of another time", part, func(e *ledger.Event) { e.Order.Time++ }, ledger.ErrMismatch},
		{"order of another instrument", ended, func(e *ledger.Event) { e.Order.Instrument++ }, ledger.ErrMismatch},
		{"order freezes too much", accepted, func(e *ledger.Event) { e.Order.Frozen = 11_000 }, ledger.ErrNotEnoughCash},
		{"order freezes less than nothing", accepted, func(e *ledger.Event) { e.Order.Frozen = -1 }, ledger.ErrMismatch},
		{"accepted filled", accepted, func(e *ledger.Event) { e.Order.Filled, e.Order.Status = 1, ledger.PartiallyFilled }, ledger.ErrMismatch},
		{"accepted ended", accepted, func(e *ledger.Event) { e.Order.Status, e.Order.Frozen = ledger.Cancelled, 0 }, ledger.ErrMismatch},
		{"ended works", ended, func(e *ledger.Event) { e.Order.Status = ledger.PartiallyFilled }, ledger.ErrMismatch},
		{"ended freezes", ended, func(e *ledger.Event) { e.Order.Frozen = 1 }, ledger.ErrMismatch},
		{"ended filled", ended, func(e *ledger.Event) { e.Order.Filled++ }, ledger.ErrMismatch},
		{"ended twice", ended, func(e *ledger.Event) { e.Order.ID-- }, ledger.ErrMismatch},
		{"status", part, func(e *ledger.Event) { e.Order.Status = ledger.New }, ledger.ErrMismatch},
		{"correction", fill, func(e *ledger.Event) { e.Execution.Corrects = 1 }, ledger.ErrMismatch},
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
		{"more than the cash", fill, func(e *ledger.Event) { e.Execution.Price, e.Order.FilledValue = 1e6, 6e6 }, ledger.ErrNotEnoughCash},
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
				if applied, err := a.Replay(&events[c.at]); !errors.Is(err, c.want) || applied {
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
	again.Number, again.Push = a.LastNumber()+1, a.LastPush()+1
	if _, err := a.Replay(&again); !errors.Is(err, ledger.ErrMismatch) || !errors.Is(err, ledger.ErrDuplicate) {
		t.Error(err)
	}
}

// The hash depends on everything that a customer or an operator decided.
func TestHashSeesEveryDifference(t *testing.T) {
	base := func() ([]deal, string, ledger.Money) {
		long := strings.Repeat("a", ledger.ClientOrderIDSize)
		return []deal{buy(10, 10).named(t, long), buy(6, 20), sell(4, 30)}, "test", 10_000
	}
	life := func(deals []deal, reason string, cash ledger.Money) [32]byte {
		a := open(t, cash)
		var last ledger.Event
		for _, d := range deals {
			last = place(t, a, d)
		}
		b := bustOf(a, last.Execution)
		b.Reason = reason
		must(t)(a.Bust(nil, b))
		return a.Hash()
	}
	seen := map[[32]byte]string{life(base()): "base"}
	if seen[life(base())] != "base" {
		t.Fatal("the same life has another hash")
	}
	changes := map[string]func([]deal){
		"client order id":                     func(d []deal) { d[0].ClientOrderID = named(t, "b") },
		"last byte of a long client order id": func(d []deal) { d[0].ClientOrderID[ledger.ClientOrderIDSize-1] = 'b' },
		"time":                                func(d []deal) { d[0].Terms.Time++ },
		"order of orders":                     func(d []deal) { d[0], d[1] = d[1], d[0] },
		"quantity":                            func(d []deal) { d[2].Quantity++ },
		"price":                               func(d []deal) { d[2].price++ },
		"instrument":                          func(d []deal) { d[1].Instrument++ },
		"type":                                func(d []deal) { d[1].Type, d[1].Price = ledger.Limit, 20 },
		"time in force":                       func(d []deal) { d[1].TimeInForce = ledger.FillOrKill },
		"settlement":                          func(d []deal) { d[1].Terms.SharesFrom = 1 },
		"fee":                                 func(d []deal) { d[2].Terms.Fees = &ledger.Fees{Minimum: 1} },
	}
	add := func(name string, h [32]byte) {
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[h] = name
	}
	for name, change := range changes {
		deals, reason, cash := base()
		change(deals)
		add(name, life(deals, reason, cash))
	}
	deals, _, cash := base()
	add("reason", life(deals, "Test", cash))
	add("cash", life(deals, "test", cash+1))
	add("one less", life(deals[:2], "test", cash))
}
