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

// Walk moves prices at random, always the same way for the same seed, starting prices and
// times. It goes on from the last prices of the market, whoever has set them, and does not
// change the market: the caller of Step calls SetLast.
//
// Goroutine: any, one at a time.
type Walk struct {
	market *Market
	random *rand.Rand
	paths  []path
	phases map[*Rules]*Phase // of the markets with hours
}

type path struct {
	tick, low, high ledger.Price
	rules           *Rules
	phase           *Phase // nil: always open
}

// NewWalk returns a walk of the market's instruments. Those that are added later do not
// move.
func NewWalk(m *Market, seed uint64) *Walk {
	w := &Walk{
		market: m, random: rand.New(rand.NewPCG(seed, streamOfWalk)),
		paths: make([]path, m.Len()), phases: make(map[*Rules]*Phase),
	}
	for n := range w.paths {
		w.paths[n] = w.newPath(m.At(ledger.InstrumentID(n)))
	}
	return w
}

// streamOfWalk makes the walk independent of other sequences with the same seed.
const streamOfWalk = 0x77616c6b

func (w *Walk) newPath(i *Instrument) path {
	low := (i.Last/floor + i.Tick - 1) / i.Tick * i.Tick
	high := min(i.Last*ceiling, ledger.MaxPrice) / i.Tick * i.Tick
	p := path{tick: i.Tick, low: max(low, i.Tick), high: high, rules: i.Rules}
	if i.Rules.Hours != nil {
		if w.phases[i.Rules] == nil {
			w.phases[i.Rules] = new(Phase)
		}
		p.phase = w.phases[i.Rules]
	}
	return p
}

// Step moves the price of one instrument by one to three ticks up or down at time t. It returns
// the instrument and the new price, which stays between a tenth of and ten times the first
// price unless others have moved it beyond that, inside the band of the market, and is never
// below one tick. ok is false if the price
// does not move since the instrument is halted, its market is closed, or there are no
// instruments; that has no influence on which instruments later steps move and by how much. It
// does not allocate.
func (w *Walk) Step(t int64) (id ledger.InstrumentID, price ledger.Price, ok bool) {
	if len(w.paths) == 0 {
		return 0, 0, false
	}
	id = ledger.InstrumentID(w.random.IntN(len(w.paths)))
	ticks := ledger.Price(w.random.IntN(2*maxTicks)) - maxTicks
	if ticks >= 0 {
		ticks++
	}
	p, last := &w.paths[id], w.market.Last(id)
	if w.market.Halted(id) || !p.open(t) {
		return id, last, false
	}
	limits := w.market.Limits(id)
	price = min(max(last+ticks*p.tick, min(p.low, last)), max(p.high, last))
	return id, min(max(price, limits.Low), limits.High), true
}

// open reports whether the market is open at time t.
func (p *path) open(t int64) bool {
	if p.phase == nil {
		return true
	}
	if t < p.phase.From || t >= p.phase.Until {
		*p.phase = p.rules.Phase(t)
	}
	return p.phase.Open
}
