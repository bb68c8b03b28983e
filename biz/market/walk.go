package market

import (
	"math/rand/v2"

	"holdfast/biz/ledger"
)

const (
	maxTicks = 3  // the largest move of a step
	floor    = 10 // the lowest price is the first price / floor
	ceiling  = 10 // the highest price is the first price x ceiling
)

// Walk moves prices at random, always the same way for the same seed. It has separate
// prices and does not change the market: the caller of Step calls SetLast.
//
// Goroutine: any, one at a time.
type Walk struct {
	random *rand.Rand
	paths  []path
}

type path struct{ price, tick, low, high ledger.Price }

// NewWalk returns a walk that starts at the first prices of the market's instruments.
func NewWalk(m *Market, seed uint64) *Walk {
	w := &Walk{random: rand.New(rand.NewPCG(seed, streamOfWalk)), paths: make([]path, m.Len())}
	for n := range w.paths {
		w.paths[n] = newPath(m.At(ledger.InstrumentID(n)))
	}
	return w
}

// streamOfWalk makes the walk independent of other sequences with the same seed.
const streamOfWalk = 0x77616c6b

func newPath(i *Instrument) path {
	low := (i.Last/floor + i.Tick - 1) / i.Tick * i.Tick
	high := min(i.Last*ceiling, ledger.MaxPrice) / i.Tick * i.Tick
	return path{price: i.Last, tick: i.Tick, low: max(low, i.Tick), high: high}
}

// Step moves the price of one instrument by one to three ticks up or down. It returns the
// instrument and the new price, which stays between a tenth of and ten times the first
// price, and is never below one tick. Without instruments Step returns 0 and 0. It does
// not allocate.
func (w *Walk) Step() (ledger.InstrumentID, ledger.Price) {
	if len(w.paths) == 0 {
		return 0, 0
	}
	n := w.random.IntN(len(w.paths))
	ticks := ledger.Price(w.random.IntN(2*maxTicks)) - maxTicks
	if ticks >= 0 {
		ticks++
	}
	p := &w.paths[n]
	p.price = min(max(p.price+ticks*p.tick, p.low), p.high)
	return ledger.InstrumentID(n), p.price
}
