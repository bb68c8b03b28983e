package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

// TestTooLate: who comes first wins, and the other one hears why.
func TestTooLate(t *testing.T) {
	a := open(t, 1000)
	filled, cancelled := rest(t, a, limit(ledger.Buy, 10, 10)), rest(t, a, limit(ledger.Buy, 10, 10))
	must(t)(a.Fill(nil, filled.ID, []ledger.Offer{{Quantity: 10, Price: 10}}, &ledger.Terms{}))
	must(t)(a.Cancel(nil, cancelled.ID, ledger.ByClient, 3))
	for id, want := range map[ledger.OrderID]error{
		filled.ID: ledger.ErrTooLate, cancelled.ID: ledger.ErrTooLate, cancelled.ID + 1: ledger.ErrUnknownOrder,
		ledger.NewOrderID(customer, 0): ledger.ErrUnknownOrder, ledger.NewOrderID(customer+1, 1): ledger.ErrUnknownOrder,
	} {
		r := ledger.Replacement{Order: id, Quantity: 20, Price: 10, TimeInForce: ledger.Day}
		commands := map[string]func() ([]ledger.Event, error){
			"cancel":  func() ([]ledger.Event, error) { return a.Cancel(nil, id, ledger.ByClient, 4) },
			"expire":  func() ([]ledger.Event, error) { return a.Expire(nil, id, 4) },
			"replace": func() ([]ledger.Event, error) { return a.Replace(nil, &r, nil) },
			"trigger": func() ([]ledger.Event, error) { return a.Trigger(nil, id, nil, &r.Terms) },
			"fill": func() ([]ledger.Event, error) {
				return a.Fill(nil, id, []ledger.Offer{{Quantity: 1, Price: 1}}, &r.Terms)
			},
		}
		for name, do := range commands {
			unchanged(t, a, func() {
				if events, err := do(); !errors.Is(err, want) || len(events) > 0 {
					t.Errorf("%s of %s: %v, want %v", name, id, err, want)
				}
			})
		}
	}
}

func TestReplace(t *testing.T) {
	a := open(t, 1000)
	id := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 4, Price: 10})[0].Order.ID
	with := func(change func(*ledger.Replacement)) *ledger.Replacement {
		r := &ledger.Replacement{Order: id, Quantity: 10, Price: 10, TimeInForce: ledger.GoodTillCancelled, Terms: ledger.Terms{Time: 2, Priority: 9}}
		change(r)
		return r
	}
	refused := []struct {
		name string
		r    *ledger.Replacement
		want error
	}{
		{"quantity as filled", with(func(r *ledger.Replacement) { r.Quantity = 4 }), ledger.ErrBadQuantity},
		{"quantity 0", with(func(r *ledger.Replacement) { r.Quantity = 0 }), ledger.ErrBadQuantity},
		{"quantity over the maximum", with(func(r *ledger.Replacement) { r.Quantity = ledger.MaxQuantity + 1 }), ledger.ErrTooLarge},
		{"price 0", with(func(r *ledger.Replacement) { r.Price = 0 }), ledger.ErrBadPrice},
		{"price negative", with(func(r *ledger.Replacement) { r.Price = -1 }), ledger.ErrBadPrice},
		{"price x quantity over 64 bits", with(func(r *ledger.Replacement) { r.Price, r.Quantity = ledger.MaxPrice, ledger.MaxQuantity }), ledger.ErrTooLarge},
		{"stop price", with(func(r *ledger.Replacement) { r.Stop = 1 }), ledger.ErrBadPrice},
		{"at once", with(func(r *ledger.Replacement) { r.TimeInForce = ledger.ImmediateOrCancel }), ledger.ErrBadTimeInForce},
		{"date is over", with(func(r *ledger.Replacement) { r.TimeInForce, r.Expires = ledger.GoodTillDate, 2 }), ledger.ErrBadExpiry},
		{"cash", with(func(r *ledger.Replacement) { r.Price = 161 }), ledger.ErrNotEnoughCash},
		{"lot", with(func(r *ledger.Replacement) { r.Quantity, r.Terms.Lots = 15, ledger.Lots{Minimum: 10, Step: 10} }), ledger.ErrBadLot},
	}
	for _, c := range refused {
		unchanged(t, a, func() {
			if events, err := a.Replace(nil, c.r, nil); !errors.Is(err, c.want) || len(events) > 0 {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		})
	}
	o := must(t)(a.Replace(nil, with(func(r *ledger.Replacement) { r.Quantity = 8 }), nil))[0].Order
	equal(t, "place in the queue stays", o.Priority, 1)
	equal(t, "frozen", a.Frozen(), 40)
	o = must(t)(a.Replace(nil, with(func(r *ledger.Replacement) { r.Quantity = 9 }), nil))[0].Order
	equal(t, "place in the queue", o.Priority, 9)
	equal(t, "filled stays", o.Filled, 4)
	events := must(t)(a.Replace(nil, with(func(r *ledger.Replacement) { r.Price = 20 }), []ledger.Offer{{Quantity: 6, Price: 15}}))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindReplace, ledger.KindFill})
	equal(t, "more", events[0].More, true)
	equal(t, "cash", a.Cash(), 1000-40-90)
	equal(t, "works", a.Order(id) == nil, true)
}

func TestReplaceASell(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: 10})
	id := rest(t, a, limit(ledger.Sell, 6, 10)).ID
	r := ledger.Replacement{Order: id, Quantity: 11, Price: 10, TimeInForce: ledger.Day}
	unchanged(t, a, func() {
		if _, err := a.Replace(nil, &r, nil); !errors.Is(err, ledger.ErrNotEnoughShares) {
			t.Error(err)
		}
	})
	r.Quantity = 10
	must(t)(a.Replace(nil, &r, nil))
	equal(t, "sellable", a.Sellable(tin, 1), 0)
	r.Quantity, r.Terms.Lots = 3, ledger.Lots{Minimum: 4, Step: 4} // neither a lot nor all
	unchanged(t, a, func() {
		if _, err := a.Replace(nil, &r, nil); !errors.Is(err, ledger.ErrBadLot) {
			t.Error(err)
		}
	})
	r.Quantity = 2 // the odd remainder of 10
	must(t)(a.Replace(nil, &r, nil))
	equal(t, "sellable", a.Sellable(tin, 1), 8)
}

func TestTrigger(t *testing.T) {
	a := open(t, 1000)
	o := limit(ledger.Buy, 10, 12)
	o.Type, o.Stop = ledger.StopLimit, 11
	id := rest(t, a, o).ID
	e := must(t)(a.Trigger(nil, id, nil, &o.Terms))
	equal(t, "events", kinds(e), []ledger.Kind{ledger.KindTrigger})
	equal(t, "cause", e[0].Cause, ledger.ByStopPrice)
	equal(t, "works as a limit order", a.Order(id).Triggered, true)
	unchanged(t, a, func() {
		if _, err := a.Trigger(nil, id, nil, &o.Terms); !errors.Is(err, ledger.ErrBadOrderType) {
			t.Error(err)
		}
		r := ledger.Replacement{Order: id, Quantity: 10, Price: 12, Stop: 10, TimeInForce: ledger.Day}
		if _, err := a.Replace(nil, &r, nil); !errors.Is(err, ledger.ErrBadPrice) {
			t.Error(err)
		}
	})
	stop := o
	stop.Type, stop.Price, stop.Terms.Reserve = ledger.Stop, 0, 20
	id = rest(t, a, stop).ID
	events := must(t)(a.Trigger(nil, id, []ledger.Offer{{Quantity: 4, Price: 11}, {Quantity: 1, Price: 12}}, &stop.Terms))
	equal(t, "a market order does not rest", kinds(events), []ledger.Kind{ledger.KindTrigger, ledger.KindFill, ledger.KindFill, ledger.KindCancel})
	equal(t, "cause", events[3].Cause, ledger.ByLiquidity)
	equal(t, "frozen", a.Frozen(), 120)
}

func TestTooManyOrders(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 9, Orders: 2}, 1000)
	first := rest(t, a, limit(ledger.Buy, 1, 10))
	rest(t, a, limit(ledger.Buy, 1, 10))
	unchanged(t, a, func() {
		for _, offers := range [][]ledger.Offer{nil, {{Quantity: 1, Price: 10}}} {
			if _, err := a.Place(nil, new(limit(ledger.Buy, 2, 10)), offers); !errors.Is(err, ledger.ErrTooManyOrders) {
				t.Error(err)
			}
		}
	})
	submit(t, a, limit(ledger.Buy, 2, 10), ledger.Offer{Quantity: 1, Price: 10}, ledger.Offer{Quantity: 1, Price: 10}) // does not rest
	must(t)(a.Cancel(nil, first.ID, ledger.ByClient, 1))
	rest(t, a, limit(ledger.Buy, 2, 10))
}

func TestOrderNamed(t *testing.T) {
	a := open(t, 1000)
	o := limit(ledger.Buy, 1, 10)
	o.ClientOrderID = named(t, "a")
	id := rest(t, a, o).ID
	if found := a.OrderNamed(&o.ClientOrderID); found == nil || found.ID != id {
		t.Errorf("%+v", found)
	}
	if a.OrderNamed(new(named(t, "b"))) != nil || a.OrderNamed(new(ledger.ClientOrderID)) != nil {
		t.Error("found another order")
	}
}
