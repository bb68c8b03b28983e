package ledger

import (
	"errors"
	"testing"
)

// TestExhausted: an account without numbers left refuses executions and new orders.
func TestExhausted(t *testing.T) {
	a, err := NewAccount(1, Opening{Cash: 1_000_000}, Options{Recent: 9})
	if err != nil {
		t.Fatal(err)
	}
	o := NewOrder{Side: Buy, Type: Limit, TimeInForce: GoodTillCancelled, Quantity: 10, Price: 10}
	stop := o
	stop.Type, stop.Stop = StopLimit, 10
	whole, part := []Offer{{10, 10}}, []Offer{{4, 10}, {5, 10}}
	var events []Event
	for _, order := range []NewOrder{o, o, o, stop} {
		if events, err = a.Place(events, &order, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Cancel(nil, events[2].Order.ID, ByClient, 1); err != nil {
		t.Fatal(err)
	}
	a.lastExecution = maxExecutions - 1
	if have, err := a.Place(nil, &o, part); !errors.Is(err, ErrExhausted) || len(have) > 0 {
		t.Errorf("two executions: %d events, %v", len(have), err)
	}
	a.lastExecution = maxExecutions
	for _, offers := range [][]Offer{nil, whole, part} {
		if have, err := a.Place(nil, &o, offers); !errors.Is(err, ErrExhausted) || len(have) > 0 {
			t.Errorf("place: %d events, %v", len(have), err)
		}
	}
	if have, err := a.FillLate(nil, &Order{
		ID: events[2].Order.ID, Side: Buy, Type: Limit, TimeInForce: Day, Status: Cancelled, Quantity: 10, Price: 10,
	}, Offer{1, 1}, &Terms{}); !errors.Is(err, ErrExhausted) || len(have) > 0 {
		t.Errorf("late: %d events, %v", len(have), err)
	}
	cancelled := func(name string, have []Event, err error) {
		t.Helper()
		if last := len(have) - 1; err != nil || have[last].Kind != KindCancel || have[last].Cause != ByLimits {
			t.Errorf("%s: %+v, %v", name, have, err)
		}
	}
	have, err := a.Fill(nil, events[0].Order.ID, part, &Terms{})
	cancelled("fill", have, err)
	r := Replacement{Order: events[1].Order.ID, Quantity: 10, Price: 10, TimeInForce: Day}
	have, err = a.Replace(nil, &r, part)
	cancelled("replace", have, err)
	have, err = a.Trigger(nil, events[3].Order.ID, part, &Terms{})
	cancelled("trigger", have, err)
	a.lastOrder = maxExecutions
	if _, err := a.Place(nil, &o, nil); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

// TestSameHash: an id with the hash of another one is not taken for it while that is in memory.
// Later it is refused as used before.
func TestSameHash(t *testing.T) {
	a, err := NewAccount(1, Opening{Cash: 1_000_000}, Options{Recent: 2})
	if err != nil {
		t.Fatal(err)
	}
	place := func(id string) error {
		o := NewOrder{Side: Buy, Type: Market, TimeInForce: Day, Quantity: 1, Terms: Terms{Time: 1}}
		copy(o.ClientOrderID[:], id)
		_, err := a.Place(nil, &o, []Offer{{1, 1}})
		return err
	}
	var other ClientOrderID
	copy(other[:], "other")
	if err := place("first"); err != nil {
		t.Fatal(err)
	}
	a.ids.hashes[0] = other.hash()
	a.ids.tags, a.ids.tagged = nil, 0
	if err := place("other"); err != nil {
		t.Errorf("in memory: %v", err)
	}
	a.ids.hashes = a.ids.hashes[:1]
	a.ids.tags, a.ids.tagged = nil, 0
	for range 3 {
		if err := place(""); err != nil {
			t.Fatal(err)
		}
	}
	if n, found := a.FindNamed(&other); !found || n.Event != 0 {
		t.Errorf("%+v, %t", n, found)
	}
	if err := place("other"); !errors.Is(err, ErrDuplicate) {
		t.Errorf("no longer in memory: %v", err)
	}
}

// TestInconsistentStates: a state whose amounts do not agree with its orders is refused, though
// its checksum is right.
func TestInconsistentStates(t *testing.T) {
	opening := Opening{Cash: 1_000_000, Holdings: []Holding{{Instrument: 1, Quantity: 10}}}
	cases := map[string]func(*Account){
		"":                        func(*Account) {},
		"cash":                    func(a *Account) { a.cash = MaxMoney + 1 },
		"fees":                    func(a *Account) { a.fees = -MaxMoney - 1 },
		"frozen cash":             func(a *Account) { a.frozen++ },
		"frozen for an order":     func(a *Account) { a.orders[0].Frozen++ },
		"frozen for a sell":       func(a *Account) { a.orders[1].Frozen, a.frozen = 1, a.frozen+1 },
		"frozen shares":           func(a *Account) { a.rows[0].frozen-- },
		"more frozen than held":   func(a *Account) { a.rows[0].frozen, a.orders[1].Quantity = 11, 11 },
		"shares of no position":   func(a *Account) { a.orders[1].Instrument = 9; a.rows[0].frozen = 0 },
		"no shares":               func(a *Account) { a.rows[0].quantity = 0 },
		"filled":                  func(a *Account) { a.orders[0].Filled = 4 },
		"ended":                   func(a *Account) { a.orders[0].Status = Cancelled },
		"order of the future":     func(a *Account) { a.orders[1].ID += 5 },
		"order 0":                 func(a *Account) { a.orders[0].ID = NewOrderID(1, 0) },
		"orders not sorted":       func(a *Account) { a.orders[0], a.orders[1] = a.orders[1], a.orders[0] },
		"reset in the future":     func(a *Account) { a.resetAt = 9 },
		"event number":            func(a *Account) { a.lastNumber = maxNumber + 1 },
		"push number":             func(a *Account) { a.lastPush++ },
		"unsettled shares":        func(a *Account) { a.lots = []lot{{1, 5, 0}} },
		"unsettled cash":          func(a *Account) { a.proceeds = []due{{5, 0}} },
		"unsettled cash in all":   func(a *Account) { a.proceeds = []due{{5, MaxMoney}, {6, 1}} },
		"unsettled not sorted":    func(a *Account) { a.proceeds = []due{{5, 1}, {5, 1}} },
		"busted in the future":    func(a *Account) { a.busted = map[ExecutionID]Busted{NewExecutionID(1, 9): {}} },
		"busted by a later event": func(a *Account) { a.busted = map[ExecutionID]Busted{NewExecutionID(1, 1): {Number: 99}} },
		"id of no order":          func(a *Account) { a.ids.last.last = 99 },
		"id of a later event":     func(a *Account) { a.ids.last.event = 99 },
		"push of an event": func(a *Account) {
			old := a.Recent(nil) // newest first
			second := old[1]
			second.Push++
			events := []Event{old[2], second, old[0]}
			a.recent = recent{max: 9}
			for i := range events {
				a.recent.add(&events[i])
			}
		},
	}
	for name, change := range cases {
		a, err := NewAccount(1, opening, Options{Recent: 9})
		if err != nil {
			t.Fatal(err)
		}
		o := NewOrder{Side: Buy, Type: Limit, TimeInForce: GoodTillCancelled, Instrument: 1, Quantity: 4, Price: 10}
		o.ClientOrderID[0] = 'x'
		if _, err = a.Place(nil, &o, nil); err != nil {
			t.Fatal(err)
		}
		o.Side, o.ClientOrderID[0] = Sell, 'y'
		if _, err = a.Place(nil, &o, nil); err != nil {
			t.Fatal(err)
		}
		o.ClientOrderID[0] = 'z'
		if _, err = a.Place(nil, &o, []Offer{{4, 10}}); err != nil {
			t.Fatal(err)
		}
		change(a)
		if _, err := RestoreAccount(a.AppendState(nil), opening, Options{}); errors.Is(err, ErrMalformed) != (name != "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
