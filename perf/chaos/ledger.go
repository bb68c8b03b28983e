package chaos

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"

	"holdfast/biz/client"
)

// A ledger records what the server has reported to one customer, in a compact form for
// millions of executions. Broken promises go to the run. Owner: the trader, under its
// lock.
type ledger struct {
	r        *Run
	customer client.Customer
	hash     maphash.Seed
	keys     []client.Key

	// entries are the executions by their number, from 1.
	entries []entry
	// filled holds the number of each order's execution, by the order's number: 0 if
	// unknown, refusedOrder if there must not be one.
	filled   []uint32
	held     map[client.Key]client.Quantity // at the start, plus the counted entries
	busted   map[client.ExecutionID]bool    // requested; true: acknowledged
	verified uint32                         // all executions up to this one were compared
}

const refusedOrder = math.MaxUint32

// entry is one execution.
type entry struct {
	print   uint64 // hash of its content; 0: unknown
	delta   int32  // shares bought, negative when sold
	key     int8
	acked   bool
	counted bool // seen in the history; included in held unless busted
	busted  bool // seen busted
}

func newLedger(r *Run, c client.Customer) *ledger {
	return &ledger{
		r: r, customer: c, hash: maphash.MakeSeed(), entries: make([]entry, 1), filled: make([]uint32, 1),
		held: make(map[client.Key]client.Quantity), busted: make(map[client.ExecutionID]bool),
	}
}

// start stores the account's positions before any order.
func (l *ledger) start(s client.Snapshot) {
	for _, p := range s.Positions {
		l.held[p.Key] = p.Quantity
	}
}

// nextOrder returns the client order id of a new order; all have the same length.
func (l *ledger) nextOrder() string {
	l.filled = append(l.filled, 0)
	return fmt.Sprintf("%d/%08d", l.customer, l.orders())
}

// orders returns the number of orders so far.
func (l *ledger) orders() int { return len(l.filled) - 1 }

// refuse records that an order must have no execution.
func (l *ledger) refuse(id string) {
	n, _ := orderNumber(l.customer, id)
	if was := l.filled[n]; was != 0 && was != refusedOrder {
		l.r.Broken("%s was refused although it is execution %d-%d", id, l.customer, was)
		return
	}
	l.filled[n] = refusedOrder
}

// acknowledge records an execution that the server has reported.
func (l *ledger) acknowledge(x client.Execution) {
	if e := l.match(x); e != nil {
		e.acked = true
	}
}

// bust records that the bust of an execution was requested, and whether it was
// acknowledged.
func (l *ledger) bust(id client.ExecutionID, acked bool) {
	l.busted[id] = acked || l.busted[id]
	l.verified = min(l.verified, id.Number()-1)
}

// match compares an execution with earlier reports of it and its order, and returns its
// entry, or nil if it can't be ours.
func (l *ledger) match(x client.Execution) *entry {
	n, ok := orderNumber(l.customer, x.ClientOrderID)
	number := x.ID.Number()
	if !ok || n <= 0 || n >= len(l.filled) || x.ID.Customer() != l.customer || number == 0 {
		l.r.Broken("%v is of the order %q, which nobody sent", x.ID, x.ClientOrderID)
		return nil
	}
	switch was := l.filled[n]; was {
	case 0, number:
		l.filled[n] = number
	case refusedOrder:
		l.r.Broken("%q was refused, and executed nevertheless as %v", x.ClientOrderID, x.ID)
	default:
		l.r.Broken("%q was executed twice: %d-%d and %v", x.ClientOrderID, l.customer, was, x.ID)
	}
	for int(number) >= len(l.entries) {
		l.entries = append(l.entries, entry{})
	}
	e := &l.entries[number]
	content := l.printOf(x)
	if e.print != 0 && e.print != content {
		l.r.Broken("%v has changed: %v", x.ID, x)
		return nil
	}
	e.print, e.key, e.delta = content, int8(slices.Index(l.keys, x.Key)), int32(x.Quantity)
	if x.Side == client.Sell {
		e.delta = -e.delta
	}
	return e
}

// printOf hashes the parts of an execution that must never change.
func (l *ledger) printOf(x client.Execution) uint64 {
	x.Busted, x.BustReason = false, ""
	type content struct {
		id       client.ExecutionID
		order    string
		side     client.Side
		key      client.Key
		quantity client.Quantity
		price    client.Price
		time     int64
	}
	return max(1, maphash.Comparable(l.hash, content{x.ID, x.ClientOrderID, x.Side, x.Key, x.Quantity, x.Price, x.Time.UnixNano()}))
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
	acked, asked := l.busted[x.ID]
	switch {
	case x.Busted && !asked:
		l.r.Broken("%v is busted, but nobody requested it", x.ID)
	case !x.Busted && (acked || e.busted):
		l.r.Broken("the bust of %v was acknowledged and is lost", x.ID)
	case x.Busted && !e.busted:
		e.busted = true
		l.count(e, -1)
	}
}

func (l *ledger) count(e *entry, sign int32) {
	if e.key < 0 {
		l.r.Broken("an execution of %d is of an instrument that nobody ordered", l.customer)
		return
	}
	l.held[l.keys[e.key]] += client.Quantity(sign * e.delta)
}

// compare compares positions with the sum of the executions. Call it after read, with no
// trade in between.
func (l *ledger) compare(s client.Snapshot) {
	rest := make(map[client.Key]client.Quantity, len(l.held))
	for key, quantity := range l.held {
		rest[key] = quantity
	}
	for _, p := range s.Positions {
		if p.Quantity != rest[p.Key] {
			l.r.Broken("%d holds %d of %v, its executions make %d", l.customer, p.Quantity, p.Key, rest[p.Key])
		}
		delete(rest, p.Key)
	}
	for key, quantity := range rest {
		if quantity != 0 {
			l.r.Broken("%d holds no %v, its executions make %d", l.customer, key, quantity)
		}
	}
}
