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
			Lot: 1, Tick: 100, Last: 100_000 + 100*ledger.Price(i),
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
		if !ok || id != ledger.InstrumentID(n) || *m.At(id) != i || m.Last(id) != i.Last {
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
	if m.At(3) != nil || m.Last(3) != 0 {
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
		{"lot 0", func(i *market.Instrument) { i.Lot = 0 }, "lot 0"},
		{"lot negative", func(i *market.Instrument) { i.Lot = -1 }, "lot -1"},
		{"lot too large", func(i *market.Instrument) { i.Lot = ledger.MaxQuantity + 1 }, "lot"},
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
		"Step":    func() { w.Step() },
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
