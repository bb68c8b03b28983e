package ledger_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/ledger"
)

// priced is an account and the last prices of its positions.
type priced struct {
	account *ledger.Account
	last    map[ledger.InstrumentID]ledger.Price
	all     []ledger.Execution
}

// anyPrice draws small prices and some that make positions worth more than an int64
// holds, or that no instrument should have.
func anyPrice(t *rapid.T) ledger.Price {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(1, 90), func(n int) ledger.Price { return ledger.Price(n) }),
		rapid.SampledFrom([]ledger.Price{0, -1, math.MinInt64, ledger.MaxPrice, math.MaxInt64}),
	).Draw(t, "price")
}

func newPriced(t *rapid.T) *priced {
	p := &priced{last: make(map[ledger.InstrumentID]ledger.Price)}
	holdings := []ledger.Holding{
		{Instrument: 1, Quantity: 100, Cost: 997}, {Instrument: 4, Quantity: 7}, {Instrument: 2, Quantity: ledger.MaxQuantity},
		{Instrument: 5, Quantity: ledger.MaxQuantity}, {Instrument: 6, Quantity: ledger.MaxQuantity / 3},
	}
	holdings = holdings[:rapid.IntRange(0, len(holdings)).Draw(t, "holdings")]
	a, err := ledger.NewAccount(customer, ledger.Opening{Cash: 1_000_000, Holdings: holdings}, ledger.Options{Recent: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	p.account = a
	return p
}

// happened records the price of a row that was opened or traded. A bust does not change the
// price of a row.
func (p *priced) happened(e *ledger.Event) {
	switch {
	case e.Change == ledger.Closed:
		delete(p.last, e.Execution.Instrument)
	case e.Kind == ledger.KindFill || e.Change == ledger.Opened:
		p.last[e.Execution.Instrument] = e.Execution.Price
	}
}

func (p *priced) order(t *rapid.T) {
	o := marketOrder(rapid.SampledFrom([]ledger.Side{ledger.Buy, ledger.Sell}).Draw(t, "side"),
		ledger.InstrumentID(rapid.IntRange(0, 6).Draw(t, "instrument")), ledger.Quantity(rapid.IntRange(1, 100).Draw(t, "quantity")))
	events, err := try(p.account, deal{o, ledger.Price(rapid.IntRange(1, 90).Draw(t, "price"))})
	if err == nil {
		p.all = append(p.all, events[0].Execution)
		p.happened(&events[0])
	}
}

func (p *priced) bust(t *rapid.T) {
	if len(p.all) == 0 {
		return
	}
	x := rapid.SampledFrom(p.all).Draw(t, "execution")
	events, _ := p.account.Bust(nil, bustOf(p.account, x))
	for i := range events {
		p.happened(&events[i])
	}
}

func (p *priced) reset(t *rapid.T) {
	if _, err := p.account.Reset(nil, "", 0); err != nil {
		t.Fatal(err)
	}
	last := p.last
	p.last = make(map[ledger.InstrumentID]ledger.Price)
	for _, row := range p.account.Positions(nil) {
		p.last[row.Instrument] = last[row.Instrument]
	}
}

func (p *priced) reprice(t *rapid.T) {
	id := ledger.InstrumentID(rapid.IntRange(0, 7).Draw(t, "instrument"))
	last := anyPrice(t)
	before := p.account.Hash()
	p.account.Reprice(id, last)
	if p.account.Hash() != before {
		t.Fatal("a price has changed the state")
	}
	if _, held := p.account.Position(id); held {
		p.last[id] = last
	}
}

func (p *priced) revalue(t *rapid.T) {
	market := make(prices)
	for id := range ledger.InstrumentID(7) {
		market[id] = anyPrice(t)
	}
	p.setAll(t, market)
}

func (p *priced) setAll(t *rapid.T, market prices) {
	for _, row := range p.account.Positions(nil) {
		p.last[row.Instrument] = market[row.Instrument]
	}
	if have, want := p.account.Revalue(market), p.sum(); have != want {
		t.Fatalf("Revalue returns %d, want %d", have, want)
	}
}

// restart continues with an account restored from its state, which has no prices.
func (p *priced) restart(t *rapid.T) {
	a, err := restored(p.account, ledger.Options{Recent: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	p.account = a
	clear(p.last)
	p.check(t)
	p.revalue(t)
}

// sum adds the values of all positions without limits, and limits the sum at the end.
func (p *priced) sum() ledger.Money {
	sum := new(big.Int)
	for _, row := range p.account.Positions(nil) {
		value := new(big.Int).Mul(big.NewInt(int64(row.Quantity)), big.NewInt(max(int64(p.last[row.Instrument]), 0)))
		if value.Cmp(big.NewInt(int64(ledger.MaxMoney))) > 0 {
			value.SetInt64(int64(ledger.MaxMoney))
		}
		sum.Add(sum, value)
	}
	if !sum.IsInt64() {
		return math.MaxInt64
	}
	return ledger.Money(sum.Int64())
}

func (p *priced) check(t *rapid.T) {
	if have, want := p.account.MarketValue(), p.sum(); have != want {
		t.Fatalf("market value %d, the sum is %d", have, want)
	}
}

// TestMarketValueIsTheSum: the market value of an account is always the sum over its
// positions at their last prices.
func TestMarketValueIsTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPriced(t)
		t.Repeat(map[string]func(*rapid.T){
			"order": p.order, "order again": p.order, "bust": p.bust, "reprice": p.reprice, "reprice again": p.reprice,
			"revalue": p.revalue, "restart": p.restart, "reset": p.reset, "": p.check,
		})
	})
}

// TestMarketValueStops: the largest number of positions with the largest value.
func TestMarketValueStops(t *testing.T) {
	var holdings []ledger.Holding
	for id := range ledger.InstrumentID(ledger.MaxRows) {
		holdings = append(holdings, ledger.Holding{Instrument: id, Quantity: ledger.MaxQuantity})
	}
	a := open(t, 0, holdings...)
	equal(t, "without prices", a.MarketValue(), 0)
	for id := range ledger.InstrumentID(ledger.MaxRows) {
		a.Reprice(id, ledger.MaxPrice)
		want := ledger.Money(math.MaxInt64)
		if id < 2 {
			want = ledger.MaxMoney * ledger.Money(id+1)
		}
		equal(t, fmt.Sprint(id+1, " rows"), a.MarketValue(), want)
	}
	for id := ledger.InstrumentID(2); id < ledger.MaxRows; id++ { // and back
		a.Reprice(id, 0)
	}
	equal(t, "two rows again", a.MarketValue(), 2*ledger.MaxMoney)
}

// BenchmarkMarketValue shows what a price move costs an account: the same for any
// number of positions, but for the search of the row.
func BenchmarkMarketValue(b *testing.B) {
	for _, rows := range []int{1, 100, ledger.MaxRows} {
		b.Run(fmt.Sprint(rows, " rows"), func(b *testing.B) {
			var holdings []ledger.Holding
			for n := range rows {
				holdings = append(holdings, ledger.Holding{Instrument: ledger.InstrumentID(n), Quantity: 100})
			}
			a := open(b, 0, holdings...)
			b.ReportAllocs()
			defer reportCPU(b)()
			var sum ledger.Money
			for n := 0; b.Loop(); n++ {
				a.Reprice(ledger.InstrumentID(n%rows), ten+ledger.Price(n))
				sum += a.MarketValue()
			}
			if sum == 0 {
				b.Error("worth nothing")
			}
		})
	}
}
