package market_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

func listed(n int) []market.Instrument {
	list := make([]market.Instrument, n)
	for i := range list {
		list[i] = market.Instrument{
			ID: ledger.InstrumentID(i), Market: "ALFA", Code: fmt.Sprint(600100 + i), Name: "Northern Tin",
			Tick: 100, Last: 100_000 + 100*ledger.Price(i),
		}
	}
	return list
}

func open(t testing.TB, list []market.Instrument) *market.Market {
	t.Helper()
	m, err := market.New(list)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMarket(t *testing.T) {
	list := listed(3)
	list[2].Market, list[2].Code = "BETA", list[0].Code
	m := open(t, list)
	if m.Len() != 3 {
		t.Fatalf("%d instruments", m.Len())
	}
	for n, i := range list {
		id, ok := m.Find(i.Market, i.Code)
		i.Rules, i.Lots = m.At(id).Rules, ledger.Lots{Minimum: 1, Step: 1} // the default
		if !ok || id != ledger.InstrumentID(n) || *m.At(id) != i || i.Rules.Name != i.Market || m.Last(id) != i.Last {
			t.Errorf("%s %s: id %d, %v", i.Market, i.Code, id, ok)
		}
	}
	for _, key := range [][2]string{{"ALFA", "1"}, {"BETA", "600101"}, {"", ""}, {"ALFA6", "00100"}} {
		if id, ok := m.Find(key[0], key[1]); ok {
			t.Errorf("%q: id %d", key, id)
		}
	}
	m.SetLast(1, 7)
	if m.Last(1) != 7 || m.Last(0) != list[0].Last || m.At(1).Last != list[1].Last {
		t.Error("the wrong price is set")
	}
	m.SetLast(3, 7)
	m.SetPreviousClose(3, 7, 8)
	if p, at := m.PreviousClose(3); p != 0 || at != 0 {
		t.Error("there is a previous close after the last instrument")
	}
	if m.At(3) != nil || m.Last(3) != 0 || m.SetHalted(3, true) || m.Halted(3) || m.Limits(3) != (market.Span{}) {
		t.Error("there is an instrument after the last")
	}
	list[0].Name = "changed"
	if m.At(0).Name == "changed" {
		t.Error("the list is shared")
	}
}

func TestNewRefuses(t *testing.T) {
	cases := []struct {
		name   string
		change func(*market.Instrument)
		says   string
	}{
		{"no market", func(i *market.Instrument) { i.Market = "" }, `market ""`},
		{"blank in market", func(i *market.Instrument) { i.Market = "A B" }, `market "A B"`},
		{"long market", func(i *market.Instrument) { i.Market = strings.Repeat("x", 65) }, "market"},
		{"no code", func(i *market.Instrument) { i.Code = "" }, `code ""`},
		{"code not printable", func(i *market.Instrument) { i.Code = "6\x07" }, `code "6\a"`},
		{"code not UTF-8", func(i *market.Instrument) { i.Code = "\xff" }, `code "\xff"`},
		{"same code", func(i *market.Instrument) { i.Code = "600100" }, `code "600100": is that of instrument 0`},
		{"name with a line end", func(i *market.Instrument) { i.Name = "a\nb" }, `name "a\nb"`},
		{"lot negative", func(i *market.Instrument) { i.Lots.Step = -1 }, "lot -1: must be 1 or more"},
		{"lot too large", func(i *market.Instrument) { i.Lots.Step = ledger.MaxQuantity + 1 }, "lot 1000000000001"},
		{"minimum negative", func(i *market.Instrument) { i.Lots.Minimum = -1 }, "minimum_lot -1: must be 1 or more"},
		{"minimum too large", func(i *market.Instrument) { i.Lots.Minimum = ledger.MaxQuantity + 1 }, "minimum_lot 1000000000001"},
		{"minimum between lots", func(i *market.Instrument) { i.Lots = ledger.Lots{Minimum: 150, Step: 100} }, "minimum_lot 150: must be a multiple of the lot 100"},
		{"depth negative", func(i *market.Instrument) { i.Depth = -1 }, "depth -1: must be 0 or more"},
		{"depth too large", func(i *market.Instrument) { i.Depth = ledger.MaxQuantity + 1 }, "depth 1000000000001"},
		{"rules of another market", func(i *market.Instrument) { i.Rules = new(market.Rules) }, `market "ALFA": has other rules than the instruments before it`},
		{"tick 0", func(i *market.Instrument) { i.Tick = 0 }, `tick "0.0000"`},
		{"tick too large", func(i *market.Instrument) { i.Tick = ledger.MaxPrice + 1 }, "tick"},
		{"price 0", func(i *market.Instrument) { i.Last = 0 }, `last "0.0000"`},
		{"price below a tick", func(i *market.Instrument) { i.Last = 99 }, `last "0.0099": must be at least one tick`},
		{"price between ticks", func(i *market.Instrument) { i.Last = 150 }, `last "0.0150": must be a multiple of the tick 0.0100`},
		{"price too large", func(i *market.Instrument) { i.Last = ledger.MaxPrice + 100 }, "last"},
		{"id", func(i *market.Instrument) { i.ID = 0 }, "id 0: must be its place"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			list := listed(2)
			c.change(&list[1])
			_, err := market.New(list)
			if !errors.Is(err, market.ErrBadInstrument) || !strings.HasPrefix(err.Error(), "instrument 1: "+c.says) {
				t.Errorf("have %v, want %s", err, c.says)
			}
		})
	}
	if _, err := market.New(make([]market.Instrument, market.MaxInstruments+1)); !errors.Is(err, market.ErrBadInstrument) {
		t.Errorf("too many: %v", err)
	}
}

func TestPricesFromManyGoroutines(t *testing.T) {
	m := open(t, listed(2))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 1000 {
				m.SetLast(1, ledger.Price(n+1))
				if m.Last(1) < 1 {
					t.Error("no price")
				}
			}
		})
	}
	all.Wait()
	if m.Last(1) != 1000 {
		t.Errorf("last price %d", m.Last(1))
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	m := open(t, listed(20))
	w := market.NewWalk(m, 1)
	name, code := "ALFA", "600107"
	for what, do := range map[string]func(){
		"Find":    func() { m.Find(name, code) },
		"SetLast": func() { m.SetLast(3, m.Last(3)+1) },
		"Step":    func() { w.Step(0) },
		"Terms":   func() { m.Terms(3, 0) },
		"Limits":  func() { m.Limits(3) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	m := open(b, listed(20))
	for b.Loop() {
		m.Find("ALFA", "600107")
	}
}

// A market grows while it is read, and a price set meanwhile is not lost.
func TestAddWhileInUse(t *testing.T) {
	list := listed(200)
	m := open(t, list[:1])
	var readers sync.WaitGroup
	grown := make(chan struct{})
	readers.Go(func() {
		for p := ledger.Price(1); ; p++ {
			m.SetLast(0, p)
			if n := m.Len(); m.At(ledger.InstrumentID(n-1)) == nil || m.Last(0) != p {
				t.Errorf("instrument %d is missing, or the price of the first is %d instead of %d", n-1, m.Last(0), p)
			}
			select {
			case <-grown:
				return
			default:
			}
		}
	})
	for n := 1; n < len(list); n++ {
		if err := m.Add(list[n : n+1]); err != nil {
			t.Fatal(err)
		}
	}
	close(grown)
	readers.Wait()
	for n, i := range list {
		if id, ok := m.Find(i.Market, i.Code); !ok || id != ledger.InstrumentID(n) || n > 0 && m.Last(id) != i.Last {
			t.Errorf("%s: id %d, %t, price %d", i.Code, id, ok, m.Last(id))
		}
	}
	for _, wrong := range [][]market.Instrument{{list[0]}, listed(1), {{ID: 200, Market: "ALFA", Code: "x"}}} {
		if err := m.Add(wrong); !errors.Is(err, market.ErrBadInstrument) || m.Len() != 200 {
			t.Errorf("%v; %d instruments", err, m.Len())
		}
	}
}

func TestHalt(t *testing.T) {
	m := open(t, listed(2))
	for n, step := range []struct{ halt, changes bool }{{false, false}, {true, true}, {true, false}, {false, true}} {
		if m.SetHalted(1, step.halt) != step.changes || m.Halted(1) != step.halt || m.Halted(0) {
			t.Errorf("step %d: halted %t and %t", n, m.Halted(0), m.Halted(1))
		}
	}
}

func TestLimits(t *testing.T) {
	list := listed(3)
	rules := &market.Rules{Band: 10_000_000}
	list[0].Rules, list[1].Rules = rules, rules
	list[2].Market = "BETA"
	m := open(t, list)
	check := func(id ledger.InstrumentID, close ledger.Price, want market.Span) {
		t.Helper()
		if got, _ := m.PreviousClose(id); got != close || m.Limits(id) != want {
			t.Errorf("instrument %d: previous close %d, limits %v; want %d, %v", id, got, m.Limits(id), close, want)
		}
	}
	check(0, 100_000, market.Span{Low: 90_000, High: 110_000})
	check(1, 100_100, market.Span{Low: 90_100, High: 110_100})
	check(2, 100_200, market.Span{Low: 0, High: ledger.MaxPrice})
	m.SetLast(0, 105_000)
	check(0, 100_000, market.Span{Low: 90_000, High: 110_000})
	if reserve := m.Terms(0, 0).Reserve; reserve != 110_000 {
		t.Errorf("reserve %d, want the high end of the band", reserve)
	}
	if reserve := m.Terms(2, 0).Reserve; reserve != 100_200 {
		t.Errorf("reserve %d, want the last price", reserve)
	}
	m.SetPreviousClose(0, 200_000, 5)
	if _, at := m.PreviousClose(0); at != 5 {
		t.Errorf("closed at %d", at)
	}
	check(0, 200_000, market.Span{Low: 180_000, High: 220_000})
	check(1, 100_100, market.Span{Low: 90_100, High: 110_100})
}

// The instruments of a market share its rules; the lots and depth of an instrument come first.
func TestRulesAreShared(t *testing.T) {
	alfa := &market.Rules{Name: "ALFA", Lots: ledger.Lots{Step: 100}, Depth: 500}
	list := listed(6)
	list[0].Rules = alfa
	list[1].Lots, list[1].Depth = ledger.Lots{Minimum: 200, Step: 1}, 70
	list[2].Lots = ledger.Lots{Step: 10}
	list[3].Market = "BETA"
	list[4].Market = "BETA"
	list[5].Rules = new(market.Rules)
	m := open(t, list[:5])
	if err := m.Add(list[5:]); err != nil {
		t.Fatal(err)
	}
	for n, want := range []struct {
		rules                *market.Rules
		minimum, size, depth ledger.Quantity
	}{
		{rules: alfa, minimum: 100, size: 100, depth: 500},
		{rules: alfa, minimum: 200, size: 1, depth: 70},
		{rules: alfa, minimum: 10, size: 10, depth: 500},
		{rules: m.At(3).Rules, minimum: 1, size: 1},
		{rules: m.At(3).Rules, minimum: 1, size: 1},
		{rules: alfa, minimum: 100, size: 100, depth: 500},
	} {
		i := m.At(ledger.InstrumentID(n))
		if i.Rules != want.rules || i.MinimumLot() != want.minimum || i.LotSize() != want.size || i.Depth != want.depth {
			t.Errorf("instrument %d: %+v", n, i)
		}
		if lots := m.Terms(i.ID, 0).Lots; lots != (ledger.Lots{Minimum: want.minimum, Step: want.size}) {
			t.Errorf("instrument %d: terms with lots %+v", n, lots)
		}
	}
	if rules := m.Rules(); len(rules) != 2 || rules[0] != alfa || rules[1] != m.At(3).Rules || rules[1].Name != "BETA" {
		t.Errorf("rules %+v", rules)
	}
	if i := (market.Instrument{Tick: 5}); !i.ValidTick(10) || i.ValidTick(11) || i.ValidTick(0) || i.ValidTick(-5) {
		t.Error("wrong ticks")
	}
}

func TestNewRefusesRules(t *testing.T) {
	list := listed(1)
	list[0].Rules = &market.Rules{Band: -1}
	if _, err := market.New(list); !errors.Is(err, market.ErrBadRules) {
		t.Error(err)
	}
}
