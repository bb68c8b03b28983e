package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

func TestWorkedExample(t *testing.T) {
	a := open(t, 10_000*coin, ledger.Holding{Instrument: tin, Quantity: 100, Cost: 1000 * coin})
	steps := []struct {
		name   string
		order  deal
		change ledger.Change
		shares ledger.Quantity
		value  ledger.Money
		rows   uint32
		cash   ledger.Money
	}{
		{"buy 100 more", buy(100, ten), ledger.Increased, 200, 2000 * coin, 1, 9_000 * coin},
		{"sell 100", sell(100, ten), ledger.Decreased, 100, 1000 * coin, 1, 10_000 * coin},
		{"sell 100", sell(100, ten), ledger.Closed, 0, 0, 0, 11_000 * coin},
		{"buy again", buy(5, ten), ledger.Opened, 5, 50 * coin, 1, 10_950 * coin},
	}
	p, _ := a.Position(tin)
	equal(t, "value at first", p.MarketValue(ten), 1000*coin)
	for n, s := range steps {
		e := place(t, a, s.order)
		equal(t, s.name+": change", e.Change, s.change)
		equal(t, s.name+": shares", e.Position.Quantity, s.shares)
		equal(t, s.name+": value", e.Position.MarketValue(ten), s.value)
		equal(t, s.name+": rows", e.Rows, s.rows)
		equal(t, s.name+": cash", a.Cash(), s.cash)
		equal(t, s.name+": number", e.Number, uint64(n+1))
		equal(t, s.name+": id", e.Execution.ID, ledger.NewExecutionID(customer, uint32(n+1)))
		equal(t, s.name+": order", e.Execution.Order, ledger.NewOrderID(customer, uint32(n+1)))
		now, held := a.Position(tin)
		equal(t, s.name+": held", held, s.shares > 0)
		equal(t, s.name+": position", now.Quantity, s.shares)
		equal(t, s.name+": account's rows", a.Rows(), int(s.rows))
	}
}

func TestCostOfSells(t *testing.T) {
	cases := []struct {
		name                 string
		quantity, sold       ledger.Quantity
		cost, taken          ledger.Money
		price                ledger.Price
		realised             ledger.Money
		averageCostOfTheRest ledger.Price
	}{
		{"even", 4, 1, 100, 25, 30, 5, 25},
		{"a half goes to the even number below", 2, 1, 101, 50, 60, 10, 51},
		{"a half goes to the even number above", 2, 1, 103, 52, 60, 8, 51},
		{"below a half goes down", 3, 1, 100, 33, 33, 0, 34},
		{"above a half goes up", 3, 2, 100, 67, 10, -47, 33},
		{"all takes all", 3, 3, 100, 100, 50, 50, 0},
		{"free shares", 3, 1, 0, 0, 7, 7, 0},
		{"product over 64 bits", 999_999_999_999, 333_333_333_333, 3_999_999_999_999_999_999, 1_333_333_333_333_333_333, 1, 333_333_333_333 - 1_333_333_333_333_333_333, 4_000_000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: c.quantity, Cost: c.cost})
			e := place(t, a, sell(c.sold, c.price))
			equal(t, "cost taken", e.Execution.Cost, c.taken)
			equal(t, "cost left", e.Position.Cost, c.cost-c.taken)
			equal(t, "realised", a.Realised(), c.realised)
			equal(t, "realised of the row", e.Position.Realised, c.realised)
			equal(t, "average cost", e.Position.AverageCost(), c.averageCostOfTheRest)
		})
	}
}

func TestRefusals(t *testing.T) {
	with := func(d deal, change func(*deal)) deal {
		change(&d)
		return d
	}
	cases := []struct {
		name  string
		order deal
		want  error
	}{
		{"side 0", with(buy(1, ten), func(d *deal) { d.Side = 0 }), ledger.ErrBadSide},
		{"side 3", with(buy(1, ten), func(d *deal) { d.Side = 3 }), ledger.ErrBadSide},
		{"type 0", with(buy(1, ten), func(d *deal) { d.Type = 0 }), ledger.ErrBadOrderType},
		{"type 5", with(buy(1, ten), func(d *deal) { d.Type = 5 }), ledger.ErrBadOrderType},
		{"time in force 0", with(buy(1, ten), func(d *deal) { d.TimeInForce = 0 }), ledger.ErrBadTimeInForce},
		{"time in force 6", with(buy(1, ten), func(d *deal) { d.TimeInForce = 6 }), ledger.ErrBadTimeInForce},
		{"market order till cancelled", with(buy(1, ten), func(d *deal) { d.TimeInForce = ledger.GoodTillCancelled }), ledger.ErrBadTimeInForce},
		{"stop order at once", with(buy(1, ten), func(d *deal) { d.Type, d.Stop, d.TimeInForce = ledger.Stop, 1, ledger.FillOrKill }), ledger.ErrBadTimeInForce},
		{"limit without a price", with(buy(1, ten), func(d *deal) { d.Type = ledger.Limit }), ledger.ErrBadPrice},
		{"limit negative", with(buy(1, ten), func(d *deal) { d.Type, d.Price = ledger.Limit, -1 }), ledger.ErrBadPrice},
		{"limit over the maximum", with(buy(1, ten), func(d *deal) { d.Type, d.Price = ledger.Limit, ledger.MaxPrice+1 }), ledger.ErrTooLarge},
		{"market order with a price", with(buy(1, ten), func(d *deal) { d.Price = 1 }), ledger.ErrBadPrice},
		{"market order with a stop price", with(buy(1, ten), func(d *deal) { d.Stop = 1 }), ledger.ErrBadPrice},
		{"stop order without a stop price", with(buy(1, ten), func(d *deal) { d.Type = ledger.Stop }), ledger.ErrBadPrice},
		{"stop price over the maximum", with(buy(1, ten), func(d *deal) { d.Type, d.Stop = ledger.Stop, 1<<63-1 }), ledger.ErrTooLarge},
		{"date is over", with(buy(1, ten), func(d *deal) { d.Type, d.Price, d.TimeInForce, d.Expires = ledger.Limit, 1, ledger.GoodTillDate, 1 }), ledger.ErrBadExpiry},
		{"quantity 0", buy(0, ten), ledger.ErrBadQuantity},
		{"quantity negative", sell(-1, ten), ledger.ErrBadQuantity},
		{"quantity lowest", sell(-1<<63, ten), ledger.ErrBadQuantity},
		{"price 0", buy(1, 0), ledger.ErrBadPrice},
		{"price negative", sell(1, -ten), ledger.ErrBadPrice},
		{"lot", with(buy(150, ten), func(d *deal) { d.Terms.Lots = ledger.Lots{Minimum: 100, Step: 100} }), ledger.ErrBadLot},
		{"quantity over the maximum", buy(ledger.MaxQuantity+1, 1), ledger.ErrTooLarge},
		{"quantity largest", buy(1<<63-1, 1), ledger.ErrTooLarge},
		{"price over the maximum", buy(1, ledger.MaxPrice+1), ledger.ErrTooLarge},
		{"price largest", buy(1, 1<<63-1), ledger.ErrTooLarge},
		{"value over 64 bits", buy(ledger.MaxQuantity, ledger.MaxPrice), ledger.ErrTooLarge},
		{"value over the maximum", buy(4_000_001, 1_000_000_000_000), ledger.ErrTooLarge},
		{"a share too many", sell(101, ten), ledger.ErrNotEnoughShares},
		{"instrument not held", sell(1, ten).of(rail), ledger.ErrNotEnoughShares},
		{"cash short by the least", buy(1, 1000*ledger.Price(coin)+1), ledger.ErrNotEnoughCash},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 1000*coin, ledger.Holding{Instrument: tin, Quantity: 100, Cost: coin})
			unchanged(t, a, func() {
				events, err := try(a, c.order)
				if !errors.Is(err, c.want) || !errors.As(err, new(ledger.Refusal)) || len(events) > 0 {
					t.Errorf("have %v and %+v, want %v", err, events, c.want)
				}
			})
		})
	}
}

// TestRefusalsHaveFigures: a refusal says what is missing.
func TestRefusalsHaveFigures(t *testing.T) {
	a := open(t, 1000*coin, ledger.Holding{Instrument: tin, Quantity: 100, Cost: coin})
	rest(t, a, limit(ledger.Buy, 10, ten))
	rest(t, a, limit(ledger.Sell, 30, 2*ten))
	late := buy(5, ten)
	late.Terms.SharesFrom = 50
	place(t, a, late)
	lots := buy(150, ten)
	lots.Terms.Lots = ledger.Lots{Minimum: 200, Step: 100}
	for _, c := range []struct {
		order deal
		want  string
	}{
		{buy(90, ten), "not enough cash: 950.0000 cash, 100.0000 frozen, 850.0000 free, 900.0000 needed"},
		{sell(106, ten), "not enough shares: 105 held, 30 frozen, 5 unsettled, 106 asked"},
		{sell(80, ten), "not enough sellable shares: 105 held, 30 frozen, 5 unsettled, 70 sellable, 80 asked"},
		{sell(1, ten).of(rail), "not enough shares: none held, 1 asked"},
		{lots, "bad lot: 150 asked, it must be 200, or more by a multiple of 100"},
	} {
		if _, err := try(a, c.order); err == nil || err.Error() != c.want {
			t.Errorf("have %v\nwant %s", err, c.want)
		}
	}
}

func TestAtTheLimit(t *testing.T) {
	full := ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity, Cost: ledger.MaxMoney}
	cases := []struct {
		name    string
		cash    ledger.Money
		holding ledger.Holding
		order   deal
		want    error
	}{
		{"all cash", 1000 * coin, full, buy(100, ten).of(rail), nil},
		{"position full", coin, full, buy(1, 1), ledger.ErrTooLarge},
		{"position just full", coin, ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity - 1, Cost: 1}, buy(1, 1), nil},
		{"cost full", coin, ledger.Holding{Instrument: tin, Quantity: 1, Cost: ledger.MaxMoney}, buy(1, 1), ledger.ErrTooLarge},
		{"cash full", ledger.MaxMoney, full, sell(1, 1), ledger.ErrTooLarge},
		{"cash just full", ledger.MaxMoney - 1, full, sell(1, 1), nil},
		{"largest value", ledger.MaxMoney, ledger.Holding{Instrument: rail, Quantity: 1}, buy(400_000, 10_000_000_000_000), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.cash, c.holding)
			before := constant(a)
			if _, err := try(a, c.order); !errors.Is(err, c.want) {
				t.Errorf("have %v, want %v", err, c.want)
			}
			equal(t, "invariant", constant(a), before)
		})
	}
}

func TestTooManyPositions(t *testing.T) {
	holdings := make([]ledger.Holding, ledger.MaxRows)
	for i := range holdings {
		holdings[i] = ledger.Holding{Instrument: ledger.InstrumentID(2 * i), Quantity: 1}
	}
	a := open(t, coin, holdings...)
	o := buy(1, 1).of(5)
	unchanged(t, a, func() {
		if _, err := try(a, o); !errors.Is(err, ledger.ErrTooManyPositions) {
			t.Error(err)
		}
	})
	place(t, a, sell(1, 1).of(4))
	equal(t, "rows", place(t, a, o).Rows, uint32(ledger.MaxRows))
	last := ledger.InstrumentID(0)
	for i, p := range a.Positions(nil) {
		if i > 0 && p.Instrument <= last {
			t.Fatalf("position %d of instrument %d follows %d", i, p.Instrument, last)
		}
		last = p.Instrument
	}
}

func TestNewAccountRefuses(t *testing.T) {
	h := func(q ledger.Quantity, c ledger.Money) []ledger.Holding {
		return []ledger.Holding{{Instrument: tin, Quantity: q, Cost: c}}
	}
	cases := []struct {
		name     string
		customer ledger.Customer
		cash     ledger.Money
		holdings []ledger.Holding
	}{
		{"customer 0", 0, 0, nil},
		{"cash", 1, ledger.MaxMoney + 1, nil},
		{"no shares", 1, 0, h(0, 0)},
		{"negative shares", 1, 0, h(-1, 0)},
		{"too many shares", 1, 0, h(ledger.MaxQuantity+1, 0)},
		{"negative cost", 1, 0, h(1, -1)},
		{"cost too large", 1, 0, h(1, ledger.MaxMoney+1)},
		{"twice", 1, 0, append(h(1, 1), h(1, 1)...)},
		{"too many rows", 1, 0, make([]ledger.Holding, ledger.MaxRows+1)},
	}
	for _, c := range cases {
		opening := ledger.Opening{Cash: c.cash, Holdings: c.holdings}
		if _, err := ledger.NewAccount(c.customer, opening, ledger.Options{}); !errors.Is(err, ledger.ErrBadHolding) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
