package ledger_test

import (
	"errors"
	"slices"
	"testing"

	"holdfast/biz/ledger"
)

// kinds returns the kinds of events.
func kinds(events []ledger.Event) (list []ledger.Kind) {
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

// TestTimesInForce: what becomes of an order that is offered a part, or nothing.
func TestTimesInForce(t *testing.T) {
	part := []ledger.Offer{{Quantity: 3, Price: 9}, {Quantity: 1, Price: 10}}
	all := append(slices.Clone(part), ledger.Offer{Quantity: 6, Price: 10})
	fill, accept, cancel := ledger.KindFill, ledger.KindAccept, ledger.KindCancel
	cases := []struct {
		name   string
		kind   ledger.OrderType
		force  ledger.TimeInForce
		offers []ledger.Offer
		want   []ledger.Kind
		status ledger.OrderStatus
		cause  ledger.Cause
		filled ledger.Quantity
	}{
		{"limit", ledger.Limit, ledger.Day, nil, []ledger.Kind{accept}, ledger.New, 0, 0},
		{"limit, part", ledger.Limit, ledger.Day, part, []ledger.Kind{fill, fill}, ledger.PartiallyFilled, 0, 4},
		{"limit, all", ledger.Limit, ledger.Day, all, []ledger.Kind{fill, fill, fill}, ledger.Filled, 0, 10},
		{"limit or cancel", ledger.Limit, ledger.ImmediateOrCancel, nil, []ledger.Kind{cancel}, ledger.Cancelled, ledger.ByImmediateOrCancel, 0},
		{"limit or cancel, part", ledger.Limit, ledger.ImmediateOrCancel, part, []ledger.Kind{fill, fill, cancel}, ledger.Cancelled, ledger.ByImmediateOrCancel, 4},
		{"limit or kill, part", ledger.Limit, ledger.FillOrKill, part, []ledger.Kind{cancel}, ledger.Cancelled, ledger.ByFillOrKill, 0},
		{"limit or kill, all", ledger.Limit, ledger.FillOrKill, all, []ledger.Kind{fill, fill, fill}, ledger.Filled, 0, 10},
		{"market", ledger.Market, ledger.Day, nil, []ledger.Kind{cancel}, ledger.Cancelled, ledger.ByLiquidity, 0},
		{"market, part", ledger.Market, ledger.Day, part, []ledger.Kind{fill, fill, cancel}, ledger.Cancelled, ledger.ByLiquidity, 4},
		{"market, all", ledger.Market, ledger.Day, all, []ledger.Kind{fill, fill, fill}, ledger.Filled, 0, 10},
	}
	for _, c := range cases {
		for _, side := range []ledger.Side{ledger.Buy, ledger.Sell} {
			t.Run(c.name+", "+side.String(), func(t *testing.T) {
				a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 10})
				o := marketOrder(side, tin, 10)
				if o.Type, o.TimeInForce = c.kind, c.force; o.Type.HasLimit() {
					o.Price = 10
				}
				events := submit(t, a, o, c.offers...)
				last := events[len(events)-1]
				equal(t, "kinds", kinds(events), c.want)
				equal(t, "status", last.Order.Status, c.status)
				equal(t, "cause", last.Cause, c.cause)
				equal(t, "filled", last.Order.Filled, c.filled)
				for i, e := range events {
					equal(t, "more", e.More, i < len(events)-1)
					equal(t, "named", e.Named, i == 0)
				}
				works := last.Order.Working()
				equal(t, "works", a.Order(last.Order.ID) != nil, works)
				frozen := ledger.Money(0)
				if works && side == ledger.Buy {
					frozen = 10 * ledger.Money(10-c.filled)
				}
				equal(t, "frozen", a.Frozen(), frozen)
				checkFrozen(t, a)
				equal(t, "found by its number", len(a.Command(nil, events[0].Number)), len(events))
			})
		}
	}
}

// TestBetterPricesAreAffordable: an order in parts needs the cash that it costs, not more in
// between.
func TestBetterPricesAreAffordable(t *testing.T) {
	a := open(t, 50)
	events := submit(t, a, limit(ledger.Buy, 10, 10), ledger.Offer{Quantity: 5, Price: 5}, ledger.Offer{Quantity: 5, Price: 5})
	equal(t, "status", events[1].Order.Status, ledger.Filled)
	equal(t, "cash", a.Cash(), 0)
	b := open(t, 59)
	unchanged(t, b, func() {
		_, err := b.Place(nil, new(limit(ledger.Buy, 10, 10)), []ledger.Offer{{Quantity: 3, Price: 5}, {Quantity: 2, Price: 5}})
		if !errors.Is(err, ledger.ErrNotEnoughCash) { // 25 spent, 50 to freeze
			t.Error(err)
		}
	})
}

// TestRefusedParts: a part that can't be executed refuses the whole new order.
func TestRefusedParts(t *testing.T) {
	small := ledger.Offer{Quantity: 1, Price: 1}
	cases := []struct {
		name   string
		order  ledger.NewOrder
		offers []ledger.Offer
		want   error
	}{
		{"cash at the second", marketOrder(ledger.Buy, tin, 5), []ledger.Offer{small, {Quantity: 2, Price: 500}}, ledger.ErrNotEnoughCash},
		{"shares", marketOrder(ledger.Sell, tin, 11), []ledger.Offer{small}, ledger.ErrNotEnoughShares},
		{"quantity 0", marketOrder(ledger.Buy, tin, 5), []ledger.Offer{small, {Quantity: 0, Price: 1}}, ledger.ErrBadQuantity},
		{"quantity negative", marketOrder(ledger.Buy, tin, 5), []ledger.Offer{{Quantity: -1, Price: 1}, {Quantity: 6, Price: 1}}, ledger.ErrBadQuantity},
		{"quantities over the order", marketOrder(ledger.Buy, tin, 2), []ledger.Offer{small, small, small}, ledger.ErrBadQuantity},
		{"quantities that overflow", marketOrder(ledger.Buy, tin, 2), []ledger.Offer{{1<<63 - 1, 1}, {1<<63 - 1, 1}, {4, 1}}, ledger.ErrBadQuantity},
		{"price 0", marketOrder(ledger.Buy, tin, 5), []ledger.Offer{small, {Quantity: 1}}, ledger.ErrBadPrice},
		{"price negative", marketOrder(ledger.Sell, tin, 5), []ledger.Offer{small, {1, -1}}, ledger.ErrBadPrice},
		{"price over the maximum", marketOrder(ledger.Sell, tin, 5), []ledger.Offer{small, {1, ledger.MaxPrice + 1}}, ledger.ErrTooLarge},
		{"value over the maximum", marketOrder(ledger.Buy, tin, 1_000_000), []ledger.Offer{small, {999_999, ledger.MaxPrice}}, ledger.ErrTooLarge},
		{"limit x quantity over 64 bits", limit(ledger.Buy, ledger.MaxQuantity, ledger.MaxPrice), nil, ledger.ErrTooLarge},
		{"limit over the cash", limit(ledger.Buy, 100, 11), nil, ledger.ErrNotEnoughCash},
		{"sell of what is not there", limit(ledger.Sell, 11, 11), nil, ledger.ErrNotEnoughShares},
	}
	for _, c := range cases {
		a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 10})
		unchanged(t, a, func() {
			if events, err := a.Place(nil, &c.order, c.offers); !errors.Is(err, c.want) || len(events) > 0 {
				t.Errorf("%s: %d events, %v, want %v", c.name, len(events), err, c.want)
			}
		})
		if c.order.Type != ledger.Market {
			continue
		}
		working := limit(c.order.Side, 9, 10)
		id := rest(t, a, working).ID
		stop := limit(c.order.Side, 1, 10)
		stop.Type, stop.Stop = ledger.StopLimit, 5
		waits := rest(t, a, stop).ID
		if c.want == ledger.ErrNotEnoughCash || c.want == ledger.ErrNotEnoughShares || c.name == "value over the maximum" || c.name == "quantities over the order" {
			continue
		}
		unchanged(t, a, func() {
			if _, err := a.Fill(nil, id, c.offers, &working.Terms); !errors.Is(err, c.want) {
				t.Errorf("fill, %s: %v", c.name, err)
			}
			r := ledger.Replacement{Order: id, Quantity: 8, Price: 10, TimeInForce: ledger.Day}
			if _, err := a.Replace(nil, &r, c.offers); !errors.Is(err, c.want) {
				t.Errorf("replace, %s: %v", c.name, err)
			}
			if _, err := a.Trigger(nil, waits, c.offers[len(c.offers)-1:], &working.Terms); !errors.Is(err, c.want) {
				t.Errorf("trigger, %s: %v", c.name, err)
			}
		})
	}
}

func TestFill(t *testing.T) {
	a := open(t, 1000)
	o := rest(t, a, limit(ledger.Buy, 10, 10))
	terms := ledger.Terms{Time: 3}
	e := must(t)(a.Fill(nil, o.ID, []ledger.Offer{{Quantity: 4, Price: 8}}, &terms))[0]
	equal(t, "status", e.Order.Status, ledger.PartiallyFilled)
	equal(t, "time of the order", e.Order.Time, 1)
	equal(t, "time of the execution", e.Execution.Time, 3)
	equal(t, "frozen", a.Frozen(), 60)
	equal(t, "average price", e.Order.AveragePrice(), 8)
	unchanged(t, a, func() {
		for _, offers := range [][]ledger.Offer{nil, {{Quantity: 7, Price: 8}}, {{Quantity: -1, Price: 8}}} {
			if _, err := a.Fill(nil, o.ID, offers, &terms); !errors.Is(err, ledger.ErrBadQuantity) {
				t.Errorf("%v: %v", offers, err)
			}
		}
	})
	events := must(t)(a.Fill(nil, o.ID, []ledger.Offer{{Quantity: 5, Price: 9}, {Quantity: 1, Price: 10}}, &terms))
	equal(t, "status", events[1].Order.Status, ledger.Filled)
	equal(t, "frozen", a.Frozen(), 0)
	equal(t, "cash", a.Cash(), 1000-32-45-10)
	if _, err := a.Fill(nil, o.ID, []ledger.Offer{{Quantity: 1, Price: 8}}, &terms); !errors.Is(err, ledger.ErrTooLate) {
		t.Error(err)
	}
}

// TestFillThatIsNotAffordable: an order that the account can't have any more is cancelled.
func TestFillThatIsNotAffordable(t *testing.T) {
	a := open(t, 1000)
	o := limit(ledger.Buy, 10, 0)
	o.Type, o.Stop, o.Terms.Reserve = ledger.Stop, 50, 60
	id := rest(t, a, o).ID
	equal(t, "frozen", a.Frozen(), 600)
	place(t, a, buy(1, 400).of(rail))
	events := must(t)(a.Trigger(nil, id, []ledger.Offer{{Quantity: 5, Price: 60}, {Quantity: 5, Price: 61}}, &o.Terms))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindTrigger, ledger.KindFill, ledger.KindCancel})
	equal(t, "cause", events[2].Cause, ledger.ByCash)
	equal(t, "frozen", a.Frozen(), 0)
	equal(t, "cash", a.Cash(), 300)
	var many []ledger.Holding
	for i := range ledger.InstrumentID(ledger.MaxRows) {
		many = append(many, ledger.Holding{Instrument: 1000 + i, Quantity: 1})
	}
	b := open(t, 1000, many...)
	resting := rest(t, b, limit(ledger.Buy, 10, 10))
	events = must(t)(b.Fill(nil, resting.ID, []ledger.Offer{{Quantity: 1, Price: 1}}, &o.Terms))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCancel})
	equal(t, "cause", events[0].Cause, ledger.ByLimits)
}

// TestFillInDebt: what is frozen pays for an order, in one piece or in parts, though the cash
// that is free is negative.
func TestFillInDebt(t *testing.T) {
	for _, offers := range [][]ledger.Offer{{{Quantity: 5, Price: 10}}, {{Quantity: 2, Price: 10}, {Quantity: 3, Price: 9}}} {
		a := open(t, 0, ledger.Holding{Instrument: rail, Quantity: 10})
		sold := place(t, a, sell(10, 10).of(rail)).Execution
		id := rest(t, a, limit(ledger.Buy, 10, 10)).ID
		bust(t, a, sold)
		equal(t, "free", a.Free(1), -100)
		events := must(t)(a.Fill(nil, id, offers, &ledger.Terms{}))
		equal(t, "events", len(events), len(offers))
		equal(t, "left", a.Order(id).Leaves(), 5)
		place(t, a, sell(2, 1).of(rail))
		parts := marketOrder(ledger.Sell, rail, 2)
		submit(t, a, parts, ledger.Offer{Quantity: 1, Price: 1}, ledger.Offer{Quantity: 1, Price: 1})
		rest(t, a, limit(ledger.Sell, 1, 1))
	}
}

// TestPartsAtTheLimit: a new order in parts is refused as a whole if one of them exceeds a limit.
func TestPartsAtTheLimit(t *testing.T) {
	full := make([]ledger.Holding, ledger.MaxRows)
	for i := range full {
		full[i] = ledger.Holding{Instrument: ledger.InstrumentID(100 + i), Quantity: 1}
	}
	rich := func(q ledger.Quantity) ledger.Holding {
		return ledger.Holding{Instrument: tin, Quantity: q, Cost: ledger.MaxMoney}
	}
	late := func(o ledger.NewOrder) ledger.NewOrder {
		o.Terms.CashFrom = 9
		return o
	}
	ones := []ledger.Offer{{Quantity: 1, Price: 1}, {Quantity: 1, Price: 1}}
	halves := []ledger.Offer{{Quantity: 200_000, Price: ledger.MaxPrice}, {Quantity: 200_000, Price: ledger.MaxPrice}}
	cases := []struct {
		name    string
		cash    ledger.Money
		held    []ledger.Holding
		first   []deal
		order   ledger.NewOrder
		offers  []ledger.Offer
		refusal error
	}{
		{"positions", 10, full, nil, marketOrder(ledger.Buy, tin, 2), ones, ledger.ErrTooManyPositions},
		{"shares", 10, []ledger.Holding{{Instrument: tin, Quantity: ledger.MaxQuantity - 1}}, nil, marketOrder(ledger.Buy, tin, 2), ones, ledger.ErrTooLarge},
		{"cost", 10, []ledger.Holding{{Instrument: tin, Quantity: 1, Cost: ledger.MaxMoney - 1}}, nil, marketOrder(ledger.Buy, tin, 2), ones, ledger.ErrTooLarge},
		{"cash", ledger.MaxMoney - 1, []ledger.Holding{rich(2)}, nil, marketOrder(ledger.Sell, tin, 2), ones, ledger.ErrTooLarge},
		{
			"realised", 0, []ledger.Holding{{Instrument: tin, Quantity: ledger.MaxQuantity}, {Instrument: rail, Quantity: 9}},
			[]deal{sell(400_000, ledger.MaxPrice), buy(400_000, ledger.MaxPrice).of(100)}, marketOrder(ledger.Sell, rail, 2), ones, ledger.ErrTooLarge,
		},
		{
			"unsettled cash", -ledger.MaxMoney, []ledger.Holding{rich(400_000), {Instrument: rail, Quantity: 400_000, Cost: ledger.MaxMoney}},
			[]deal{{late(marketOrder(ledger.Sell, tin, 400_000)), ledger.MaxPrice}}, late(marketOrder(ledger.Sell, rail, 400_000)), halves, ledger.ErrTooLarge,
		},
	}
	for _, c := range cases {
		a := open(t, c.cash, c.held...)
		for _, d := range c.first {
			place(t, a, d)
		}
		unchanged(t, a, func() {
			if events, err := a.Place(nil, &c.order, c.offers); !errors.Is(err, c.refusal) || len(events) > 0 {
				t.Errorf("%s: %d events, %v", c.name, len(events), err)
			}
			if _, err := try(a, deal{c.order, c.offers[0].Price}); !errors.Is(err, c.refusal) {
				t.Errorf("%s, whole: %v", c.name, err)
			}
		})
	}
}

func TestFillLate(t *testing.T) {
	a := open(t, 1000)
	id := rest(t, a, limit(ledger.Buy, 10, 10)).ID
	terms := ledger.Terms{Time: 4}
	late := func(q ledger.Quantity) ([]ledger.Event, error) {
		o, _, _ := a.FindOrder(id)
		return a.FillLate(nil, &o, ledger.Offer{Quantity: q, Price: 9}, &terms)
	}
	unchanged(t, a, func() {
		if _, err := late(1); !errors.Is(err, ledger.ErrBadQuantity) { // it works
			t.Error(err)
		}
	})
	must(t)(a.Cancel(nil, id, ledger.ByClient, 3))
	e := must(t)(late(4))[0]
	equal(t, "status", e.Order.Status, ledger.Cancelled)
	equal(t, "filled", e.Order.Filled, 4)
	equal(t, "frozen", a.Frozen(), 0)
	unchanged(t, a, func() {
		working := rest(t, restart(t, a), limit(ledger.Buy, 1, 1))
		b := restart(t, a)
		rest(t, b, limit(ledger.Buy, 1, 1))
		working.Status, working.Frozen = ledger.Cancelled, 0
		if _, err := b.FillLate(nil, &working, ledger.Offer{Quantity: 1, Price: 1}, &terms); !errors.Is(err, ledger.ErrBadQuantity) {
			t.Errorf("an old state of a working order: %v", err)
		}
		for _, q := range []ledger.Quantity{0, -1, 7} {
			if _, err := late(q); !errors.Is(err, ledger.ErrBadQuantity) {
				t.Errorf("%d: %v", q, err)
			}
		}
		for _, wrong := range []func(*ledger.Order){
			func(o *ledger.Order) { o.ID = ledger.NewOrderID(1, 1) },
			func(o *ledger.Order) { o.ID = ledger.NewOrderID(customer, 0) },
			func(o *ledger.Order) { o.ID++ },
			func(o *ledger.Order) { o.Side = 9 },
			func(o *ledger.Order) { o.Type = 9 },
			func(o *ledger.Order) { o.Frozen = 5 },
			func(o *ledger.Order) { o.FilledValue = -5 },
		} {
			o := e.Order
			wrong(&o)
			if _, err := a.FillLate(nil, &o, ledger.Offer{Quantity: 1, Price: 9}, &terms); !errors.Is(err, ledger.ErrUnknownOrder) {
				t.Error(err)
			}
		}
	})
	must(t)(late(6))
	equal(t, "cash", a.Cash(), 1000-90)
}

func TestCancelAllAndExpire(t *testing.T) {
	a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 10})
	day := limit(ledger.Buy, 1, 10)
	day.TimeInForce, day.Expires = ledger.Day, 5
	date := limit(ledger.Sell, 2, 10)
	date.TimeInForce, date.Expires = ledger.GoodTillDate, 6
	first, second, third := rest(t, a, day), rest(t, a, date), rest(t, a, limit(ledger.Buy, 3, 10))
	e := must(t)(a.Expire(nil, first.ID, 5))[0]
	equal(t, "status", e.Order.Status, ledger.Expired)
	equal(t, "cause", e.Cause, ledger.ByClose)
	equal(t, "cause of the date", must(t)(a.Expire(nil, second.ID, 6))[0].Cause, ledger.ByDate)
	equal(t, "sellable", a.Sellable(tin, 6), 10)
	fourth := rest(t, a, limit(ledger.Buy, 3, 10))
	equal(t, "orders", a.WorkingOrders(), 2)
	page, more := a.OrdersFrom(nil, third.ID, 5)
	equal(t, "page", page, []ledger.Order{fourth})
	equal(t, "more", more, false)
	events := a.CancelAll(nil, func(o *ledger.Order) bool { return o.Side == ledger.Buy }, ledger.ByOperator, 7)
	equal(t, "events", len(events), 2)
	equal(t, "order", events[0].Order.ID, third.ID)
	equal(t, "more", []bool{events[0].More, events[1].More}, []bool{true, false})
	equal(t, "free", a.Free(7), 1000)
	equal(t, "nothing more", len(a.CancelAll(nil, func(*ledger.Order) bool { return true }, ledger.ByOperator, 7)), 0)
}
