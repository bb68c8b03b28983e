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
		order  ledger.Order
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
		{"a half goes up", 2, 1, 101, 51, 60, 9, 50},
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
	with := func(o ledger.Order, change func(*ledger.Order)) ledger.Order {
		change(&o)
		return o
	}
	cases := []struct {
		name  string
		order ledger.Order
		want  error
	}{
		{"side 0", with(buy(1, ten), func(o *ledger.Order) { o.Side = 0 }), ledger.ErrBadSide},
		{"side 3", with(buy(1, ten), func(o *ledger.Order) { o.Side = 3 }), ledger.ErrBadSide},
		{"quantity 0", buy(0, ten), ledger.ErrBadQuantity},
		{"quantity negative", sell(-1, ten), ledger.ErrBadQuantity},
		{"quantity lowest", sell(-1<<63, ten), ledger.ErrBadQuantity},
		{"price 0", buy(1, 0), ledger.ErrBadPrice},
		{"price negative", sell(1, -ten), ledger.ErrBadPrice},
		{"lot", with(buy(150, ten), func(o *ledger.Order) { o.Lot = 100 }), ledger.ErrBadLot},
		{"quantity over the maximum", buy(ledger.MaxQuantity+1, 1), ledger.ErrTooLarge},
		{"quantity largest", buy(1<<63-1, 1), ledger.ErrTooLarge},
		{"price over the maximum", buy(1, ledger.MaxPrice+1), ledger.ErrTooLarge},
		{"price largest", buy(1, 1<<63-1), ledger.ErrTooLarge},
		{"value over 64 bits", buy(ledger.MaxQuantity, ledger.MaxPrice), ledger.ErrTooLarge},
		{"value over the maximum", buy(4_000_001, 1_000_000_000_000), ledger.ErrTooLarge},
		{"a share too many", sell(101, ten), ledger.ErrNotEnoughShares},
		{"instrument not held", with(sell(1, ten), func(o *ledger.Order) { o.Instrument = rail }), ledger.ErrNotEnoughShares},
		{"cash short by the least", with(buy(1, ten), func(o *ledger.Order) { o.Price = 1000*ledger.Price(coin) + 1 }), ledger.ErrNotEnoughCash},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 1000*coin, ledger.Holding{Instrument: tin, Quantity: 100, Cost: coin})
			unchanged(t, a, func() {
				e, err := a.Place(c.order)
				if !errors.Is(err, c.want) || e != (ledger.Event{}) {
					t.Errorf("have %v and %+v, want %v", err, e, c.want)
				}
			})
		})
	}
}

func TestAtTheLimit(t *testing.T) {
	full := ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity, Cost: ledger.MaxMoney}
	cases := []struct {
		name    string
		cash    ledger.Money
		holding ledger.Holding
		order   ledger.Order
		want    error
	}{
		{"all cash", 1000 * coin, full, ledger.Order{Side: ledger.Buy, Instrument: rail, Quantity: 100, Price: ten}, nil},
		{"position full", coin, full, buy(1, 1), ledger.ErrTooLarge},
		{"position just full", coin, ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity - 1, Cost: 1}, buy(1, 1), nil},
		{"cost full", coin, ledger.Holding{Instrument: tin, Quantity: 1, Cost: ledger.MaxMoney}, buy(1, 1), ledger.ErrTooLarge},
		{"cash full", ledger.MaxMoney, full, sell(1, 1), ledger.ErrTooLarge},
		{"cash just full", ledger.MaxMoney - 1, full, sell(1, 1), nil},
		{"largest value", ledger.MaxMoney, ledger.Holding{Instrument: rail, Quantity: 1}, buy(400_000, 10_000_000_000_000), nil},
		{"lot 1", coin, ledger.Holding{Instrument: tin, Quantity: 160}, ledger.Order{Side: ledger.Sell, Instrument: tin, Quantity: 159, Price: 1, Lot: 1}, nil},
		{"lot fits", coin, full, ledger.Order{Side: ledger.Sell, Instrument: tin, Quantity: 200, Price: 1, Lot: 100}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.cash, c.holding)
			before := constant(a)
			if _, err := a.Place(c.order); !errors.Is(err, c.want) {
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
	o := ledger.Order{Side: ledger.Buy, Instrument: 5, Quantity: 1, Price: 1}
	unchanged(t, a, func() {
		if _, err := a.Place(o); !errors.Is(err, ledger.ErrTooManyPositions) {
			t.Error(err)
		}
	})
	place(t, a, ledger.Order{Side: ledger.Sell, Instrument: 4, Quantity: 1, Price: 1})
	equal(t, "rows", place(t, a, o).Rows, uint32(ledger.MaxRows))
	last := ledger.InstrumentID(0)
	for i, p := range a.Positions(nil) {
		if i > 0 && p.Instrument <= last {
			t.Fatalf("position %d of instrument %d follows %d", i, p.Instrument, last)
		}
		last = p.Instrument
	}
}

func TestSameClientOrderIDAgain(t *testing.T) {
	a := open(t, 1000*coin)
	o := buy(10, ten)
	o.ClientOrderID = named(t, "retry-1")
	first := place(t, a, o)
	other := sell(3, 5*ten)
	other.ClientOrderID = o.ClientOrderID
	wrong := ledger.Order{ClientOrderID: o.ClientOrderID}
	for name, again := range map[string]ledger.Order{"same": o, "another order": other, "a wrong order": wrong} {
		unchanged(t, a, func() {
			e, err := a.Place(again)
			if !errors.Is(err, ledger.ErrDuplicate) {
				t.Errorf("%s: %v", name, err)
			}
			equal(t, name, e, first)
		})
	}
	bust(t, a, first.Execution)
	if e, err := a.Place(o); !errors.Is(err, ledger.ErrDuplicate) || e != first {
		t.Errorf("after the bust: %v", err)
	}
	refused := buy(1_000_000, ten)
	refused.ClientOrderID = named(t, "retry-2")
	if _, err := a.Place(refused); !errors.Is(err, ledger.ErrNotEnoughCash) {
		t.Error(err)
	}
	refused.Quantity = 1
	equal(t, "a refused order does not use up its id", place(t, a, refused).Execution.ID.Number(), 2)
}

func TestNoClientOrderIDIsNeverARetry(t *testing.T) {
	a := open(t, 1000*coin)
	place(t, a, buy(1, ten))
	place(t, a, buy(1, ten))
	p, _ := a.Position(tin)
	equal(t, "shares", p.Quantity, 2)
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
		if _, err := ledger.NewAccount(c.customer, c.cash, c.holdings, 1); !errors.Is(err, ledger.ErrBadHolding) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
