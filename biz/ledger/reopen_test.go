package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

func TestCascade(t *testing.T) {
	a := open(t, 10_000)
	bought := place(t, a, buy(10, 10)).Execution
	kept := place(t, a, buy(4, 10)).Execution
	first := place(t, a, sell(3, 20)).Execution
	second := place(t, a, sell(6, 20)).Execution
	third := place(t, a, sell(1, 20)).Execution
	working := rest(t, a, limit(ledger.Sell, 4, 50))
	b := bustOf(a, bought)
	var blocked *ledger.BlockedError
	if _, err := a.Bust(nil, b); !errors.As(err, &blocked) || !errors.Is(err, ledger.ErrBustBlocked) {
		t.Fatal(err)
	}
	equal(t, "in the way", blocked.Sells, []ledger.ExecutionID{second.ID})
	equal(t, "text", blocked.Error(), "the position would become negative: shares were sold by [100001-4]")
	b.Cascade = true
	planned, position, err := a.PlanBust(b)
	if err != nil || len(planned) != 2 || planned[0].ID != bought.ID || planned[1].ID != second.ID {
		t.Errorf("%+v, %v", planned, err)
	}
	equal(t, "planned position", position, ledger.Position{Instrument: tin, Quantity: 0, Realised: 40})
	events := must(t)(a.Bust(nil, b))
	equal(t, "events", len(events), 3)
	equal(t, "working sell", events[0].Order.ID, working.ID)
	equal(t, "its cause", events[0].Cause, ledger.ByShares)
	equal(t, "newest first", events[1].Execution.ID, second.ID)
	equal(t, "then", events[2].Execution.ID, bought.ID)
	equal(t, "position of both", events[1].Position, events[2].Position)
	equal(t, "changes", []ledger.Change{events[1].Change, events[2].Change}, []ledger.Change{ledger.Closed, ledger.Repriced})
	equal(t, "cash", a.Cash(), 10_000-40+60+20)
	equal(t, "realised", a.Realised(), 40)
	for _, x := range []ledger.Execution{kept, first, third} {
		if _, busted := a.FindBust(x.ID); busted {
			t.Errorf("%s is busted", x.ID)
		}
	}
}

// TestCascadeOfAWorkingSell: the order is cancelled first, then its executions are busted.
func TestCascadeOfAWorkingSell(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		a := open(t, 10_000)
		bought := place(t, a, buy(10, 10)).Execution
		id := submit(t, a, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 2, Price: 10})[0].Order.ID
		b := bustOf(a, bought)
		b.Cascade, b.Reopen = true, reopen
		events := must(t)(a.Bust(nil, b))
		equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCancel, ledger.KindBust, ledger.KindBust})
		equal(t, "order", events[1].Order.ID, id)
		equal(t, "status", events[1].Order.Status, ledger.Cancelled)
		equal(t, "filled", events[1].Order.Filled, 0)
		equal(t, "orders", a.WorkingOrders(), 0)
		checkFrozen(t, a)
	}
}

// TestReopen: what a bust makes of an order, by its state and the wish to reopen it.
func TestReopen(t *testing.T) {
	partly, whole := []ledger.Offer{{Quantity: 4, Price: 9}}, []ledger.Offer{{Quantity: 4, Price: 9}, {Quantity: 6, Price: 9}}
	day := limit(ledger.Buy, 10, 10)
	day.TimeInForce, day.Expires = ledger.Day, 2
	market := marketOrder(ledger.Buy, tin, 10)
	cases := []struct {
		name     string
		order    ledger.NewOrder
		offers   []ledger.Offer
		cancel   bool
		reopen   bool
		status   ledger.OrderStatus
		quantity ledger.Quantity
		filled   ledger.Quantity
		frozen   ledger.Money
	}{
		{"working", limit(ledger.Buy, 10, 10), partly, false, false, ledger.New, 6, 0, 60},
		{"working, reopen", limit(ledger.Buy, 10, 10), partly, false, true, ledger.New, 10, 0, 100},
		{"filled", limit(ledger.Buy, 10, 10), whole, false, false, ledger.Cancelled, 10, 6, 0},
		{"filled, reopen", limit(ledger.Buy, 10, 10), whole, false, true, ledger.PartiallyFilled, 10, 6, 40},
		{"cancelled, reopen", limit(ledger.Buy, 10, 10), partly, true, true, ledger.Cancelled, 10, 0, 0},
		{"its day is over, reopen", day, whole, false, true, ledger.Cancelled, 10, 6, 0},
		{"market order, reopen", market, whole, false, true, ledger.Cancelled, 10, 6, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 10_000)
			events := submit(t, a, c.order, c.offers...)
			id := events[0].Order.ID
			if c.cancel {
				must(t)(a.Cancel(nil, id, ledger.ByClient, 1))
			}
			b := bustOf(a, events[0].Execution)
			b.Reopen = c.reopen
			o := must(t)(a.Bust(nil, b))[0].Order
			equal(t, "status", o.Status, c.status)
			equal(t, "quantity", o.Quantity, c.quantity)
			equal(t, "filled", o.Filled, c.filled)
			equal(t, "frozen", a.Frozen(), c.frozen)
			equal(t, "works", a.Order(id) != nil, c.frozen > 0)
			checkFrozen(t, a)
		})
	}
}

// TestReopenNeedsCover: an order works again only if there is enough to freeze for it.
func TestReopenNeedsCover(t *testing.T) {
	reopened := func(t *testing.T, a *ledger.Account, x ledger.Execution) ledger.OrderStatus {
		t.Helper()
		b := bustOf(a, x)
		b.Reopen = true
		events := must(t)(a.Bust(nil, b))
		checkFrozen(t, a)
		return events[len(events)-1].Order.Status
	}
	t.Run("cash", func(t *testing.T) {
		a := open(t, 100)
		x := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 10, Price: 5})[0].Execution
		place(t, a, buy(1, 50).of(rail))
		equal(t, "status", reopened(t, a, x), ledger.Cancelled) // 50 are free again, 100 are needed
	})
	t.Run("shares", func(t *testing.T) {
		a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 10})
		bought := place(t, a, buy(5, 1)).Execution
		x := submit(t, a, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 10, Price: 10})[0].Execution
		b := bustOf(a, bought, x)
		b.Reopen = true
		must(t)(a.Bust(nil, b))
		o := a.Order(x.Order)
		if o == nil || o.Leaves() != 10 || a.Sellable(tin, 1) != 0 {
			t.Fatalf("%+v", o)
		}
	})
	t.Run("shares of another order", func(t *testing.T) {
		a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 10})
		bought := place(t, a, buy(5, 1)).Execution
		x := submit(t, a, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 10, Price: 10})[0].Execution
		rest(t, a, limit(ledger.Sell, 5, 10))
		b := bustOf(a, bought, x) // leaves 10 shares; 5 are frozen for the other order
		b.Reopen = true
		must(t)(a.Bust(nil, b))
		equal(t, "works", a.Order(x.Order) != nil, false)
	})
	t.Run("number of orders", func(t *testing.T) {
		a := openWith(t, ledger.Options{Recent: 9, Orders: 1}, 1000)
		x := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 10, Price: 10})[0].Execution
		rest(t, a, limit(ledger.Buy, 1, 1))
		equal(t, "status", reopened(t, a, x), ledger.Cancelled)
	})
}

// TestBustLeavesSharesUnsettled: working sells that only unsettled shares would cover are cancelled,
// and not reopened.
func TestBustLeavesSharesUnsettled(t *testing.T) {
	today := buy(10, 10)
	today.Terms.SharesFrom = 100
	t.Run("bust", func(t *testing.T) {
		a := open(t, 10_000)
		old := place(t, a, buy(10, 10)).Execution
		newest := place(t, a, today).Execution
		place(t, a, today)
		working := rest(t, a, limit(ledger.Sell, 10, 10))
		bust(t, a, newest)
		equal(t, "works", a.WorkingOrders(), 1)
		events := must(t)(a.Bust(nil, bustOf(a, old)))
		equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCancel, ledger.KindBust})
		equal(t, "cancelled", events[0].Order.ID, working.ID)
		equal(t, "cause", events[0].Cause, ledger.ByShares)
	})
	t.Run("reopen", func(t *testing.T) {
		a := open(t, 10_000)
		old := place(t, a, buy(10, 10)).Execution
		sold := submit(t, a, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 10, Price: 10})[0].Execution
		place(t, a, today)
		b := bustOf(a, old, sold)
		b.Reopen = true
		must(t)(a.Bust(nil, b))
		equal(t, "works", a.WorkingOrders(), 0)
	})
	t.Run("correction", func(t *testing.T) {
		a := open(t, 10_000)
		old := place(t, a, buy(10, 10)).Execution
		newest := place(t, a, today).Execution
		rest(t, a, limit(ledger.Sell, 10, 10))
		equal(t, "an unsettled one", len(must(t)(a.Correct(nil, correction(a, newest, 9, 10)))), 1)
		equal(t, "a settled one", len(must(t)(a.Correct(nil, correction(a, old, 9, 10)))), 2)
		equal(t, "works", a.WorkingOrders(), 0)
	})
}
