package market

import (
	"math"

	"holdfast/biz/ledger"
)

// maxLevels is how many prices an order walks through at most; what is left then finds no
// offer.
const maxLevels = 100

// Resting is an order in a book. Only its book changes it.
type Resting struct {
	Order ledger.OrderID
	// Expires is when the order expires; 0: never.
	Expires  int64
	price    ledger.Price // the limit, or the stop price while it waits for that
	leaves   ledger.Quantity
	priority uint64
	queue    queueKind
	at       int32 // place in its queue
	due      int32 // place in Expiries
	dueAt    int64 // Expires when it was put there
}

// queueKind is one of the queues of a book.
type queueKind uint8

const (
	buyLimits  queueKind = iota // best is the highest price
	sellLimits                  // the lowest
	buyStops                    // the lowest
	sellStops                   // the highest
	held                        // no queue: the market leaves the order alone
	queues     = int(held)
)

// higherFirst reports whether the highest price of a queue is its best.
func (k queueKind) higherFirst() bool { return k == buyLimits || k == sellStops }

// queueOf returns the queue of a working order.
func queueOf(o *ledger.Order) (queueKind, ledger.Price) {
	waits := o.Type.HasStop() && !o.Triggered
	switch {
	case o.Held:
		return held, 0
	case waits && o.Side == ledger.Buy:
		return buyStops, o.Stop
	case waits:
		return sellStops, o.Stop
	case o.Side == ledger.Buy:
		return buyLimits, o.Price
	}
	return sellLimits, o.Price
}

// OrderBook has the working orders of one instrument, and what the market offers at the
// present price step. Orders are matched with the market, never with each other.
//
// Each step offers depth shares to buyers and as many to sellers at its price, and the same
// again at each tick that is worse. With depth 0 it offers any quantity at its price.
//
// Goroutine: one at a time.
type OrderBook struct {
	price  ledger.Price // of the step
	limits Span
	tick   ledger.Price
	depth  ledger.Quantity
	taken  [2]ledger.Quantity // of the step, by buyers and by sellers

	orders   map[ledger.OrderID]*Resting
	queues   [queues][]*Resting
	priority uint64 // of the newest order
}

// Span is the lowest and highest price of a day.
type Span struct{ Low, High ledger.Price }

// NewOrderBook returns an empty book.
func NewOrderBook(tick ledger.Price, depth ledger.Quantity) *OrderBook {
	return &OrderBook{tick: tick, depth: depth, limits: Span{tick, ledger.MaxPrice}}
}

// Step starts a new price step. limits are the prices at which the step offers anything.
func (b *OrderBook) Step(price ledger.Price, limits Span) {
	b.price, b.limits, b.taken = price, limits, [2]ledger.Quantity{}
}

// SetLimits changes the prices at which the step offers anything. What was taken stays taken.
func (b *OrderBook) SetLimits(limits Span) { b.limits = limits }

// SetDepth changes how much each step offers, from now on.
func (b *OrderBook) SetDepth(depth ledger.Quantity) { b.depth, b.taken = depth, [2]ledger.Quantity{} }

// Price returns the price of the step.
func (b *OrderBook) Price() ledger.Price { return b.price }

// Len returns how many orders are in the book.
func (b *OrderBook) Len() int { return len(b.orders) }

// NextPriority returns the priority of the next order that comes into the book.
func (b *OrderBook) NextPriority() uint64 { return b.priority + 1 }

// Offers appends to dst what the step still offers for q shares up to a limit; 0 is no limit.
// It takes nothing.
func (b *OrderBook) Offers(dst []ledger.Offer, side ledger.Side, limit ledger.Price, q ledger.Quantity) []ledger.Offer {
	taken := b.taken[side-ledger.Buy]
	for range maxLevels {
		if q <= 0 {
			break
		}
		price, left := b.level(side, taken)
		if price == 0 || limit != 0 && worse(side, price, limit) {
			break
		}
		n := min(q, left)
		dst = append(dst, ledger.Offer{Quantity: n, Price: price})
		q -= n
		taken += n
	}
	return dst
}

// level returns the price of the next share if that many are taken, and how many there are at
// this price; 0 beyond the limits.
func (b *OrderBook) level(side ledger.Side, taken ledger.Quantity) (ledger.Price, ledger.Quantity) {
	if b.depth <= 0 {
		return b.price, math.MaxInt64
	}
	level := taken / b.depth
	if level > ledger.Quantity(ledger.MaxPrice/b.tick) {
		return 0, 0
	}
	price := b.price + ledger.Price(level)*b.tick
	if side == ledger.Sell {
		price = b.price - ledger.Price(level)*b.tick
	}
	if level > 0 && (price < b.limits.Low || price > b.limits.High) {
		return 0, 0
	}
	return price, b.depth - taken%b.depth
}

// worse reports whether an order with this limit can't have the price.
func worse(side ledger.Side, price, limit ledger.Price) bool {
	if side == ledger.Buy {
		return price > limit
	}
	return price < limit
}

// Take takes q shares from what the step offers.
func (b *OrderBook) Take(side ledger.Side, q ledger.Quantity) { b.taken[side-ledger.Buy] += q }

// Put makes the book have an order as it is now: it adds, changes or removes it. It returns
// the resting order, nil if it does not work.
func (b *OrderBook) Put(o *ledger.Order) (now, before *Resting) {
	before = b.orders[o.ID]
	if !o.Working() {
		if before != nil {
			b.remove(before)
			delete(b.orders, o.ID)
		}
		return nil, before
	}
	now = before
	if now == nil {
		if b.orders == nil {
			b.orders = make(map[ledger.OrderID]*Resting)
		}
		now = &Resting{Order: o.ID, due: -1, queue: held}
		b.orders[o.ID] = now
	}
	b.priority = max(b.priority, o.Priority)
	kind, price := queueOf(o)
	now.leaves, now.Expires = o.Leaves(), o.Expires
	if kind == now.queue && price == now.price && o.Priority == now.priority && (kind == held || now.at >= 0) {
		return now, before
	}
	b.remove(now)
	now.queue, now.price, now.priority = kind, price, o.Priority
	b.insert(now)
	return now, before
}

// Match is a part of a step that goes to a resting order. The order gets it unless it has
// changed since: it must still have these leaves and this priority.
type Match struct {
	Order    ledger.OrderID
	Leaves   ledger.Quantity
	Priority uint64
	Offer    ledger.Offer
	// Trigger means that the stop price was reached; there is no offer.
	Trigger bool
}

// Match assigns what the step offers to the resting limit orders that its price reaches: the
// best price first, then the earliest order. Then it triggers the stop orders. It appends
// them to dst, those of an order one after the other. Orders that get all they want, and
// those that are triggered, leave the queues; Put brings them back.
func (b *OrderBook) Match(dst []Match) []Match {
	dst = b.matchLimits(dst, ledger.Buy, buyLimits)
	dst = b.matchLimits(dst, ledger.Sell, sellLimits)
	dst = b.trigger(dst, buyStops)
	return b.trigger(dst, sellStops)
}

func (b *OrderBook) matchLimits(dst []Match, side ledger.Side, kind queueKind) []Match {
	var space [8]ledger.Offer
	for len(b.queues[kind]) > 0 {
		r := b.queues[kind][0]
		offers := b.Offers(space[:0], side, r.price, r.leaves)
		if len(offers) == 0 {
			return dst
		}
		got := ledger.Quantity(0)
		for _, offer := range offers {
			dst = append(dst, Match{Order: r.Order, Leaves: r.leaves, Priority: r.priority, Offer: offer})
			got += offer.Quantity
		}
		b.Take(side, got)
		if got < r.leaves {
			r.leaves -= got
			return dst
		}
		b.remove(r)
	}
	return dst
}

func (b *OrderBook) trigger(dst []Match, kind queueKind) []Match {
	for len(b.queues[kind]) > 0 {
		r := b.queues[kind][0]
		if kind == buyStops && b.price < r.price || kind == sellStops && b.price > r.price {
			return dst
		}
		dst = append(dst, Match{Order: r.Order, Leaves: r.leaves, Priority: r.priority, Trigger: true})
		b.remove(r)
	}
	return dst
}

// Triggers reports whether the last price has reached a stop price.
func (b *OrderBook) Triggers(side ledger.Side, stop ledger.Price) bool {
	if side == ledger.Buy {
		return b.price >= stop
	}
	return b.price <= stop
}

// Each calls do with all orders, in no particular order, until it returns false.
func (b *OrderBook) Each(do func(ledger.OrderID) bool) {
	for id := range b.orders {
		if !do(id) {
			return
		}
	}
}

// before reports whether x comes before y in their queue.
func (r *Resting) before(y *Resting) bool {
	if r.price != y.price {
		return (r.price > y.price) == r.queue.higherFirst()
	}
	if r.priority != y.priority {
		return r.priority < y.priority
	}
	return r.Order < y.Order // of one bust: see ledger.Bust.Reopen
}

func (b *OrderBook) insert(r *Resting) {
	if r.queue == held {
		r.at = -1
		return
	}
	b.queues[r.queue] = append(b.queues[r.queue], r)
	q := b.queues[r.queue]
	r.at = int32(len(q) - 1)
	up(q, int(r.at), (*Resting).before, (*Resting).moveTo)
}

func (b *OrderBook) remove(r *Resting) {
	if r.queue == held || r.at < 0 {
		return
	}
	b.queues[r.queue] = removeAt(b.queues[r.queue], int(r.at), (*Resting).before, (*Resting).moveTo)
	r.at = -1
}

func (r *Resting) moveTo(at int) { r.at = int32(at) }
