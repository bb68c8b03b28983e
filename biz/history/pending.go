package history

import (
	"cmp"
	"slices"
)

const (
	// keptPending is how many executions and how many orders of memory, up to 20 MiB each,
	// the next transaction may reuse.
	keptPending = 1 << 17
	// segmentRows is how many executions are allocated at once.
	segmentRows = 1 << 10
)

// pending has the rows of a transaction: executions and orders as they came, and for each
// customer where they are. So they need no sorting as a whole, which would hold a core for
// long.
type pending struct {
	count    uint32            // of the executions
	segments [][]Fill          // of segmentRows executions each, which are not copied when there are more
	orders   []Order           // the newest state of each, with what setPlaced copies from the oldest
	orderAt  map[uint64]uint32 // index in orders, by id
	runs     []customerRows
	runAt    map[uint32]uint32 // index in runs, by customer

	customerFills  []Fill // memory of eachCustomer
	customerOrders []Order
}

// customerRows is what a transaction has of one customer.
type customerRows struct {
	customer      uint32
	fills, orders []uint32 // indices, in the order of ids once they are sorted
	newest        uint64   // id of the last of the fills
	unsorted      bool     // the fills are
}

func (p *pending) fill(at uint32) *Fill { return &p.segments[at/segmentRows][at%segmentRows] }

// of returns the rows of a customer.
func (p *pending) of(id uint64) *customerRows {
	customer := uint32(id >> 32)
	at, found := p.runAt[customer]
	if !found {
		if p.runAt == nil {
			p.runAt = make(map[uint32]uint32)
		}
		at = uint32(len(p.runs))
		p.runAt[customer] = at
		if int(at) < cap(p.runs) { // reuses the memory of an earlier transaction
			p.runs = p.runs[:at+1]
		} else {
			p.runs = append(p.runs, customerRows{})
		}
		r := &p.runs[at]
		*r = customerRows{customer: customer, fills: r.fills[:0], orders: r.orders[:0]}
	}
	return &p.runs[at]
}

func (p *pending) addFill(f *Fill) {
	r := p.of(f.ID)
	r.unsorted = r.unsorted || f.ID <= r.newest
	r.newest = f.ID
	r.fills = append(r.fills, p.count)
	if int(p.count/segmentRows) == len(p.segments) {
		p.segments = append(p.segments, make([]Fill, segmentRows))
	}
	*p.fill(p.count) = *f
	p.count++
}

// addOrder adds a state of an order. The columns of its first state remain.
func (p *pending) addOrder(o *Order) {
	if at, found := p.orderAt[o.ID]; found {
		row := &p.orders[at]
		first := *row
		*row = *o
		row.setPlaced(&first)
		return
	}
	if p.orderAt == nil {
		p.orderAt = make(map[uint64]uint32)
	}
	at := uint32(len(p.orders))
	p.orderAt[o.ID] = at
	p.orders = append(p.orders, *o)
	p.orders[at].PlacedAs, p.orders[at].PlacedQuantity = o.ClientOrderID, o.Quantity
	r := p.of(o.ID)
	r.orders = append(r.orders, at)
}

// find returns the execution with this id, or nil.
func (p *pending) find(id uint64) *Fill {
	at, found := p.runAt[uint32(id>>32)]
	if !found {
		return nil
	}
	r := &p.runs[at]
	p.sortFills(r)
	i, found := slices.BinarySearchFunc(r.fills, id, func(at uint32, id uint64) int { return cmp.Compare(p.fill(at).ID, id) })
	if !found {
		return nil
	}
	return p.fill(r.fills[i])
}

func (p *pending) sortFills(r *customerRows) {
	if r.unsorted {
		slices.SortFunc(r.fills, func(a, b uint32) int { return cmp.Compare(p.fill(a).ID, p.fill(b).ID) })
		r.unsorted = false
	}
}

// eachCustomer calls fn with the executions and the orders of each customer, in the order of
// customers and ids. Both are valid until fn returns. An order is its newest state, with what
// setPlaced copies from its first one in this transaction; if the database has a row of it, that of
// the row remains. Two executions may have one id (ErrDuplicate).
func (p *pending) eachCustomer(fn func(fills []Fill, orders []Order) error) error {
	slices.SortFunc(p.runs, func(a, b customerRows) int { return cmp.Compare(a.customer, b.customer) })
	clear(p.runAt) // the indices have changed
	fills, orders := p.customerFills, p.customerOrders
	for i := range p.runs {
		r := &p.runs[i]
		p.runAt[r.customer] = uint32(i)
		p.sortFills(r)
		slices.SortFunc(r.orders, func(a, b uint32) int { return cmp.Compare(p.orders[a].ID, p.orders[b].ID) })
		fills, orders = fills[:0], orders[:0]
		for _, at := range r.fills {
			fills = append(fills, *p.fill(at))
		}
		for _, at := range r.orders {
			orders = append(orders, p.orders[at])
		}
		p.customerFills, p.customerOrders = fills, orders
		if err := fn(fills, orders); err != nil {
			return err
		}
	}
	return nil
}

// reset makes t empty, and retains some of its memory.
func (t *transaction) reset() {
	t.busts, t.audits, t.batch, t.checksum = nil, nil, 0, 0
	t.pending.reset()
}

func (p *pending) reset() {
	if len(p.segments) > keptPending/segmentRows {
		clear(p.segments[keptPending/segmentRows:])
		p.segments = p.segments[:keptPending/segmentRows]
	}
	if cap(p.orders) > keptPending {
		p.orders, p.orderAt = nil, nil
	}
	if len(p.runs) > keptPending {
		p.runs, p.runAt = nil, nil
	}
	p.count, p.orders, p.runs = 0, p.orders[:0], p.runs[:0]
	clear(p.orderAt)
	clear(p.runAt)
}
