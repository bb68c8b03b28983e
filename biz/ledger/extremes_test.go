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
		a, err := ledger.NewAccount(customer, ledger.Money(rapid.Int64Range(0, int64(ledger.MaxMoney)).Draw(t, "cash")), holdings, 8)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "orders") {
			before, cash := a.AppendState(nil), big.NewInt(int64(a.Cash()))
			o := ledger.Order{
				Side:       ledger.Side(rapid.IntRange(0, 3).Draw(t, "side")),
				Instrument: ledger.InstrumentID(rapid.Uint32Range(0, 2).Draw(t, "instrument")),
				Quantity:   ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "quantity")),
				Price:      ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price")),
				Lot:        ledger.Quantity(extreme(100).Draw(t, "lot")),
			}
			e, err := a.Place(o)
			if err != nil {
				if !errors.As(err, new(ledger.Refusal)) {
					t.Fatalf("%+v: %v is no refusal", o, err)
				}
				if !bytes.Equal(a.AppendState(nil), before) {
					t.Fatalf("%+v was refused (%v) and has changed the account", o, err)
				}
				continue
			}
			value := new(big.Int).Mul(big.NewInt(int64(o.Quantity)), big.NewInt(int64(o.Price)))
			if o.Quantity <= 0 || o.Price <= 0 || value.Cmp(big.NewInt(int64(ledger.MaxMoney))) > 0 {
				t.Fatalf("%+v was done", o)
			}
			if o.Side == ledger.Buy {
				value.Neg(value)
			}
			if cash.Add(cash, value).Cmp(big.NewInt(int64(a.Cash()))) != 0 || a.Cash() < 0 {
				t.Fatalf("%+v leaves cash %d, want %s", o, a.Cash(), cash)
			}
			if p, _ := a.Position(o.Instrument); p.Quantity < 0 || p.Cost < 0 || p.Quantity != e.Position.Quantity {
				t.Fatalf("%+v leaves %+v", o, p)
			}
		}
	})
}

// TestExtremeBusts: the same for busts with arbitrary executions. An account that has the
// execution no longer in memory can't compare it.
func TestExtremeBusts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recent := rapid.SampledFrom([]int{0, 0, 4}).Draw(t, "recent")
		a, err := ledger.NewAccount(customer, ledger.MaxMoney/2, []ledger.Holding{{Instrument: 2, Quantity: 50, Cost: 9}}, recent)
		if err != nil {
			t.Fatal(err)
		}
		e, err := a.Place(ledger.Order{Side: ledger.Buy, Instrument: 1, Quantity: 10, Price: 10})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 20).Draw(t, "busts") {
			x := anyExecution(t, &e.Execution)
			before := a.AppendState(nil)
			_, changed, err := a.Bust(ledger.Bust{Execution: x})
			switch {
			case (err != nil || !changed) && !bytes.Equal(a.AppendState(nil), before):
				t.Fatalf("%+v was refused (%v) and has changed the account", x, err)
			case changed && (x.Quantity <= 0 || x.Price <= 0 || x.ID != e.Execution.ID):
				t.Fatalf("%+v was busted", x)
			}
			for _, p := range a.Positions(nil) {
				if p.Quantity <= 0 || p.Cost < 0 {
					t.Fatalf("%+v leaves %+v", x, p)
				}
			}
		}
	})
}

// anyExecution draws an execution that often has some fields of the real one.
func anyExecution(t *rapid.T, done *ledger.Execution) ledger.Execution {
	c := rapid.SampledFrom([]ledger.Customer{0, 1, customer, customer, customer, customer}).Draw(t, "customer")
	return ledger.Execution{
		ID:         ledger.NewExecutionID(c, rapid.SampledFrom([]uint32{0, 1, 1, 1, 2}).Draw(t, "number")),
		Order:      done.Order,
		Side:       rapid.SampledFrom([]ledger.Side{ledger.Buy, ledger.Sell}).Draw(t, "side"),
		Instrument: rapid.SampledFrom([]ledger.InstrumentID{0, 1, 2}).Draw(t, "instrument"),
		Quantity:   ledger.Quantity(extreme(int64(ledger.MaxQuantity)).Draw(t, "quantity")),
		Price:      ledger.Price(extreme(int64(ledger.MaxPrice)).Draw(t, "price")),
		Cost:       ledger.Money(rapid.OneOf(rapid.Just(int64(0)), extreme(int64(ledger.MaxMoney))).Draw(t, "cost")),
	}
}
