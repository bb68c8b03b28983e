package quotes

import (
	"maps"
	"slices"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// state is a market after the message with its sequence number. Goroutine: one at a time.
type state struct {
	epoch, sequence uint64
	time            int64 // everything until then was done
	quotes          map[seed.Key]*quote
	keys            []seed.Key // of quotes, in the order in which they came
}

type quote struct {
	last     ledger.Price // 0: not known
	at       int64        // time of last
	close    ledger.Price // the previous close
	closedAt int64        // 0: no day has closed
	halted   bool
}

// newState returns the state of a desk's market.
func newState(epoch uint64, of *market.Market, now int64) *state {
	s := &state{epoch: epoch, time: now, quotes: make(map[seed.Key]*quote)}
	for n := range of.Len() {
		id := ledger.InstrumentID(n)
		q := s.quote(seed.KeyOf(of.At(id)))
		q.last, q.at, q.halted = of.Last(id), now, of.Halted(id)
		q.close, q.closedAt = of.PreviousClose(id)
	}
	return s
}

func (s *state) quote(k seed.Key) *quote {
	q := s.quotes[k]
	if q == nil {
		q = new(quote)
		s.quotes[k] = q
		s.keys = append(s.keys, k)
	}
	return q
}

func (s *state) apply(events []event) {
	for _, e := range events {
		for _, p := range e.prices {
			switch q := s.quote(p.key); e.kind {
			case desk.MarketMoved, desk.MarketPriced:
				q.last, q.at = p.price, e.time
			case desk.MarketHalted, desk.MarketResumed:
				q.halted = e.kind == desk.MarketHalted
			case desk.MarketClosed:
				q.close, q.closedAt = p.price, e.time
			case desk.MarketOpened:
			}
		}
	}
}

// events returns what makes a desk's market like this one. Orders can only be executed at the new
// prices: bands are first, then halts, and what is not halted is last.
func (s *state) events() []event {
	closes := make(map[int64][]price)
	halted, resumed := event{kind: desk.MarketHalted, time: s.time}, event{kind: desk.MarketResumed, time: s.time}
	moved := event{kind: desk.MarketMoved, time: s.time}
	for _, k := range s.keys {
		q := s.quotes[k]
		if q.closedAt != 0 {
			closes[q.closedAt] = append(closes[q.closedAt], price{k, q.close})
		}
		if q.halted {
			halted.prices = append(halted.prices, price{key: k})
		} else {
			resumed.prices = append(resumed.prices, price{key: k})
		}
		if q.last != 0 {
			moved.prices = append(moved.prices, price{k, q.last})
		}
	}
	var all []event
	for _, at := range slices.Sorted(maps.Keys(closes)) {
		all = append(all, event{desk.MarketClosed, at, closes[at]})
	}
	return append(all, halted, moved, resumed)
}

// otherHalts returns what makes the halts of a desk like those of the state.
func (s *state) otherHalts(of *market.Market) []event {
	halted, resumed := event{kind: desk.MarketHalted, time: s.time}, event{kind: desk.MarketResumed, time: s.time}
	for k, q := range s.quotes {
		switch id, found := of.Find(k.Market, k.Code); {
		case !found || of.Halted(id) == q.halted:
		case q.halted:
			halted.prices = append(halted.prices, price{key: k})
		default:
			resumed.prices = append(resumed.prices, price{key: k})
		}
	}
	return []event{halted, resumed}
}

// numbered returns events for a desk with this market, without the instruments that it does not
// have.
func numbered(events []event, m *market.Market) []desk.MarketEvent {
	all := make([]desk.MarketEvent, 0, len(events))
	for _, e := range events {
		n := desk.MarketEvent{Kind: e.kind, Time: e.time}
		for _, p := range e.prices {
			if id, found := m.Find(p.key.Market, p.key.Code); found {
				n.Prices = append(n.Prices, desk.InstrumentPrice{Instrument: id, Price: p.price})
			}
		}
		if len(n.Prices) > 0 {
			all = append(all, n)
		}
	}
	return all
}
