package market_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// plainBook is an order book that searches and counts share by share.
type plainBook struct {
	price, tick ledger.Price
	limits      market.Span
	depth       ledger.Quantity
	taken       map[ledger.Side]ledger.Quantity
	orders      map[ledger.OrderID]*ledger.Order
}

// next takes the next share for a side; 0 without one.
func (b *plainBook) next(side ledger.Side, limit ledger.Price) ledger.Price {
	level := ledger.Price(0)
	if b.depth > 0 {
		level = ledger.Price(b.taken[side] / b.depth)
	}
	p := b.price + level*b.tick
	if side == ledger.Sell {
		p = b.price - level*b.tick
	}
	outside := level > 0 && (p < b.limits.Low || p > b.limits.High)
	if outside || p <= 0 || limit != 0 && (side == ledger.Buy && p > limit || side == ledger.Sell && p < limit) {
		return 0
	}
	b.taken[side]++
	return p
}

// match returns the executions by share and the triggered orders of the present price.
func (b *plainBook) match() (shares []ledger.Offer, whose, triggered []ledger.OrderID) {
	for _, side := range []ledger.Side{ledger.Buy, ledger.Sell} {
		var queue []*ledger.Order
		for _, o := range b.orders {
			if o.Side == side && !o.Held && (!o.Type.HasStop() || o.Triggered) {
				queue = append(queue, o)
			}
		}
		slices.SortFunc(queue, func(x, y *ledger.Order) int {
			byPrice := cmp.Compare(y.Price, x.Price)
			if side == ledger.Sell {
				byPrice = -byPrice
			}
			return cmp.Or(byPrice, cmp.Compare(x.Priority, y.Priority))
		})
		for _, o := range queue {
			for range o.Leaves() {
				p := b.next(side, o.Price)
				if p == 0 {
					break
				}
				shares, whose = append(shares, ledger.Offer{Quantity: 1, Price: p}), append(whose, o.ID)
			}
		}
	}
	for _, side := range []ledger.Side{ledger.Buy, ledger.Sell} {
		var queue []*ledger.Order
		for _, o := range b.orders {
			waits := o.Side == side && !o.Held && o.Type.HasStop() && !o.Triggered
			if waits && (side == ledger.Buy && b.price >= o.Stop || side == ledger.Sell && b.price <= o.Stop) {
				queue = append(queue, o)
			}
		}
		slices.SortFunc(queue, func(x, y *ledger.Order) int {
			byPrice := cmp.Compare(x.Stop, y.Stop)
			if side == ledger.Sell {
				byPrice = -byPrice
			}
			return cmp.Or(byPrice, cmp.Compare(x.Priority, y.Priority))
		})
		for _, o := range queue {
			triggered = append(triggered, o.ID)
		}
	}
	return shares, whose, triggered
}

// TestOrderBookIsLikeAPlainOne: orders come, change and end, and prices move, at random.
func TestOrderBookIsLikeAPlainOne(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		plain := plainBook{tick: 5, depth: ledger.Quantity(random.IntN(4)) * 5, taken: make(map[ledger.Side]ledger.Quantity), orders: make(map[ledger.OrderID]*ledger.Order)}
		book := market.NewOrderBook(plain.tick, plain.depth)
		var expiries market.Expiries
		put := func(o *ledger.Order) {
			now, before := book.Put(o)
			switch {
			case now != nil:
				expiries.Put(now)
			case before != nil:
				expiries.Remove(before)
			}
		}
		move := func() {
			plain.price = ledger.Price(1+random.IntN(12)) * 5
			plain.limits = market.Span{Low: plain.price - ledger.Price(random.IntN(6))*5, High: plain.price + ledger.Price(random.IntN(6))*5}
			clear(plain.taken)
			book.Step(plain.price, plain.limits)
		}
		move()
		for n := range 400 {
			switch random.IntN(8) {
			case 0, 1, 2: // a new order
				o := &ledger.Order{
					ID: ledger.NewOrderID(1, uint32(n+1)), Status: ledger.New, Side: ledger.Side(1 + random.IntN(2)), Type: ledger.Limit,
					Quantity: ledger.Quantity(1 + random.IntN(30)), Price: ledger.Price(1+random.IntN(12)) * 5, Priority: book.NextPriority(),
					Expires: int64(random.IntN(20)), Held: random.IntN(10) == 0,
				}
				if random.IntN(3) == 0 {
					o.Type, o.Stop = ledger.StopLimit, ledger.Price(1+random.IntN(12))*5
				}
				plain.orders[o.ID] = o
				put(o)
			case 3, 4: // a change
				for _, id := range someOrder(plain.orders, random) {
					o := plain.orders[id]
					o.Quantity, o.Expires = o.Filled+1+ledger.Quantity(random.IntN(20)), int64(random.IntN(20))
					if random.IntN(2) == 0 {
						o.Price, o.Priority = ledger.Price(1+random.IntN(12))*5, book.NextPriority()
					}
					put(o)
				}
			case 5: // an end
				for _, id := range someOrder(plain.orders, random) {
					o := plain.orders[id]
					o.Status = ledger.Cancelled
					put(o)
					delete(plain.orders, id)
				}
			default:
				move()
				plain.checkMatch(t, book, put)
			}
			expire := 0
			for _, o := range plain.orders {
				if o.Expires != 0 {
					expire++
				}
			}
			if book.Len() != len(plain.orders) || expiries.Len() != expire {
				t.Fatalf("seed %d, %d: %d orders, %d expire; want %d, %d", seed, n, book.Len(), expiries.Len(), len(plain.orders), expire)
			}
			if at, id, ok := expiries.Next(); ok && slices.ContainsFunc(slices.Collect(maps.Keys(plain.orders)), func(x ledger.OrderID) bool {
				e := plain.orders[x].Expires
				return e != 0 && (e < at || e == at && x < id)
			}) {
				t.Fatalf("seed %d, %d: the next to expire is %s at %d", seed, n, id, at)
			}
		}
	}
}

// someOrder returns the id of an order, if there is one.
func someOrder(orders map[ledger.OrderID]*ledger.Order, random *rand.Rand) []ledger.OrderID {
	ids := slices.Sorted(maps.Keys(orders))
	if len(ids) == 0 {
		return nil
	}
	n := random.IntN(len(ids))
	return ids[n : n+1]
}

// checkMatch compares a match of both books, and applies it to the orders.
func (b *plainBook) checkMatch(t *testing.T, book *market.OrderBook, put func(*ledger.Order)) {
	t.Helper()
	matches := book.Match(nil)
	shares, whose, triggered := b.match()
	var gotShares []ledger.Offer
	var gotWhose, gotTriggered []ledger.OrderID
	for _, m := range matches {
		if m.Trigger {
			gotTriggered = append(gotTriggered, m.Order)
		}
		for range m.Offer.Quantity {
			gotShares, gotWhose = append(gotShares, ledger.Offer{Quantity: 1, Price: m.Offer.Price}), append(gotWhose, m.Order)
		}
	}
	if !slices.Equal(gotShares, shares) || !slices.Equal(gotWhose, whose) || !slices.Equal(gotTriggered, triggered) {
		t.Fatalf("at %s: executions %v of %v, triggers %v;\nwant %v of %v, triggers %v", b.price, gotShares, gotWhose, gotTriggered, shares, whose, triggered)
	}
	for _, id := range whose {
		b.orders[id].Filled++
	}
	for _, id := range triggered {
		b.orders[id].Triggered = true
	}
	for _, id := range slices.Concat(whose, triggered) {
		o, found := b.orders[id]
		if !found {
			continue
		}
		if o.Filled == o.Quantity {
			o.Status = ledger.Filled
			delete(b.orders, id)
		}
		put(o)
	}
}
