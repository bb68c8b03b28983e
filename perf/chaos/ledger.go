package chaos

import (
	"fmt"
	"hash/maphash"
	"slices"

	"holdfast/biz/client"
)

// A ledger records what the server has reported to one customer, in a compact form for
// millions of orders and executions. Broken promises go to the run. Owner: the trader, under
// its lock.
type ledger struct {
	r        *Run
	customer client.Customer
	hash     maphash.Seed
	keys     []client.Key
	prices   []client.Price // of the keys, at each check; 0: any

	entries []entry // by the number of the execution, from 1
	// orders are the client order ids by their number, from 1: orders and replacements.
	orders []order
	byID   []uint32        // by the server's number of an order, from 1: its client order id
	live   map[uint32]bool // orders that may work
	filled []uint32        // orders with executions that are new since the last check

	held     map[client.Key]client.Quantity // at the start, plus the counted entries
	cash     client.Money                   // at the start, plus the counted entries
	undone   map[client.ExecutionID]*undo   // requested busts and corrections
	verified uint32                         // all executions up to this one were compared
}

// entry is one execution.
type entry struct {
	print   uint64 // hash of its content; 0: unknown
	flow    int64  // what it adds to the cash
	order   uint32
	delta   int32 // shares bought, negative when sold
	key     int8
	acked   bool
	counted bool // seen in the history; included in held unless busted
	busted  bool // seen busted
}

// undo is the bust of an execution, or its correction.
type undo struct {
	acked    bool
	correct  bool
	quantity client.Quantity // of the correction
	price    client.Price
}

func newLedger(r *Run, c client.Customer) *ledger {
	return &ledger{
		r: r, customer: c, hash: maphash.MakeSeed(),
		entries: make([]entry, 1), orders: make([]order, 1), byID: make([]uint32, 1), live: make(map[uint32]bool),
		held: make(map[client.Key]client.Quantity), undone: make(map[client.ExecutionID]*undo),
	}
}

// start stores the account before any order.
func (l *ledger) start(s client.Snapshot) {
	for _, p := range s.Positions {
		l.held[p.Key] = p.Quantity
	}
	l.cash = s.Account.Cash
}

// acknowledge records an execution that the server has reported.
func (l *ledger) acknowledge(x client.Execution) {
	if e := l.match(x); e != nil {
		e.acked = true
	}
}

// undo records that the bust or correction of an execution is requested.
func (l *ledger) undo(x client.Execution, u undo) {
	l.undone[x.ID] = &u
	l.verified = min(l.verified, x.ID.Number()-1)
	if n, ok := l.number(x.ClientOrderID); ok {
		o := l.root(n)
		o.taken += int32(x.Quantity)
		if u.correct {
			o.raised += int32(max(0, u.quantity-x.Quantity))
		}
		l.live[o.number] = true // it may work again
	}
}

// undid records that a bust or correction was acknowledged.
func (l *ledger) undid(id client.ExecutionID) {
	u := l.undone[id]
	if u == nil {
		l.r.Broken("%v is busted, but nobody requested it", id)
		return
	}
	u.acked = true
	l.verified = min(l.verified, id.Number()-1)
}

// match compares an execution with earlier reports of it and its order, and returns its
// entry, or nil if it can't be ours.
func (l *ledger) match(x client.Execution) *entry {
	n, ok := l.number(x.ClientOrderID)
	number := x.ID.Number()
	if !ok || x.ID.Customer() != l.customer || number == 0 {
		l.r.Broken("%v is of the order %q, which nobody sent", x.ID, x.ClientOrderID)
		return nil
	}
	o := l.accept(n, x.Order)
	if int(o.key) >= len(l.keys) || l.keys[o.key] != x.Key || o.sell != (x.Side == client.Sell) {
		l.r.Broken("%v is of another instrument or side than its order %q", x.ID, x.ClientOrderID)
		return nil
	}
	for int(number) >= len(l.entries) {
		l.entries = append(l.entries, entry{})
	}
	e := &l.entries[number]
	content := l.printOf(x, o.number)
	if e.print != 0 && e.print != content {
		l.r.Broken("%v has changed: %v", x.ID, x)
		return nil
	}
	e.print, e.order, e.key, e.delta, e.flow = content, o.number, o.key, int32(x.Quantity), int64(-x.Value()-x.Fee)
	if x.Side == client.Sell {
		e.delta, e.flow = -e.delta, int64(x.Value()-x.Fee)
	}
	return e
}

// printOf hashes the parts of an execution that must never change.
func (l *ledger) printOf(x client.Execution, order uint32) uint64 {
	type content struct {
		id, corrects client.ExecutionID
		order        uint32
		side         client.Side
		key          client.Key
		quantity     client.Quantity
		price        client.Price
		time         int64
	}
	return max(1, maphash.Comparable(l.hash, content{x.ID, x.Corrects, order, x.Side, x.Key, x.Quantity, x.Price, x.Time.UnixNano()}))
}

// read reads the history from the newest execution down to number down, and compares.
func (l *ledger) read(down uint32, page func(before client.ExecutionID) (client.HistoryPage, error)) error {
	before, newest := client.ExecutionID(0), uint32(0)
	for {
		p, err := page(before)
		if err != nil {
			return err
		}
		for _, x := range p.Executions {
			if before == 0 {
				newest = x.ID.Number()
			} else if x.ID != before-1 {
				l.r.Broken("the history has a gap: %v is followed by %v", before, x.ID)
			}
			before = x.ID
			l.see(x)
		}
		if !p.More || before.Number() <= down+1 {
			break
		}
	}
	if down == 0 && before != 0 && before.Number() != 1 {
		l.r.Broken("the history ends at %v", before)
	}
	for number := int(newest) + 1; number < len(l.entries); number++ {
		if l.entries[number].acked {
			l.r.Broken("the acknowledged execution %d-%d is lost; the newest is %d", l.customer, number, newest)
		}
	}
	l.verified = newest
	l.compareFilled()
	return nil
}

// see handles an execution of the history.
func (l *ledger) see(x client.Execution) {
	e := l.match(x)
	if e == nil {
		return
	}
	if !e.counted {
		e.counted = true
		l.count(e, 1)
	}
	if x.Corrects != 0 {
		l.seeCorrection(x)
	}
	u := l.undone[x.ID]
	switch {
	case x.Busted && u == nil:
		l.r.Broken("%v is busted, but nobody requested it", x.ID)
	case x.Busted && u.correct != (x.CorrectedBy != 0):
		l.r.Broken("%v is corrected by %v, requested was another thing", x.ID, x.CorrectedBy)
	case !x.Busted && (e.busted || u != nil && u.acked):
		l.r.Broken("the bust of %v was acknowledged and is lost", x.ID)
	case x.Busted && !e.busted:
		e.busted = true
		l.count(e, -1)
	}
}

// seeCorrection compares an execution that replaces another one with what was requested.
func (l *ledger) seeCorrection(x client.Execution) {
	if u := l.undone[x.Corrects]; u == nil || !u.correct || u.quantity != x.Quantity || u.price != x.Price {
		l.r.Broken("%v corrects %v with %v at %v, which nobody requested", x.ID, x.Corrects, x.Quantity, x.Price)
	}
}

func (l *ledger) count(e *entry, sign int32) {
	l.held[l.keys[e.key]] += client.Quantity(sign * e.delta)
	l.cash += client.Money(int64(sign) * e.flow)
	o := &l.orders[e.order]
	o.filled += sign * max(e.delta, -e.delta)
	l.filled = append(l.filled, e.order)
}

// compareFilled checks that no order is filled beyond its quantity.
func (l *ledger) compareFilled() {
	for _, n := range l.filled {
		if o := &l.orders[n]; o.filled > o.most {
			l.r.Broken("%s is filled with %d of %d shares", l.name(n), o.filled, o.most)
		}
	}
	l.filled = l.filled[:0]
}

// compare compares the account with the sum of the executions and with its working orders.
// Call it after read, with no trade in between.
func (l *ledger) compare(s client.Snapshot, working []client.OrderState) {
	rest := make(map[client.Key]client.Quantity, len(l.held))
	for key, quantity := range l.held {
		rest[key] = quantity
	}
	frozen, frozenCash := frozenFor(working)
	for _, p := range s.Positions {
		if p.Quantity != rest[p.Key] {
			l.r.Broken("%d holds %d of %v, its executions make %d", l.customer, p.Quantity, p.Key, rest[p.Key])
		}
		if p.Frozen != frozen[p.Key] {
			l.r.Broken("%d has %d frozen shares of %v, its orders make %d", l.customer, p.Frozen, p.Key, frozen[p.Key])
		}
		delete(rest, p.Key)
	}
	for key, quantity := range rest {
		if quantity != 0 {
			l.r.Broken("%d holds no %v, its executions make %d", l.customer, key, quantity)
		}
	}
	if a := &s.Account; a.Cash != l.cash || a.FrozenCash != frozenCash || a.WorkingOrders != len(working) {
		l.r.Broken("%d has the cash %v, frozen %v, %d orders; its executions and orders make %v, frozen %v, %d orders",
			l.customer, a.Cash, a.FrozenCash, a.WorkingOrders, l.cash, frozenCash, len(working))
	}
}

// frozenFor returns what is frozen for working orders, without fees.
func frozenFor(working []client.OrderState) (shares map[client.Key]client.Quantity, cash client.Money) {
	shares = make(map[client.Key]client.Quantity)
	for _, o := range working {
		if o.Side == client.Sell {
			shares[o.Key] += o.Leaves
		} else {
			cash += client.Value(o.Leaves, o.Price)
		}
	}
	return shares, cash
}

// name returns the client order id with a number; all have the same length.
func (l *ledger) name(n uint32) string { return fmt.Sprintf("%d/%08d", l.customer, n) }

// number returns the number of a client order id that was sent.
func (l *ledger) number(id string) (uint32, bool) {
	n, ok := orderNumber(l.customer, id)
	return uint32(n), ok && n > 0 && n < len(l.orders)
}

func (l *ledger) keyNumber(key client.Key) int8 { return int8(slices.Index(l.keys, key)) }
