package market_test

import (
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// walking is a walk with its market.
type walking struct {
	*market.Market
	*market.Walk
}

func newWalk(t *testing.T, list []market.Instrument, seed uint64) walking {
	t.Helper()
	m := open(t, list)
	return walking{m, market.NewWalk(m, seed)}
}

// step makes a step and moves the last price.
func (w walking) step(at int64) (ledger.InstrumentID, ledger.Price, bool) {
	id, price, ok := w.Step(at)
	if ok {
		w.SetLast(id, price)
	}
	return id, price, ok
}

func TestWalkIsTheSameForTheSameSeed(t *testing.T) {
	a, b, other := newWalk(t, listed(5), 1), newWalk(t, listed(5), 1), newWalk(t, listed(5), 2)
	differ := 0
	for n := range 1000 {
		idA, priceA, _ := a.step(0)
		idB, priceB, _ := b.step(0)
		idO, priceO, _ := other.step(0)
		if idA != idB || priceA != priceB {
			t.Fatalf("step %d: %d at %s and %d at %s", n, idA, priceA, idB, priceB)
		}
		if idA != idO || priceA != priceO {
			differ++
		}
	}
	if differ < 500 {
		t.Errorf("another seed differs in %d steps only", differ)
	}
}

// The first steps of seed 1 must never change, so that demonstrations can be repeated.
func TestWalkOfSeedOne(t *testing.T) {
	w := newWalk(t, listed(5), 1)
	for n, want := range firstSteps {
		if id, price, ok := w.step(0); id != want.id || price != want.price || !ok {
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
		id, price, _ := w.Step(0)
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
			w := newWalk(t, list, 3)
			low, high := c.last, c.last
			for range 3_000_000 {
				_, p, _ := w.step(0)
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
	if id, price, ok := market.NewWalk(open(t, nil), 1).Step(0); id != 0 || price != 0 || ok {
		t.Errorf("%d at %s", id, price)
	}
}

func TestWalkStartsAtTheLastPrices(t *testing.T) {
	list := listed(5)
	m := open(t, list)
	for n := range list {
		m.SetLast(ledger.InstrumentID(n), list[n].Last+5000)
	}
	w := walking{m, market.NewWalk(m, 1)}
	for n, want := range firstSteps {
		if id, price, ok := w.step(0); id != want.id || price != want.price+5000 || !ok {
			t.Errorf("step %d: {%d, %d}, want %v and 5000 more", n, id, price, want)
		}
	}
}

// The walk goes on from where others have moved the price, also far outside its bounds, which
// it does not leave again at once.
func TestWalkGoesOnFromTheLastPrice(t *testing.T) {
	for name, to := range map[string]ledger.Price{"near": 105_000, "far above": 5_000_000, "far below": 100} {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, listed(1), 1)
			w.step(0)
			w.SetLast(0, to)
			if _, p, _ := w.step(0); p < to-300 || p > to+300 {
				t.Errorf("went to %d from %d", p, to)
			}
		})
	}
}

func TestWalkStaysInsideTheBand(t *testing.T) {
	list := listed(1)
	list[0].Rules = &market.Rules{Band: 1_000_000}
	m := open(t, list)
	w := walking{m, market.NewWalk(m, 1)}
	for _, close := range []ledger.Price{100_000, 101_000} {
		m.SetPreviousClose(0, close, 1)
		seen := market.Span{Low: ledger.MaxPrice}
		for range 10_000 {
			_, p, _ := w.step(0)
			seen.Low, seen.High = min(seen.Low, p), max(seen.High, p)
		}
		if seen != m.Limits(0) {
			t.Errorf("previous close %d: went through %v, want all of %v", close, seen, m.Limits(0))
		}
	}
}

// What is halted or closed does not move, and changes nothing for the other instruments: the
// others make the same steps.
func TestWalkWithHaltsAndHours(t *testing.T) {
	list := listed(4)
	list[1].Market, list[1].Rules = "BETA", &market.Rules{Hours: &market.Hours{Sessions: []market.Session{{Open: 36_000, Close: 39_600}}, Weekdays: market.AllWeekdays}}
	m := open(t, list)
	w, free := walking{m, market.NewWalk(m, 9)}, newWalk(t, listed(4), 9)
	moved, still := map[ledger.InstrumentID]int{}, map[ledger.InstrumentID]int{}
	const second = 1_000_000_000
	for n := range int64(24 * 3600) {
		m.SetHalted(2, n%2 == 0)
		before := m.Last(1)
		id, price, ok := w.step(n * second)
		freeID, freePrice, _ := free.step(n * second)
		isOpen := n >= 36_000 && n < 39_600
		switch want := id != 1 && id != 2 || id == 1 && isOpen || id == 2 && n%2 == 1; {
		case id != freeID || ok != want:
			t.Fatalf("second %d: instrument %d, %t, want %d, %t", n, id, ok, freeID, want)
		case (id == 0 || id == 3) && price != freePrice:
			t.Fatalf("second %d: instrument %d goes to %d, not %d", n, id, price, freePrice)
		case id == 1 && !ok && price != before:
			t.Fatalf("second %d: moved to %d", n, price)
		}
		if ok {
			moved[id]++
		} else {
			still[id]++
		}
	}
	if len(moved) != 4 || len(still) != 2 {
		t.Errorf("moved %v, did not move %v", moved, still)
	}
}
