package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

func correction(a *ledger.Account, x ledger.Execution, q ledger.Quantity, p ledger.Price) *ledger.Correction {
	return &ledger.Correction{Execution: x.ID, Quantity: q, Price: p, Reason: "typo", Past: pastOf(a, x.Instrument), Terms: ledger.Terms{Time: 2}}
}

// checkPlan fails if a correction has not done what its plan said.
func checkPlan(t interface{ Fatalf(string, ...any) }, a *ledger.Account, plan *ledger.CorrectionPlan, e *ledger.Event) {
	want := *e
	want.Number, want.Push, want.Change, want.Rows = plan.Event.Number, plan.Event.Push, plan.Event.Change, plan.Event.Rows
	frozen, sellable := a.Available(e.Position.Instrument, e.Time)
	if plan.Event != want || plan.Frozen != frozen || plan.Sellable != sellable {
		t.Fatalf("planned: %+v\ndone: %+v, %d frozen, %d sellable", plan, e, frozen, sellable)
	}
}

// corrected corrects an execution as planned before. The plan changes nothing.
func corrected(t *testing.T, a *ledger.Account, c *ledger.Correction) []ledger.Event {
	t.Helper()
	var plan ledger.CorrectionPlan
	unchanged(t, a, func() {
		var err error
		if plan, err = a.PlanCorrect(c); err != nil {
			t.Fatal(err)
		}
	})
	events := must(t)(a.Correct(nil, c))
	checkPlan(t, a, &plan, &events[len(events)-1])
	return events
}

// TestCorrect: the new execution takes the place of the old one, as if it had been so from the
// start.
func TestCorrect(t *testing.T) {
	cases := []struct {
		name     string
		number   int
		quantity ledger.Quantity
		price    ledger.Price
		position ledger.Position
		cash     ledger.Money // 10,000 at first
		change   ledger.Change
	}{
		{"price of a buy up", 1, 10, 14, ledger.Position{Quantity: 16, Cost: 192, Realised: 32}, 10_000 - 140 - 100 + 80, ledger.Repriced},
		{"price of a buy down", 1, 10, 6, ledger.Position{Quantity: 16, Cost: 128, Realised: 48}, 10_000 - 60 - 100 + 80, ledger.Repriced},
		{"quantity of a buy down", 1, 2, 10, ledger.Position{Quantity: 8, Cost: 80, Realised: 40}, 10_000 - 20 - 100 + 80, ledger.Decreased},
		{"price of a sell", 3, 4, 30, ledger.Position{Quantity: 16, Cost: 160, Realised: 80}, 10_000 - 200 + 120, ledger.Repriced},
		{"quantity of a sell down", 3, 1, 20, ledger.Position{Quantity: 19, Cost: 190, Realised: 10}, 10_000 - 200 + 20, ledger.Increased},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 10_000)
			deals := []deal{buy(10, 10), buy(10, 10), sell(4, 20)}
			var events []ledger.Event
			for _, d := range deals {
				events = append(events, place(t, a, d))
			}
			old := events[c.number-1].Execution
			e := corrected(t, a, correction(a, old, c.quantity, c.price))[0]
			c.position.Instrument = tin
			equal(t, "kind", e.Kind, ledger.KindCorrect)
			equal(t, "pushes", e.Pushes(), 4)
			equal(t, "position", e.Position, c.position)
			equal(t, "cash", a.Cash(), c.cash)
			equal(t, "change", e.Change, c.change)
			equal(t, "execution", e.Execution.ID, ledger.NewExecutionID(customer, 4))
			equal(t, "corrects", e.Execution.Corrects, old.ID.Number())
			equal(t, "place", e.Execution.FoldPlace(), old.ID.Number())
			equal(t, "change of the quantity", e.QuantityChange, c.quantity-old.Quantity)
			equal(t, "order", e.Order.Filled, c.quantity)
			found, _ := a.FindBust(old.ID)
			equal(t, "what is found", found, ledger.Busted{Number: 4, Time: 2, Reason: "typo", CorrectedBy: 4})
			if old.Side == ledger.Sell {
				equal(t, "cost of the sell", e.Execution.Cost, ledger.Money(c.quantity)*10)
			}

			second := corrected(t, a, correction(a, e.Execution, old.Quantity, old.Price))[0] // back again
			equal(t, "corrects the correction", second.Execution.Corrects, 4)
			equal(t, "same place", second.Execution.FoldPlace(), old.ID.Number())
			equal(t, "position as before", second.Position, events[2].Position)
			bust(t, a, second.Execution)
			equal(t, "invariant", constant(a), 10_000)
		})
	}
}

func TestCorrectRefused(t *testing.T) {
	a := open(t, 10_000)
	bought := place(t, a, buy(10, 10)).Execution
	sold := place(t, a, sell(8, 20)).Execution
	part := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 4, Price: 10}, ledger.Offer{Quantity: 3, Price: 10})[0].Execution
	cases := []struct {
		name     string
		x        ledger.Execution
		quantity ledger.Quantity
		price    ledger.Price
		want     error
	}{
		{"quantity 0", bought, 0, 10, ledger.ErrBadQuantity},
		{"quantity negative", bought, -1, 10, ledger.ErrBadQuantity},
		{"quantity over the maximum", bought, ledger.MaxQuantity + 1, 10, ledger.ErrTooLarge},
		{"price 0", bought, 10, 0, ledger.ErrBadPrice},
		{"price negative", bought, 10, -1, ledger.ErrBadPrice},
		{"price over the maximum", bought, 10, ledger.MaxPrice + 1, ledger.ErrTooLarge},
		{"value over the maximum", part, 1 << 39, ledger.MaxPrice, ledger.ErrTooLarge},
		{"more than ordered", bought, 11, 10, ledger.ErrOverfilled},
		{"more than the order has left", part, 8, 10, ledger.ErrOverfilled},
		{"a sell lacks shares", bought, 7, 10, ledger.ErrBustBlocked},
		{"more than was sold", sold, 9, 10, ledger.ErrOverfilled},
	}
	for _, c := range cases {
		unchanged(t, a, func() {
			events, err := a.Correct(nil, correction(a, c.x, c.quantity, c.price))
			if !errors.Is(err, c.want) || len(events) > 0 {
				t.Errorf("%s: %d events, %v, want %v", c.name, len(events), err, c.want)
			}
			if _, err := a.PlanCorrect(correction(a, c.x, c.quantity, c.price)); !errors.Is(err, c.want) {
				t.Errorf("%s: planned: %v, want %v", c.name, err, c.want)
			}
		})
	}
}

// TestCorrectAWorkingOrder: what is left and frozen follows.
func TestCorrectAWorkingOrder(t *testing.T) {
	cases := []struct {
		name     string
		to       ledger.Quantity
		status   ledger.OrderStatus
		quantity ledger.Quantity
		leaves   ledger.Quantity
	}{
		{"down", 1, ledger.PartiallyFilled, 7, 6},
		{"up", 9, ledger.PartiallyFilled, 10, 1},
		{"to the end", 10, ledger.Filled, 10, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 10_000)
			x := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 4, Price: 9})[0].Execution
			o := corrected(t, a, correction(a, x, c.to, 9))[0].Order
			equal(t, "status", o.Status, c.status)
			equal(t, "quantity", o.Quantity, c.quantity)
			equal(t, "leaves", o.Leaves(), c.leaves)
			equal(t, "frozen", a.Frozen(), 10*ledger.Money(c.leaves))
			checkFrozen(t, a)
		})
	}
}

// TestCorrectionCancelsUncoveredSells: also the order of the execution itself.
func TestCorrectionCancelsUncoveredSells(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 10})
	x := submit(t, a, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 2, Price: 10})[0].Execution
	bought := place(t, a, buy(5, 10)).Execution
	older := rest(t, a, limit(ledger.Sell, 5, 10))
	events := corrected(t, a, correction(a, bought, 1, 10))
	equal(t, "events", len(events), 2)
	equal(t, "cancelled", events[0].Order.ID, older.ID)
	equal(t, "cause", events[0].Cause, ledger.ByShares)
	events = corrected(t, a, correction(a, x, 3, 10))
	equal(t, "events", len(events), 1)
	equal(t, "works", a.Order(x.Order).Leaves(), 7)
	corrected(t, a, correction(a, events[0].Execution, 10, 10))
	checkFrozen(t, a)
	equal(t, "sold", a.Sellable(tin, 9), 1)

	b := open(t, 10_000)
	bought = place(t, b, buy(10, 10)).Execution
	x = submit(t, b, limit(ledger.Sell, 10, 10), ledger.Offer{Quantity: 2, Price: 10})[0].Execution
	c := correction(b, bought, 5, 10) // 3 are left, 8 are frozen
	events = corrected(t, b, c)
	equal(t, "cancelled itself", events[0].Order.ID, x.Order)
	events = corrected(t, b, correction(b, x, 1, 10))
	equal(t, "still cancelled", events[0].Order.Status, ledger.Cancelled)
	equal(t, "invariant", constant(b), 10_000)
}

// TestCorrectionUpNeedsNoCancel: what is filled by the correction is no longer left to sell.
func TestCorrectionUpNeedsNoCancel(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 10})
	o := limit(ledger.Sell, 10, 10)
	o.ClientOrderID = named(t, "a")
	x := submit(t, a, o, ledger.Offer{Quantity: 2, Price: 10})[0].Execution
	r := ledger.Replacement{Order: x.Order, ClientOrderID: named(t, "b"), Quantity: 10, Price: 11, TimeInForce: ledger.Day}
	must(t)(a.Replace(nil, &r, nil))
	events := corrected(t, a, correction(a, x, 5, 10))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCorrect})
	equal(t, "left", a.Order(x.Order).Leaves(), 5)
	equal(t, "name", events[0].Execution.ClientOrderID, r.ClientOrderID)
	checkFrozen(t, a)
}

// TestCorrectedSettlement: unsettled shares and cash follow the correction.
func TestCorrectedSettlement(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 10})
	bought, sold := buy(5, 10), sell(5, 10)
	bought.Terms.SharesFrom, sold.Terms.CashFrom = 9, 9
	b, s := place(t, a, bought).Execution, place(t, a, sold).Execution
	equal(t, "sellable", a.Sellable(tin, 2), 5)
	equal(t, "unsettled", a.Unsettled(2), 50)
	corrected(t, a, correction(a, b, 3, 10))
	corrected(t, a, correction(a, s, 4, 11))
	equal(t, "sellable", a.Sellable(tin, 2), 6)
	equal(t, "unsettled", a.Unsettled(2), 44)
	equal(t, "later", a.Sellable(tin, 9), 9)
	equal(t, "later", a.Free(9), a.Cash())
}

// TestCorrectionInCost: the fee of a corrected buy is where the market has it.
func TestCorrectionInCost(t *testing.T) {
	a := open(t, 10_000)
	d := buy(1, 10)
	d.Terms.Fees = &ledger.Fees{Commission: 1_000_000, InCost: true} // 1 %
	x := place(t, a, d).Execution
	equal(t, "1 % of 10 is rounded to nothing", x.Fee, 0)
	c := correction(a, x, 1, 200)
	c.Terms.Fees = d.Terms.Fees
	e := corrected(t, a, c)[0]
	equal(t, "cost with the fee", e.Position.Cost, 202)
	equal(t, "fees apart", a.Fees(), 0)
}

// TestFeeOfACorrection: the fee is as if the order had been executed so at this place, after its
// earlier executions: only the first one pays the minimum.
func TestFeeOfACorrection(t *testing.T) {
	fees := &ledger.Fees{Commission: 1_000_000, Minimum: 5} // 1 %
	for n, want := range []ledger.Money{5, 11} {
		a := open(t, 100_000)
		o := limit(ledger.Buy, 30, 100)
		o.Terms.Fees = fees
		events := submit(t, a, o, ledger.Offer{Quantity: 1, Price: 100}, ledger.Offer{Quantity: 10, Price: 100}, ledger.Offer{Quantity: 10, Price: 100})
		equal(t, "fees", []ledger.Money{events[0].Execution.Fee, events[1].Execution.Fee, events[2].Execution.Fee}, []ledger.Money{5, 6, 10})
		old := events[n].Execution
		c := correction(a, old, old.Quantity, 150)
		c.Terms.Fees = fees
		e := corrected(t, a, c)[0]
		equal(t, "fee", e.Execution.Fee, want)
		c = correction(a, e.Execution, old.Quantity, old.Price)
		c.Terms.Fees = fees
		equal(t, "fee when it is corrected back", corrected(t, a, c)[0].Execution.Fee, old.Fee)
	}
}

// TestCorrectionAfterTheClockWasSetBack: shares that are unsettled again do not cover a sell; its
// order stays cancelled.
func TestCorrectionAfterTheClockWasSetBack(t *testing.T) {
	a := open(t, 10_000)
	d := buy(10, 10)
	d.Terms.SharesFrom = 50
	place(t, a, d)
	o := limit(ledger.Sell, 10, 10)
	o.Terms.Time = 60
	x := submit(t, a, o, ledger.Offer{Quantity: 2, Price: 10})[0].Execution
	events := corrected(t, a, correction(a, x, 3, 10))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCancel, ledger.KindCorrect})
	equal(t, "status", events[1].Order.Status, ledger.Cancelled)
	equal(t, "filled", events[1].Order.Filled, 3)
	equal(t, "works", a.WorkingOrders(), 0)
	checkFrozen(t, a)
}
