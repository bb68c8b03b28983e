package ledger_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/ledger"
)

func TestParseMoney(t *testing.T) {
	good := map[string]ledger.Money{
		"0": 0, "10": 100_000, "10.5": 105_000, "0.0001": 1, "-0.0001": -1, "-3.25": -32_500, "10.5000": 105_000, "0.0": 0, "0.50": 5000, "-0.5": -5000,
		"922337203685477.5807": math.MaxInt64, "-922337203685477.5808": math.MinInt64,
	}
	for s, want := range good {
		if have, err := ledger.ParseMoney(s); err != nil || have != want {
			t.Errorf("%q: %d, %v, want %d", s, have, err, want)
		}
	}
	bad := []string{
		"", "-", ".", "1.", ".5", "1.00000", "1.0.0", "1e3", "1E3", "+1", "+5", " 1", "1 ", " 5", "1\n", "\t1", "1,5",
		"1,000", "1 000", "1'000", "1_000", "--1", "-+1", "- 1", "1-", "−1", "0x1", "0x10", "0b1", "0o7", "１", "５", "٣", "½",
		"007", "00", "00012", "00.5", "-007", "-0", "-0.0", "-.5", "1.-5", "1.5.", "1..5", "..", "1.5e1", "1.5x", "NaN", "Inf", "$1", "1%", "1\x00",
		"922337203685477.5808", "-922337203685477.5809", "1844674407370955.1616", "99999999999999999999", strings.Repeat("9", 400),
	}
	for _, s := range bad {
		if have, err := ledger.ParseMoney(s); !errors.Is(err, ledger.ErrMalformed) || have != 0 || !strings.Contains(err.Error(), "a decimal number such as 10 or 10.5") {
			t.Errorf("%q: %d, %v", s, have, err)
		}
	}
}

func TestDecimalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := ledger.Money(rapid.Int64().Draw(t, "amount"))
		if have, err := ledger.ParseMoney(m.String()); err != nil || have != m {
			t.Fatalf("%s: %d, %v", m, have, err)
		}
		p := ledger.Price(m)
		if have, err := ledger.ParsePrice(p.String()); err != nil || have != p {
			t.Fatalf("%s: %d, %v", p, have, err)
		}
	})
}

func FuzzParsePrice(f *testing.F) {
	for _, s := range []string{"10.5", "-0.0001", "1.", "922337203685477.5807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ledger.ParsePrice(s)
		if err != nil {
			return
		}
		if again, err := ledger.ParsePrice(p.String()); err != nil || again != p {
			t.Fatalf("%q is %s, that is %s, %v", s, p, again, err)
		}
	})
}

func TestIDs(t *testing.T) {
	if have := ledger.NewExecutionID(100001, 17); have != 100001<<32|17 || have.String() != "100001-17" {
		t.Errorf("%d, %s", have, have)
	}
	for s, id := range map[string]uint64{"100001-17": 100001<<32 | 17, "1-1": 1<<32 | 1, "4294967295-4294967295": math.MaxUint64} {
		x, o := ledger.ExecutionID(id), ledger.OrderID(id)
		if x.String() != s || o.String() != s {
			t.Errorf("%s: %s and %s", s, x, o)
		}
		if ledger.NewExecutionID(x.Customer(), x.Number()) != x || ledger.NewOrderID(o.Customer(), o.Number()) != o {
			t.Errorf("%s: does not come apart", s)
		}
	}
}

func TestClientOrderIDs(t *testing.T) {
	for _, s := range []string{"", "a", "order-1", "Übergröße", strings.Repeat("x", ledger.ClientOrderIDSize)} {
		id, err := ledger.ParseClientOrderID(s)
		if err != nil || id.String() != s || string(id.Bytes()) != s || id.IsZero() != (s == "") {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
	for _, s := range []string{"\x00", "a\x00", "a\x00b", "\xff", "ü"[:1], strings.Repeat("x", ledger.ClientOrderIDSize+1)} {
		if id, err := ledger.ParseClientOrderID([]byte(s)); !errors.Is(err, ledger.ErrBadClientOrderID) || !id.IsZero() {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func TestMarketValue(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: 100, Cost: 900 * coin}, ledger.Holding{Instrument: rail, Quantity: 3})
	equal(t, "market value", a.Revalue(prices{tin: ten, rail: 5}), 1000*coin+15)
	p, _ := a.Position(tin)
	equal(t, "unrealised", p.UnrealisedProfit(ten), 100*coin)
	equal(t, "unrealised without a price", p.UnrealisedProfit(-1), -900*coin)
	full := ledger.Position{Quantity: ledger.MaxQuantity}
	equal(t, "too much to count", full.MarketValue(ledger.MaxPrice), ledger.MaxMoney)
	rich := open(t, 0, ledger.Holding{Instrument: 1, Quantity: ledger.MaxQuantity},
		ledger.Holding{Instrument: 2, Quantity: ledger.MaxQuantity}, ledger.Holding{Instrument: 3, Quantity: ledger.MaxQuantity})
	equal(t, "sum too much to count", rich.Revalue(prices{1: ledger.MaxPrice, 2: ledger.MaxPrice, 3: ledger.MaxPrice}), math.MaxInt64)
	equal(t, "average price without executions", new(ledger.Order).AveragePrice(), 0)
	none := ledger.Position{Cost: 5}
	equal(t, "average cost without shares", none.AverageCost(), 0)
	for _, c := range []struct {
		quantity  ledger.Quantity
		cost      ledger.Money
		roundedTo ledger.Price
	}{{3, 10, 3}, {3, 11, 4}, {3, 12, 4}, {2, 3, 2}, {2, 5, 2}, {2, 7, 4}} {
		p := ledger.Position{Quantity: c.quantity, Cost: c.cost}
		equal(t, "average cost", p.AverageCost(), c.roundedTo)
		o := ledger.Order{Filled: c.quantity, FilledValue: c.cost}
		equal(t, "average price", o.AveragePrice(), c.roundedTo)
	}
}

type prices map[ledger.InstrumentID]ledger.Price

func (p prices) Last(id ledger.InstrumentID) ledger.Price { return p[id] }

// Clients see the numbers and the texts.
func TestNamesAndNumbers(t *testing.T) {
	numbers := map[ledger.Refusal]int{
		ledger.ErrUnknownInstrument: 1, ledger.ErrNotEnoughShares: 2, ledger.ErrNotEnoughCash: 3, ledger.ErrBadLot: 4,
		ledger.ErrBadPrice: 5, ledger.ErrBadQuantity: 6, ledger.ErrBadSide: 7, ledger.ErrTooLarge: 8, ledger.ErrUnknownExecution: 9,
		ledger.ErrBustBlocked: 10, ledger.ErrBadClientOrderID: 11, ledger.ErrTooManyPositions: 12, ledger.ErrBadReason: 13,
		ledger.ErrNotEnoughSellable: 15, ledger.ErrBadTick: 16, ledger.ErrOutsideBand: 17, ledger.ErrMarketClosed: 18, ledger.ErrHalted: 19,
		ledger.ErrBadOrderType: 20, ledger.ErrBadTimeInForce: 21, ledger.ErrBadExpiry: 22, ledger.ErrTooManyOrders: 23,
		ledger.ErrTooManyClientOrderIDs: 24, ledger.ErrUnknownOrder: 25, ledger.ErrTooLate: 26, ledger.ErrCancelPending: 27,
		ledger.ErrBeforeReset: 28, ledger.ErrBusted: 29, ledger.ErrOverfilled: 30, ledger.ErrBadAmount: 31, ledger.ErrSimulated: 32,
		ledger.ErrBadDirective: 33, ledger.ErrNotStepped: 34, ledger.ErrUnknownCustomer: 35, ledger.ErrBadSeed: 36,
	}
	texts := map[string]bool{ledger.Refusal(0).Error(): true}
	for r, n := range numbers {
		if int(r) != n || texts[r.Error()] && r != ledger.ErrBadPrice && r != ledger.ErrBadTick {
			t.Errorf("refusal %d: number %d, %q", r, n, r.Error())
		}
		texts[r.Error()] = true
	}
	equal(t, "a later refusal", ledger.Refusal(255).Error(), ledger.Refusal(0).Error())
	names := []string{
		ledger.Buy.String(), ledger.Sell.String(), ledger.Side(0).String(), ledger.Opened.String(), ledger.Closed.String(),
		ledger.Increased.String(), ledger.Decreased.String(), ledger.Repriced.String(), ledger.Change(0).String(),
	}
	equal(t, "names", names, []string{"buy", "sell", "unknown", "opened", "closed", "increased", "decreased", "repriced", "unknown"})
}
