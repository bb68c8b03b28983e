package simulation

import (
	"context"
	"math/rand/v2"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Config says what to simulate. The zero value simulates nothing.
type Config struct {
	// Orders and PriceMoves are rates per second; 0 means never.
	Orders, PriceMoves float64
	// Random is the seed of the random numbers.
	Random uint64
	// Now is the clock of the orders; nil means time.Now.
	Now func() time.Time
}

// Active reports whether there is anything to simulate.
func (c Config) Active() bool { return c.Orders > 0 || c.PriceMoves > 0 }

// tick is how often the simulation looks at the clock.
const tick = 10 * time.Millisecond

// simulator trades in the accounts of the second half of the customers. The first half is
// left to people. Instruments and customers that come later do not count, so that a seed of
// the random numbers means the same run.
type simulator struct {
	config   Config
	desk     *desk.Desk
	turn     *desk.Turn
	random   *rand.Rand
	walk     *market.Walk
	accounts []*desk.Account
	listed   int // instruments
	moves    schedule
	orders   schedule
}

// schedule says when events at a fixed rate are due.
type schedule struct {
	rate float64 // per second; 0 means never
	done uint64
}

// next returns when the next event is due, in seconds from the start.
func (c *schedule) next() float64 { return float64(c.done+1) / c.rate }

// Run simulates until ctx ends. The desk must have started.
func Run(ctx context.Context, d *desk.Desk, c Config) {
	m := newSimulator(d, c)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	elapsed := 0.0 // seconds
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			elapsed += min(now.Sub(last), time.Second).Seconds()
			last = now
		}
		m.advance(elapsed)
	}
}

func newSimulator(d *desk.Desk, c Config) *simulator {
	if c.Now == nil {
		c.Now = time.Now
	}
	m := &simulator{
		config: c, desk: d, turn: d.NewTurn(),
		random: rand.New(rand.NewPCG(c.Random, 1)),
		walk:   market.NewWalk(d.Market(), c.Random),
		listed: d.Market().Len(),
		moves:  schedule{rate: c.PriceMoves},
		orders: schedule{rate: c.Orders},
	}
	all := d.Accounts()
	for _, a := range all[len(all)/2:] {
		if !a.Owner().Operator() {
			m.accounts = append(m.accounts, a)
		}
	}
	return m
}

// advance does everything that is due at elapsed (seconds from the start), in order of due
// time. So the order of moves and orders depends on their rates, not on the ticks.
func (m *simulator) advance(elapsed float64) {
	for {
		move, order := m.moves.next(), m.orders.next()
		switch {
		case min(move, order) > elapsed:
			return
		case move <= order:
			m.moves.done++
			m.desk.SetPrice(m.walk.Step())
		default:
			m.orders.done++
			m.order()
		}
	}
}

// order places a random order: a buy, or a sell of shares held. A refusal does not matter.
func (m *simulator) order() {
	if len(m.accounts) == 0 {
		return
	}
	a := m.accounts[m.random.IntN(len(m.accounts))]
	id := ledger.InstrumentID(m.random.IntN(m.listed))
	lots := ledger.Quantity(1 + m.random.IntN(100))
	sell := m.random.IntN(2) == 0
	_ = a.Do(m.turn, func(t *desk.Turn) {
		var order ledger.Order
		m.desk.MarketOrder(&order, ledger.Buy, id, lots*m.desk.Market().At(id).Lot, m.config.Now().UnixNano())
		if row, ok := t.Ledger().Position(id); ok && sell {
			order.Side, order.Quantity = ledger.Sell, min(order.Quantity, row.Quantity)
		}
		_, _ = t.Place(&order)
	})
}
