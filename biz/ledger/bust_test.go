package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/biz/ledger"
)

// Each case executes its deals and then busts the one with the given number. The position is
// that of the others alone.
func TestBust(t *testing.T) {
	held := []ledger.Holding{{Instrument: tin, Quantity: 100, Cost: 1000}}
	cases := []struct {
		name     string
		holdings []ledger.Holding
		deals    []deal
		number   int
		change   ledger.Change
		position ledger.Position
		cash     ledger.Money // 10,000 at first
		realised ledger.Money
		rows     uint32
	}{
		{
			"buy that opened", nil, []deal{buy(10, 20)}, 1,
			ledger.Closed, ledger.Position{Instrument: tin}, 10_000, 0, 0,
		},
		{
			"buy that increased", held, []deal{buy(10, 20)}, 1,
			ledger.Decreased, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"sell that decreased", held, []deal{sell(10, 30)}, 1,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"sell that closed", held, []deal{sell(100, 30)}, 1,
			ledger.Opened, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"dear buy before a sell: the sell had cost less",
			nil, []deal{buy(10, 100), buy(10, 10), sell(10, 50)}, 1,
			ledger.Closed, ledger.Position{Instrument: tin, Realised: 400}, 10_000 - 100 + 500, 400, 0,
		},
		{
			"dear buy before a sell with shares left",
			nil, []deal{buy(10, 100), buy(20, 1), sell(10, 50)}, 1,
			ledger.Decreased, ledger.Position{Instrument: tin, Quantity: 10, Cost: 10, Realised: 490}, 10_000 - 20 + 500, 490, 1,
		},
		{
			"sell of an earlier life of the row",
			nil, []deal{buy(10, 10), sell(10, 15), buy(5, 20), sell(1, 30)}, 2,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 14, Cost: 187, Realised: 17}, 10_000 - 100 - 100 + 30, 17, 1,
		},
		{
			"sell of this life of the row",
			nil, []deal{buy(10, 10), sell(10, 15), buy(5, 20), sell(1, 30)}, 4,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 5, Cost: 100}, 10_000 + 50 - 100, 50, 1,
		},
		{
			"proceeds are spent already: cash goes negative",
			held, []deal{sell(100, 100), buy(1, 19_000).of(rail)}, 1,
			ledger.Opened, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000 - 19_000, 0, 2,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 10_000, c.holdings...)
			before := constant(a)
			var events []ledger.Event
			for _, d := range c.deals {
				events = append(events, place(t, a, d))
			}
			e := bust(t, a, events[c.number-1].Execution)
			equal(t, "kind", e.Kind, ledger.KindBust)
			equal(t, "number", e.Number, uint64(len(c.deals)+1))
			equal(t, "pushes", e.Pushes(), 3)
			equal(t, "change", e.Change, c.change)
			equal(t, "position", e.Position, c.position)
			equal(t, "cash", a.Cash(), c.cash)
			equal(t, "realised", a.Realised(), c.realised)
			equal(t, "rows", e.Rows, c.rows)
			equal(t, "order", e.Order.Status, ledger.Cancelled)
			equal(t, "filled", e.Order.Filled, 0)
			equal(t, "invariant", constant(a), before)
			if p, held := a.Position(tin); held {
				equal(t, "position of the account", p, c.position)
			}
		})
	}
}

func TestBustTwiceIsHarmless(t *testing.T) {
	a := open(t, 10_000)
	x := place(t, a, buy(10, 10)).Execution
	place(t, a, buy(1, 10))
	b := bustOf(a, x)
	bust(t, a, x)
	place(t, a, buy(1, 10))
	unchanged(t, a, func() {
		b.Reason, b.Terms.Time = "other\n", 99
		if events, err := a.Bust(nil, b); err != nil || len(events) > 0 {
			t.Errorf("%d events, %v", len(events), err)
		}
		c := ledger.Correction{Execution: x.ID, Quantity: 1, Price: 1, Past: b.Past}
		if _, err := a.Correct(nil, &c); !errors.Is(err, ledger.ErrBusted) {
			t.Error(err)
		}
	})
	found, ok := a.FindBust(x.ID)
	equal(t, "what is found", found, ledger.Busted{Number: 3, Time: 2, Reason: "test"})
	if _, other := a.FindBust(x.ID + 1); !ok || other {
		t.Error("the wrong execution is busted")
	}
}

func TestBustRefused(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 3})
	first := place(t, a, buy(10, 10)).Execution
	place(t, a, sell(5, 10))
	place(t, a, buy(1, 10).of(rail))
	changed := func(change func(*ledger.Execution)) ledger.Execution {
		x := first
		change(&x)
		return x
	}
	cases := []struct {
		name   string
		x      ledger.Execution
		reason string
		want   error
	}{
		{"shares are sold", first, "", ledger.ErrBustBlocked},
		{"number 0", changed(func(x *ledger.Execution) { x.ID = ledger.NewExecutionID(customer, 0) }), "", ledger.ErrUnknownExecution},
		{"not yet done", changed(func(x *ledger.Execution) { x.ID += 3 }), "", ledger.ErrUnknownExecution},
		{"of somebody else", changed(func(x *ledger.Execution) { x.ID = ledger.NewExecutionID(customer+1, 1) }), "", ledger.ErrUnknownExecution},
		{"of another instrument", changed(func(x *ledger.Execution) { x.ID += 2 }), "", ledger.ErrUnknownExecution},
		{"long reason", first, strings.Repeat("x", ledger.MaxReason+1), ledger.ErrBadReason},
		{"reason not UTF-8", first, "\xff", ledger.ErrBadReason},
		{"reason of two lines", first, "wrong\nprice", ledger.ErrBadReason},
		{"reason with an escape", first, "\x1b[2Jprice", ledger.ErrBadReason},
		{"reason with a NUL", first, "wrong\x00", ledger.ErrBadReason},
		{"reason with DEL", first, "wrong\x7f", ledger.ErrBadReason},
		{"reason with a C1 control", first, "wrong\u009b2J", ledger.ErrBadReason},
		{"reason that turns the text around", first, "wrong \u202eecirp", ledger.ErrBadReason},
		{"reason with a line separator", first, "wrong\u2028price", ledger.ErrBadReason},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			unchanged(t, a, func() {
				b := bustOf(a, first)
				b.Executions[0], b.Reason = c.x.ID, c.reason
				if events, err := a.Bust(nil, b); !errors.Is(err, c.want) || len(events) > 0 {
					t.Errorf("%d events, %v, want %v", len(events), err, c.want)
				}
				correction := ledger.Correction{Execution: c.x.ID, Quantity: 1, Price: 1, Reason: c.reason, Past: b.Past}
				if events, err := a.Correct(nil, &correction); !errors.Is(err, c.want) || len(events) > 0 {
					t.Errorf("correction: %d events, %v, want %v", len(events), err, c.want)
				}
			})
		})
	}
}

// TestPastMustBeThatOfTheAccount: a past that is wrong changes nothing.
func TestPastMustBeThatOfTheAccount(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 30})
	x := place(t, a, buy(10, 10)).Execution
	place(t, a, buy(4, 10))
	place(t, a, sell(5, 10))
	rest(t, a, limit(ledger.Buy, 1, 1))
	cases := map[string]func(*ledger.Past){
		"an execution is missing":    func(p *ledger.Past) { p.Executions = p.Executions[1:] },
		"the start is missing":       func(p *ledger.Past) { p.Start = ledger.Holding{} },
		"another start":              func(p *ledger.Past) { p.Start.Cost = -1 },
		"an execution twice":         func(p *ledger.Past) { p.Executions = append(p.Executions, p.Executions[0]) },
		"one of another instrument":  func(p *ledger.Past) { p.Executions[0].Instrument = rail },
		"one of another customer":    func(p *ledger.Past) { p.Executions[0].ID = ledger.NewExecutionID(1, 1) },
		"one without a price":        func(p *ledger.Past) { p.Executions[1].Price = 0 },
		"of an order of nobody":      func(p *ledger.Past) { p.Executions[2].Order = ledger.NewOrderID(customer, 9) },
		"of an order without a fill": func(p *ledger.Past) { p.Executions[2].Order = ledger.NewOrderID(customer, 4) },
		"of an order that sells":     func(p *ledger.Past) { p.Executions[2].Order = ledger.NewOrderID(customer, 3) },
	}
	for name, change := range cases {
		b := bustOf(a, x)
		change(&b.Past)
		unchanged(t, a, func() {
			if events, err := a.Bust(nil, b); !errors.Is(err, ledger.ErrMismatch) || len(events) > 0 {
				t.Errorf("%s: %d events, %v", name, len(events), err)
			}
			c := ledger.Correction{Execution: x.ID, Quantity: 9, Price: 1, Past: b.Past}
			if events, err := a.Correct(nil, &c); !errors.Is(err, ledger.ErrMismatch) || len(events) > 0 {
				t.Errorf("correction, %s: %d events, %v", name, len(events), err)
			}
		})
	}
	b := bustOf(a, x)
	b.Past.Order = nil
	must(t)(a.Bust(nil, b))

	short := openWith(t, ledger.Options{Recent: 1}, 10_000)
	filled := submit(t, short, limit(ledger.Buy, 5, 10), ledger.Offer{Quantity: 2, Price: 10})
	must(t)(short.Cancel(nil, filled[0].Order.ID, ledger.ByClient, 1))
	place(t, short, buy(1, 1).of(rail))
	old := ledger.Bust{Executions: []ledger.ExecutionID{filled[0].Execution.ID}, Past: ledger.Past{
		Executions: []ledger.Execution{filled[0].Execution},
		Order:      func(ledger.OrderID) (ledger.Order, bool) { return filled[0].Order, true },
	}}
	unchanged(t, short, func() {
		if _, err := short.Bust(nil, &old); !errors.Is(err, ledger.ErrMismatch) {
			t.Errorf("an order from when it worked: %v", err)
		}
	})
}

func TestBustOfWhatIsNoLongerInMemory(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 2}, 10_000)
	x := place(t, a, buy(10, 10)).Execution
	b := bustOf(a, x)
	for range 3 {
		b.Past.Executions = append(b.Past.Executions, place(t, a, buy(1, 10)).Execution)
	}
	if _, ok := a.FindExecution(x.ID); ok {
		t.Fatal("still in memory")
	}
	equal(t, "shares", must(t)(a.Bust(nil, b))[0].Position.Quantity, 3)
	for range 3 {
		place(t, a, buy(1, 10))
	}
	if events, err := a.Bust(nil, b); len(events) > 0 || err != nil {
		t.Errorf("second bust: %d events, %v", len(events), err)
	}
}

// TestBustOfManyExecutionsOfAnOrder: the order is right at each event, however few events are
// in memory.
func TestBustOfManyExecutionsOfAnOrder(t *testing.T) {
	a := openWith(t, ledger.Options{Recent: 1}, 10_000)
	var list []ledger.Execution
	orders := make(map[ledger.OrderID]ledger.Order)
	for range 2 {
		for _, e := range submit(t, a, limit(ledger.Buy, 3, 10), ledger.Offer{Quantity: 1, Price: 10}, ledger.Offer{Quantity: 2, Price: 9}) {
			list, orders[e.Order.ID] = append(list, e.Execution), e.Order
		}
	}
	b := ledger.Bust{Past: ledger.Past{Executions: list, Order: func(id ledger.OrderID) (ledger.Order, bool) {
		o, found := orders[id]
		return o, found
	}}}
	for _, x := range list {
		b.Executions = append(b.Executions, x.ID)
	}
	last := make(map[ledger.OrderID]ledger.Order)
	for _, e := range must(t)(a.Bust(nil, &b)) {
		last[e.Order.ID] = e.Order
	}
	for id, o := range last {
		if o.Filled != 0 || o.FilledValue != 0 || o.Status != ledger.Cancelled {
			t.Errorf("order %s: %d filled, value %d", id, o.Filled, o.FilledValue)
		}
	}
}

// TestBustWithHigherFees: what is frozen for a working order stays within the limit, though the
// fees are higher now.
func TestBustWithHigherFees(t *testing.T) {
	for i, fees := range []ledger.Fees{{Minimum: 2 * ledger.Money(ledger.MaxPrice)}, {Minimum: ledger.MaxMoney}, {PerShare: 2 * ledger.Money(ledger.MaxPrice)}} {
		a := open(t, ledger.MaxMoney)
		x := submit(t, a, limit(ledger.Buy, 2, 10), ledger.Offer{Quantity: 1, Price: 10})[0].Execution
		rest(t, a, limit(ledger.Buy, 399_999, ledger.MaxPrice))
		if i > 0 {
			unchanged(t, a, func() {
				c := correction(a, x, 1, 9)
				c.Terms.Fees = &fees
				if _, err := a.Correct(nil, c); !errors.Is(err, ledger.ErrTooLarge) {
					t.Error(err)
				}
			})
		}
		b := bustOf(a, x)
		b.Terms.Fees = &fees
		must(t)(a.Bust(nil, b))
		equal(t, "frozen", a.Frozen(), ledger.MaxMoney)
		checkFrozen(t, a)
	}
}

func TestBustAtTheLimit(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity})
	x := place(t, a, sell(2, 10)).Execution
	place(t, a, buy(1, 10))
	unchanged(t, a, func() {
		if _, err := a.Bust(nil, bustOf(a, x)); !errors.Is(err, ledger.ErrTooLarge) {
			t.Error(err)
		}
	})
}

// TestBustOfARichSell: a bust that would leave more debt than the limit is refused.
func TestBustOfARichSell(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: 400_002, Cost: ledger.MaxMoney})
	small := place(t, a, sell(2, 5)).Execution
	place(t, a, buy(1, 10).of(rail))
	large := place(t, a, sell(400_000, ledger.MaxPrice)).Execution
	place(t, a, buy(400_000, ledger.MaxPrice).of(rail+1))
	unchanged(t, a, func() {
		if _, err := a.Bust(nil, bustOf(a, small, large)); !errors.Is(err, ledger.ErrTooLarge) {
			t.Error(err)
		}
	})
	bust(t, a, large)
	equal(t, "cash", a.Cash(), -ledger.MaxMoney)
	equal(t, "free", a.Free(9), -ledger.MaxMoney)
	if _, err := try(a, buy(1, 1)); !errors.As(err, new(ledger.Refusal)) {
		t.Error(err)
	}
}

func TestBustBeforeAReset(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 3, Cost: 7})
	x := place(t, a, buy(10, 10)).Execution
	b := bustOf(a, x)
	must(t)(a.Reset(nil, "", 5))
	unchanged(t, a, func() {
		if _, err := a.Bust(nil, b); !errors.Is(err, ledger.ErrBeforeReset) {
			t.Error(err)
		}
		if _, err := a.Correct(nil, &ledger.Correction{Execution: x.ID, Quantity: 1, Price: 1, Past: b.Past}); !errors.Is(err, ledger.ErrBeforeReset) {
			t.Error(err)
		}
	})
	y := place(t, a, buy(10, 10)).Execution
	equal(t, "after the reset", bust(t, a, y).Position, ledger.Position{Instrument: tin, Quantity: 3, Cost: 7})
}

func TestValidReason(t *testing.T) {
	for _, good := range []string{"", "wrong price", "Preis falsch: 10,50 €", "價格錯誤", strings.Repeat("x", ledger.MaxReason)} {
		if !ledger.ValidReason(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"\t", "a\r", "\u00a0", "\xc3", strings.Repeat("ä", ledger.MaxReason/2+1)} {
		if ledger.ValidReason(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}
