package simulation

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Config says what to simulate. The zero value simulates nothing.
type Config struct {
	// Orders and PriceMoves are rates per second of the trading clock; 0 means never.
	Orders, PriceMoves float64
	// Random is the seed of the random numbers.
	Random uint64
	// Owns says which customers' accounts may get orders; nil: all.
	Owns func(ledger.Customer) bool
}

// trader moves prices, and trades in the accounts of the second half of the customers. The
// first half is left to people. Instruments and customers that come later do not count, so
// that a seed of the random numbers means the same run.
type trader struct {
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
	start int64
	rate  float64 // per second; 0 means never
	done  uint64
}

// next returns when the next event is due, in Unix nanoseconds.
func (c *schedule) next() int64 {
	if c.rate <= 0 {
		return math.MaxInt64
	}
	after := float64(c.done+1) / c.rate * float64(time.Second)
	if after > float64(market.Latest-c.start) {
		return math.MaxInt64
	}
	return c.start + int64(after)
}

// skip leaves out what is due before a time.
func (c *schedule) skip(until int64) {
	if next := c.next(); next < until {
		c.start += until - next
	}
}

func newTrader(d *desk.Desk, c Config, start int64) *trader {
	t := &trader{
		desk: d, turn: d.NewTurn(),
		random: rand.New(rand.NewPCG(c.Random, 1)),
		walk:   market.NewWalk(d.Market(), c.Random),
		listed: d.Market().Len(),
		moves:  schedule{start: start, rate: c.PriceMoves},
		orders: schedule{start: start, rate: c.Orders},
	}
	all := d.Accounts()
	for _, a := range all[len(all)/2:] {
		if o := a.Owner(); !o.Operator() && !o.Viewer() && (c.Owns == nil || c.Owns(a.Customer())) {
			t.accounts = append(t.accounts, a)
		}
	}
	return t
}

// skip leaves out what is due before a time.
func (t *trader) skip(until int64) {
	t.moves.skip(until)
	t.orders.skip(until)
}

// next returns when the next move or order is due.
func (t *trader) next() int64 { return min(t.moves.next(), t.orders.next()) }

// do makes the next move or order. So their order depends on their rates alone.
func (t *trader) do(ctx context.Context) error {
	move, order := t.moves.next(), t.orders.next()
	if move <= order {
		return t.move(ctx, move)
	}
	return t.order(ctx, order)
}

func (t *trader) move(ctx context.Context, at int64) error {
	t.moves.done++
	id, price, ok := t.walk.Step(at)
	if !ok {
		return nil
	}
	return t.desk.SetPrice(ctx, id, price, at)
}

// order places a random order: a buy, or a sell of shares held. A refusal does not matter.
func (t *trader) order(ctx context.Context, at int64) error {
	t.orders.done++
	if len(t.accounts) == 0 {
		return nil
	}
	a := t.accounts[t.random.IntN(len(t.accounts))]
	id := ledger.InstrumentID(t.random.IntN(t.listed))
	lots := ledger.Quantity(1 + t.random.IntN(100))
	sell := t.random.IntN(2) == 0
	i := t.desk.Market().At(id)
	return t.desk.InTurn(ctx, a, t.turn, func(turn *desk.Turn) {
		order := ledger.NewOrder{
			Side: ledger.Buy, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: id,
			Quantity: max(i.MinimumLot(), lots*i.LotSize()),
		}
		order.Terms.Time = at
		if sellable := turn.Ledger().Sellable(id, at); sellable > 0 && sell {
			order.Side, order.Quantity = ledger.Sell, min(order.Quantity, sellable)
		}
		_, _ = turn.Place(&order)
	})
}
