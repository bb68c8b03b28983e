package market

import (
	"math/rand/v2"

	"holdfast/biz/ledger"
)

const (
	maxTicks = 3  // the largest move of a step
	floor    = 10 // lowest price is the first one / floor
	ceiling  = 10 // highest price is the first one x ceiling
)

// Walk moves prices at random, the same way for the same seed. It has prices of
// its own and leaves the market's alone: whoever steps it calls SetLast.
//
// Goroutine: any, one at a time.
type Walk struct {
	random *rand.Rand
	paths  []path
}

type path struct{ price, tick, low, high ledger.Price }

// NewWalk starts a walk at the first prices of the market's instruments.
func NewWalk(m *Market, seed uint64) *Walk {
	w := &Walk{random: rand.New(rand.NewPCG(seed, streamOfWalk)), paths: make([]path, m.Len())}
	for n := range w.paths {
		w.paths[n] = newPath(&m.instruments[n])
	}
	return w
}

// streamOfWalk keeps the walk apart from other sequences of the same seed.
const streamOfWalk = 0x77616c6b

func newPath(i *Instrument) path {
	low := (i.Last/floor + i.Tick - 1) / i.Tick * i.Tick
	high := min(i.Last*ceiling, ledger.MaxPrice) / i.Tick * i.Tick
	return path{price: i.Last, tick: i.Tick, low: max(low, i.Tick), high: high}
}

// Step moves one instrument by one to three ticks up or down and returns it with
// its new price, which stays within a tenth and ten times its first price and is
// never below one tick. A market without instruments gives 0 and 0. It does not
// allocate.
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
