package market_test

import (
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

func TestWalkIsTheSameForTheSameSeed(t *testing.T) {
	m := open(t, listed(5))
	a, b, other := market.NewWalk(m, 1), market.NewWalk(m, 1), market.NewWalk(m, 2)
	differ := 0
	for n := range 1000 {
		idA, priceA := a.Step()
		idB, priceB := b.Step()
		idO, priceO := other.Step()
		if idA != idB || priceA != priceB {
			t.Fatalf("step %d: %d at %s and %d at %s", n, idA, priceA, idB, priceB)
		}
		if idA != idO || priceA != priceO {
			differ++
		}
		m.SetLast(idA, 1) // must not matter
	}
	if differ < 500 {
		t.Errorf("another seed differs in %d steps only", differ)
	}
}

// The first steps of seed 1 must never change, so that demonstrations can be repeated.
func TestWalkOfSeedOne(t *testing.T) {
	w := market.NewWalk(open(t, listed(5)), 1)
	for n, want := range firstSteps {
		if id, price := w.Step(); id != want.id || price != want.price {
			t.Errorf("step %d: {%d, %d}, want %v", n, id, price, want)
		}
	}
}

var firstSteps = []struct {
	id    ledger.InstrumentID
	price ledger.Price
}{{4, 100500}, {1, 100200}, {2, 100300}, {2, 100000}, {3, 100500}, {3, 100600}}

func TestWalkMovesByTicksAndReachesAll(t *testing.T) {
	list := listed(4)
	m := open(t, list)
	w := market.NewWalk(m, 7)
	moves := map[ledger.Price]int{}
	stepped := map[ledger.InstrumentID]int{}
	for range 4000 {
		id, price := w.Step()
		moves[(price-m.Last(id))/list[id].Tick]++
		stepped[id]++
		m.SetLast(id, price)
	}
	for ticks := ledger.Price(-3); ticks <= 3; ticks++ {
		if (moves[ticks] > 0) != (ticks != 0) {
			t.Errorf("%d moves of %d ticks", moves[ticks], ticks)
		}
	}
	if len(moves) != 6 || len(stepped) != 4 {
		t.Errorf("moves %v, instruments %v", moves, stepped)
	}
}

func TestWalkStaysWithinItsBounds(t *testing.T) {
	cases := []struct {
		name            string
		tick, last      ledger.Price
		lowest, highest ledger.Price
	}{
		{"a tenth to tenfold", 1, 100, 10, 1000},
		{"a tenth is between ticks", 100, 1100, 200, 11_000},
		{"never below a tick", 100, 300, 100, 3000},
		{"single tick", 7, 7, 7, 70},
		{"highest price there is", 1_000_000_000_000, ledger.MaxPrice, 1_000_000_000_000, ledger.MaxPrice},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			list := listed(1)
			list[0].Tick, list[0].Last = c.tick, c.last
			w := market.NewWalk(open(t, list), 3)
			low, high := c.last, c.last
			for range 3_000_000 {
				_, p := w.Step()
				low, high = min(low, p), max(high, p)
				if p%c.tick != 0 {
					t.Fatalf("price %d is between ticks", p)
				}
				if low == c.lowest && high == c.highest {
					break
				}
			}
			if low != c.lowest || high != c.highest {
				t.Errorf("went from %d to %d, want %d to %d", low, high, c.lowest, c.highest)
			}
		})
	}
}

func TestWalkWithoutInstruments(t *testing.T) {
	if id, price := market.NewWalk(open(t, nil), 1).Step(); id != 0 || price != 0 {
		t.Errorf("%d at %s", id, price)
	}
}
