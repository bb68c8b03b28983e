package ledger_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/ledger"
)

// extreme draws numbers that break arithmetic: zero, negative numbers, the ends of int64,
// the limits and their neighbours, and small numbers so that some orders are filled.
func extreme(limit int64) *rapid.Generator[int64] {
	edges := []int64{0, 1, -1, 2, 100, math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1,
		math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32, 1 << 53, limit, limit - 1, limit + 1, limit / 2, -limit}
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64(), rapid.Int64Range(1, 1000))
}

// TestExtremeOrders: an order of any quantity at any price either has the result of
// arithmetic without limits, or is refused and changes nothing.
func TestExtremeOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		holdings := []ledger.Holding{{Instrument: 1, Quantity: ledger.Quantity(rapid.Int64Range(1, int64(ledger.MaxQuantity)).Draw(t, "held")), Cost: 5}}
		a, err := ledger.NewAccount(customer, ledger.Opening{
			Cash: ledger.Money(rapid.Int64Range(0, int64(ledger.MaxMoney)).Draw(t, "cash")), Holdings: holdings,
		}, ledger.Options{Recent: 8})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "orders") {
			before, cash := a.AppendState(nil), big.NewInt(int64(a.Cash()))
			o := marketOrder(ledger.Side(rapid.IntRange(0, 3).Draw(t, "side")), ledger.InstrumentID(rapid.Uint32Range(0, 2).Draw(t, "instrument")),
				ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "quantity")))
			price := ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price"))
			o.Terms.Lots.Minimum = ledger.Quantity(extreme(100).Draw(t, "lot"))
			events, err := try(a, deal{o, price})
			if err != nil {
				if !errors.As(err, new(ledger.Refusal)) {
					t.Fatalf("%+v: %v is no refusal", o, err)
				}
				if !bytes.Equal(a.AppendState(nil), before) {
					t.Fatalf("%+v was refused (%v) and has changed the account", o, err)
				}
				continue
			}
			value := new(big.Int).Mul(big.NewInt(int64(o.Quantity)), big.NewInt(int64(price)))
			if o.Quantity <= 0 || price <= 0 || value.Cmp(big.NewInt(int64(ledger.MaxMoney))) > 0 {
				t.Fatalf("%+v was done", o)
			}
			if o.Side == ledger.Buy {
				value.Neg(value)
			}
			if cash.Add(cash, value).Cmp(big.NewInt(int64(a.Cash()))) != 0 || a.Cash() < 0 {
				t.Fatalf("%+v leaves cash %d, want %s", o, a.Cash(), cash)
			}
			if p, _ := a.Position(o.Instrument); p.Quantity < 0 || p.Cost < 0 || p.Quantity != events[0].Position.Quantity {
				t.Fatalf("%+v leaves %+v", o, p)
			}
		}
	})
}

// anyTime draws a time: the clock may be set back, and much settles between two commands.
func anyTime(t *rapid.T, a *ledger.Account) int64 {
	return rapid.Int64Range(0, int64(a.LastNumber())+6).Draw(t, "now")
}

// anyTerms draws the rules of a market, with fees up to the largest.
func anyTerms(t *rapid.T, now int64) ledger.Terms {
	terms := ledger.Terms{Time: now, Reserve: ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "reserve")), Priority: 1}
	if rapid.Bool().Draw(t, "fees") {
		amount := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, int64(ledger.MaxMoney)))
		rate := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, int64(ledger.MaxRate)))
		terms.Fees = &ledger.Fees{
			Commission: ledger.Rate(rate.Draw(t, "commission")), Minimum: ledger.Money(amount.Draw(t, "minimum")),
			SellTax: ledger.Rate(rate.Draw(t, "tax")), PerShare: ledger.Money(amount.Draw(t, "per share")), InCost: rapid.Bool().Draw(t, "in cost"),
		}
	}
	if rapid.Bool().Draw(t, "late settlement") {
		terms.SharesFrom, terms.CashFrom = now+3, now+2
	}
	return terms
}

// anyOffers draws offers of any quantities and prices, most of which fit.
func anyOffers(t *rapid.T) []ledger.Offer {
	var offers []ledger.Offer
	for range rapid.IntRange(0, 3).Draw(t, "offers") {
		offers = append(offers, ledger.Offer{
			Quantity: ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "offered")),
			Price:    ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price")),
		})
	}
	return offers
}

// TestExtremeCommands: no command panics, whatever numbers it has. What is refused changes
// nothing; after all else the sums are right, the events can be replayed and the account restored.
func TestExtremeCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cash := rapid.SampledFrom([]ledger.Money{ledger.MaxMoney, ledger.MaxMoney / 2, 1_000_000, 0, -5}).Draw(t, "cash")
		opening := ledger.Opening{Cash: cash, Holdings: []ledger.Holding{
			{Instrument: 1, Quantity: ledger.MaxQuantity, Cost: 9}, {Instrument: 2, Quantity: 1000, Cost: ledger.MaxMoney},
		}}
		a, err := ledger.NewAccount(customer, opening, ledger.Options{Recent: 1 << 10, Orders: 4})
		if err != nil {
			t.Fatal(err)
		}
		replayed, err := ledger.NewAccount(customer, opening, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := constant(a)
		t.Repeat(map[string]func(*rapid.T){
			"place": func(t *rapid.T) { checkCommand(t, a, replayed, anyPlace(t, a)) },
			"again": func(t *rapid.T) { checkCommand(t, a, replayed, anyPlace(t, a)) },
			"work":  func(t *rapid.T) { checkCommand(t, a, replayed, anyWork(t, a)) },
			"undo":  func(t *rapid.T) { checkCommand(t, a, replayed, anyUndo(t, a)) },
			"cash":  func(t *rapid.T) { checkCommand(t, a, replayed, anyCash(t, a)) },
			"": func(t *rapid.T) {
				if constant(a) != want {
					t.Fatalf("the sum was %d, is %d", want, constant(a))
				}
				checkFrozen(t, a)
				if _, err := ledger.RestoreAccount(a.AppendState(nil), a.Opening(), ledger.Options{}); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// checkCommand runs a command and checks that it changes nothing if it is refused, else that a
// replay of its events has the same result.
func checkCommand(t *rapid.T, a, replayed *ledger.Account, command func() ([]ledger.Event, error)) {
	before := a.AppendState(nil)
	events, err := command()
	if err != nil && (len(events) > 0 || !bytes.Equal(a.AppendState(nil), before)) {
		t.Fatalf("was refused (%v) with %d events and has changed the account", err, len(events))
	}
	for i := range events {
		if _, err := replayed.Replay(&events[i]); err != nil {
			t.Fatalf("%v: %+v", err, events[i])
		}
	}
	if a.Hash() != replayed.Hash() {
		t.Fatal("the replayed account has another hash")
	}
	for i := range events {
		if e := &events[i]; e.Cause == ledger.ByLimits && len(events) > 1 && events[0].Named {
			t.Fatalf("a part of a new order was refused: %+v", e)
		}
	}
}

// checkFrozen fails if the frozen amounts are not the sums over the working orders.
func checkFrozen(t interface{ Fatalf(string, ...any) }, a *ledger.Account) {
	orders, _ := a.OrdersFrom(nil, 0, ledger.MaxOrders)
	var cash ledger.Money
	shares := make(map[ledger.InstrumentID]ledger.Quantity)
	for i := range orders {
		o := &orders[i]
		cash += o.Frozen
		if !o.Working() || o.Quantity != o.Filled+o.Leaves() || o.Leaves() <= 0 {
			t.Fatalf("working: %+v", o)
		}
		if o.Side == ledger.Sell {
			shares[o.Instrument] += o.Leaves()
		}
	}
	if cash != a.Frozen() {
		t.Fatalf("frozen %d, the orders freeze %d", a.Frozen(), cash)
	}
	for _, p := range a.Positions(nil) {
		if frozen := a.FrozenShares(p.Instrument); frozen != shares[p.Instrument] || frozen > p.Quantity {
			t.Fatalf("%d shares of %d frozen, the orders freeze %d", frozen, p.Quantity, shares[p.Instrument])
		}
		delete(shares, p.Instrument)
	}
	for id, q := range shares {
		if q != 0 {
			t.Fatalf("%d shares of %d are frozen, not held", q, id)
		}
	}
}

func anyPlace(t *rapid.T, a *ledger.Account) func() ([]ledger.Event, error) {
	o := marketOrder(ledger.Side(rapid.IntRange(1, 2).Draw(t, "side")), ledger.InstrumentID(rapid.IntRange(0, 2).Draw(t, "instrument")),
		ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "quantity")))
	o.Type = ledger.OrderType(rapid.IntRange(1, 4).Draw(t, "type"))
	o.TimeInForce = ledger.TimeInForce(rapid.IntRange(1, 5).Draw(t, "time in force"))
	price := rapid.OneOf(rapid.Int64Range(1, 100), extreme(int64(ledger.MaxPrice)))
	if o.Type.HasLimit() {
		o.Price = ledger.Price(price.Draw(t, "limit"))
	}
	if o.Type.HasStop() {
		o.Stop = ledger.Price(price.Draw(t, "stop"))
	}
	o.Expires, o.Terms = 1<<40, anyTerms(t, anyTime(t, a))
	offers := anyOffers(t)
	if rapid.Bool().Draw(t, "whole") {
		offers = []ledger.Offer{{Quantity: o.Quantity, Price: ledger.Price(price.Draw(t, "price"))}}
	}
	return func() ([]ledger.Event, error) { return a.Place(nil, &o, offers) }
}

func anyWork(t *rapid.T, a *ledger.Account) func() ([]ledger.Event, error) {
	orders, _ := a.OrdersFrom(nil, 0, ledger.MaxOrders)
	if len(orders) == 0 {
		return anyPlace(t, a)
	}
	o := rapid.SampledFrom(orders).Draw(t, "order")
	terms, offers := anyTerms(t, anyTime(t, a)), anyOffers(t)
	r := ledger.Replacement{
		Order: o.ID, Quantity: ledger.Quantity(extreme(int64(o.Quantity)).Draw(t, "quantity")), Price: o.Price, Stop: o.Stop,
		TimeInForce: ledger.GoodTillCancelled, Terms: terms,
	}
	if rapid.Bool().Draw(t, "other price") && o.Price != 0 {
		r.Price = ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price"))
	}
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		return func() ([]ledger.Event, error) { return a.Trigger(nil, o.ID, offers, &terms) }
	case 1:
		return func() ([]ledger.Event, error) { return a.Replace(nil, &r, offers) }
	case 2:
		return func() ([]ledger.Event, error) { return a.Cancel(nil, o.ID, ledger.ByClient, terms.Time) }
	case 3:
		for _, e := range a.Recent(nil) {
			if !e.Order.Working() && e.Kind.HasOrder() {
				late := e.Order
				return func() ([]ledger.Event, error) {
					return a.FillLate(nil, &late, ledger.Offer{Quantity: min(max(late.Quantity-late.Filled, 0), 3), Price: 7}, &terms)
				}
			}
		}
	}
	return func() ([]ledger.Event, error) { return a.Fill(nil, o.ID, offers, &terms) }
}

func anyUndo(t *rapid.T, a *ledger.Account) func() ([]ledger.Event, error) {
	past := pastOf(a, ledger.InstrumentID(rapid.IntRange(0, 2).Draw(t, "instrument")))
	if len(past.Executions) == 0 {
		return anyPlace(t, a)
	}
	n := len(past.Executions)
	x := past.Executions[rapid.IntRange(0, n-1).Draw(t, "execution")]
	terms := anyTerms(t, anyTime(t, a))
	if rapid.IntRange(0, 3).Draw(t, "wrong") == 0 { // another part of the execution is wrong
		past.Executions[rapid.IntRange(0, n-1).Draw(t, "which")] = anyExecution(t, &x)
	}
	if rapid.Bool().Draw(t, "bust") {
		b := ledger.Bust{
			Executions: []ledger.ExecutionID{x.ID}, Past: past, Terms: terms,
			Reopen: rapid.Bool().Draw(t, "reopen"), Cascade: rapid.Bool().Draw(t, "cascade"),
		}
		if rapid.Bool().Draw(t, "two") {
			b.Executions = append(b.Executions, past.Executions[rapid.IntRange(0, n-1).Draw(t, "other")].ID)
		}
		return func() ([]ledger.Event, error) { return a.Bust(nil, &b) }
	}
	c := ledger.Correction{
		Execution: x.ID, Quantity: ledger.Quantity(extreme(int64(x.Quantity)).Draw(t, "quantity")),
		Price: ledger.Price(extreme(int64(x.Price)).Draw(t, "price")), Past: past, Terms: terms,
	}
	return func() ([]ledger.Event, error) { return a.Correct(nil, &c) }
}

// anyExecution draws an execution that has most fields of the real one.
func anyExecution(t *rapid.T, done *ledger.Execution) ledger.Execution {
	x := *done
	switch rapid.IntRange(0, 6).Draw(t, "field") {
	case 0:
		x.ID = ledger.NewExecutionID(rapid.SampledFrom([]ledger.Customer{0, 1, customer}).Draw(t, "customer"), rapid.Uint32Range(0, 9).Draw(t, "number"))
	case 1:
		x.Order = ledger.NewOrderID(customer, rapid.Uint32Range(0, 9).Draw(t, "order"))
	case 2:
		x.Side = ledger.Side(rapid.IntRange(0, 3).Draw(t, "side"))
	case 3:
		x.Instrument = ledger.InstrumentID(rapid.IntRange(0, 2).Draw(t, "instrument"))
	case 4:
		x.Quantity = ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "quantity"))
	case 5:
		x.Price = ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price"))
	case 6:
		x.Fee, x.Settlement = ledger.Money(extreme(int64(ledger.MaxMoney)).Draw(t, "fee")), rapid.Int64().Draw(t, "settlement")
	}
	return x
}

func anyCash(t *rapid.T, a *ledger.Account) func() ([]ledger.Event, error) {
	amount := ledger.Money(extreme(int64(ledger.MaxMoney)).Draw(t, "amount"))
	now := anyTime(t, a)
	if rapid.Bool().Draw(t, "deposit") {
		return func() ([]ledger.Event, error) { return a.Deposit(nil, amount, "", now) }
	}
	return func() ([]ledger.Event, error) { return a.Withdraw(nil, amount, "", now) }
}
