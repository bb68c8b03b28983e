package trading

import (
	"context"
	"math/rand/v2"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Simulation is what the server does by itself so that clients see updates
// without anyone typing. The same Random gives the same orders and price moves.
type Simulation struct {
	// Orders and PriceMoves are rates per second; 0 is none.
	Orders, PriceMoves float64
	Random             uint64
}

func (m Simulation) active() bool { return m.Orders > 0 || m.PriceMoves > 0 }

// simulationTick is how often the simulation does what is due.
const simulationTick = 10 * time.Millisecond

// simulator trades on the second half of the customers, so that the first half
// stays as its owners left it.
type simulator struct {
	service  *Service
	work     *workspace
	random   *rand.Rand
	walk     *market.Walk
	accounts []*account
	moves    schedule
	orders   schedule
}

// schedule says when things are due that happen at a fixed rate.
type schedule struct {
	rate float64 // a second; 0 is never
	done uint64
}

// next returns when the next one is due, in seconds from the start.
func (c *schedule) next() float64 { return float64(c.done+1) / c.rate }

// simulate runs until ctx ends.
func (s *Service) simulate(ctx context.Context) {
	m := &simulator{
		service: s, work: newWorkspace(),
		random: rand.New(rand.NewPCG(s.config.Simulation.Random, 1)),
		walk:   market.NewWalk(s.market, s.config.Simulation.Random),
		moves:  schedule{rate: s.config.Simulation.PriceMoves},
		orders: schedule{rate: s.config.Simulation.Orders},
	}
	for _, a := range s.order[len(s.order)/2:] {
		if !a.operator {
			m.accounts = append(m.accounts, a)
		}
	}
	ticker := time.NewTicker(simulationTick)
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

// advance does what is due by then, each thing in its turn: how moves and orders
// mix depends on their rates and not on when the ticks come.
func (m *simulator) advance(elapsed float64) {
	for {
		move, order := m.moves.next(), m.orders.next()
		switch {
		case min(move, order) > elapsed:
			return
		case move <= order:
			m.moves.done++
			m.move()
		default:
			m.orders.done++
			m.order()
		}
	}
}

// move changes one price.
func (m *simulator) move() {
	id, price := m.walk.Step()
	m.service.market.SetLast(id, price)
	m.service.quotes.mark(id)
}

// order buys, or sells some of what there is; one that is refused is no matter.
func (m *simulator) order() {
	if len(m.accounts) == 0 {
		return
	}
	a := m.accounts[m.random.IntN(len(m.accounts))]
	id := ledger.InstrumentID(m.random.IntN(m.service.market.Len()))
	lots := ledger.Quantity(1 + m.random.IntN(100))
	sell := m.random.IntN(2) == 0
	a.mu.Lock()
	defer a.mu.Unlock()
	now := m.service.config.Now().UnixNano()
	order := m.service.marketOrder(ledger.ClientOrderID{}, ledger.Buy, id, lots*m.service.market.At(id).Lot, now)
	if row, ok := a.ledger.Position(id); ok && sell {
		order.Side = ledger.Sell
		if order.Quantity >= row.Quantity {
			order.Quantity = row.Quantity
		}
	}
	m.service.place(nil, m.work, a, order)
}
