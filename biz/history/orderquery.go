package history

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Order returns the order with this id; ok is false if it has no row.
func (s *Store) Order(ctx context.Context, id uint64) (o Order, ok bool, err error) {
	found, err := s.OrdersWith(ctx, []uint64{id})
	if err != nil || len(found) == 0 {
		return Order{}, false, err
	}
	return found[0], true, nil
}

// OrdersWith returns the orders with these ids that have a row, in the order of ids.
func (s *Store) OrdersWith(ctx context.Context, ids []uint64) ([]Order, error) {
	return listIDs(ctx, s, ids, view.ordersWith)
}

// OrderNamed returns the customer's oldest order with an id from first to last that has
// exactly this client order id as PlacedAs; ok is false if no row has it. The rows before it are
// verified, too, so that damage does not look like a new client order id.
func (s *Store) OrderNamed(ctx context.Context, customer uint32, first, last uint64, clientOrderID [ClientOrderIDSize]byte) (o Order, ok bool, err error) {
	lowest, highest := numbers(customer)
	r := idRange{first: max(first, lowest), last: min(last, highest)}
	err = s.read(ctx, func(v view) error {
		_, err := v.orders(r, func(found *Order) error {
			if found.PlacedAs != clientOrderID {
				return nil
			}
			o, ok = *found, true
			return errEnough
		})
		return err
	})
	if err != nil {
		return Order{}, false, err
	}
	return o, ok, nil
}

// ExecutionOfOrder returns the oldest execution of an order; found is false if it has none.
//
// There is no index by order. The execution of an order without a row is found by bisection; for
// another order it reads the customer's executions since the order was placed, some 0.1 us each.
func (s *Store) ExecutionOfOrder(ctx context.Context, order uint64) (e Execution, found bool, err error) {
	customer := uint32(order >> 32)
	err = s.read(ctx, func(v view) error {
		since, last, err := simpleBefore(v, customer, order+1)
		if err != nil {
			return err
		}
		of := func(x *Execution) error {
			if found = x.OrderID == order; found {
				e = *x
			}
			return enough(found)
		}
		_, err = v.executions(idRange{first: since, last: last, down: true}, func(x *Execution) error {
			if !x.Simple || x.OrderID > order {
				return nil
			}
			return cmp.Or(of(x), errEnough)
		})
		if err != nil || found {
			return err
		}
		_, highest := numbers(customer)
		_, err = v.executions(idRange{first: since, last: highest}, of)
		return err
	})
	return e, found, err
}

// Orders returns a page of a customer's orders, newest first: those with a row, and those that
// follow from an execution (Fill.Simple). next is what to set Before to for the next page, 0 if
// there are no older orders. As with Executions, a page can be short or empty although next is
// not 0, and no order is twice or missing in the pages.
func (s *Store) Orders(ctx context.Context, q Query) (page []Order, next uint64, err error) {
	p := orderPage{query: &q, limit: pageSize(q.Limit), scan: s.scan}
	err = s.read(ctx, func(v view) error {
		if err := p.readRows(v); err != nil {
			return err
		}
		return p.readSimple(v)
	})
	if err != nil {
		return nil, 0, err
	}
	page, next = p.merged()
	return page, next, nil
}

// orderPage is a page of orders in the making.
//
// The number of a simple order rises with that of its execution: an account numbers orders as it
// accepts them, and this one is filled in the same command. (The orders of the releases without
// orders have the numbers of their executions.) So the newest orders without a row are among the
// newest executions, and both walks can stop early.
type orderPage struct {
	query  *Query
	limit  int
	scan   int // as in idRange
	orders []Order
	// floor is an id: of the orders from it on, all that match are in orders. 0: all there are.
	floor uint64
	// event is one that is not after the first event of any order from floor on; 0: unknown
	event uint64
}

// readRows reads the rows of orders.
func (p *orderPage) readRows(v view) error {
	r := idRange{down: true, limit: p.limit + 1, scan: p.scan, only: &p.query.Filter}
	r.first, r.last = numbersBefore(p.query.Customer, p.query.Before)
	next, err := v.orders(r, func(o *Order) error {
		if !p.query.matchesOrder(o) {
			return nil
		}
		p.orders = append(p.orders, *o)
		return enough(len(p.orders) > p.limit)
	})
	if err != nil {
		return err
	}
	switch n := len(p.orders); {
	case n > p.limit:
		p.floor, p.event = p.orders[n-1].ID, p.orders[n-1].FirstEvent
	case next != 0: // the view stopped before this id
		lowest, err := oneOrder(v, idRange{first: next + 1, last: r.last})
		if err != nil {
			return err
		}
		p.floor, p.event = max(next+1, lowest.ID), lowest.FirstEvent
	}
	return nil
}

// readSimple adds the orders without a row. One exists as soon as the execution is busted or
// corrected.
func (p *orderPage) readSimple(v view) error {
	_, last, err := simpleBefore(v, p.query.Customer, p.query.Before)
	if err != nil {
		return err
	}
	lowest, _ := numbers(p.query.Customer)
	found, rows := 0, 0
	_, err = v.executions(idRange{first: lowest, last: last, down: true}, func(e *Execution) error {
		if e.Event < p.event {
			return errEnough
		}
		rows++
		if !e.Simple || p.query.Before != 0 && e.OrderID >= p.query.Before {
			return nil
		}
		if o := simpleOrder(&e.Fill); !e.Busted && p.query.matchesOrder(&o) {
			p.orders = append(p.orders, o)
			found++
		}
		if found > p.limit || rows >= p.scan {
			p.floor = max(p.floor, e.OrderID)
			return errEnough
		}
		return nil
	})
	return err
}

// merged returns the page and the next one's Before.
func (p *orderPage) merged() (page []Order, next uint64) {
	slices.SortFunc(p.orders, func(a, b Order) int { return cmp.Compare(b.ID, a.ID) })
	for i := range p.orders {
		if p.orders[i].ID < p.floor {
			return p.orders[:i], p.floor
		}
		if i == p.limit {
			return p.orders[:i], p.orders[i-1].ID
		}
	}
	return p.orders, p.floor
}

// simpleOrder returns the order that follows from an execution, as ledger.SimpleOrder does.
func simpleOrder(f *Fill) Order {
	return Order{
		ID: f.OrderID, Event: f.Event, FirstEvent: f.Event, LastPlacingEvent: f.Event, Quantity: f.Quantity, PlacedQuantity: f.Quantity,
		Filled: f.Quantity, FilledValue: f.Quantity * f.Price, Time: f.Time, Updated: f.Time, Instrument: f.Instrument,
		ClientOrderID: f.ClientOrderID, PlacedAs: f.ClientOrderID, Side: f.Side,
		Type: typeMarket, TimeInForce: timeDay, Status: statusFilled,
	}
}

// The enumerations of a simple order, as the ledger numbers them.
const (
	typeMarket   uint8 = 1
	timeDay      uint8 = 1
	statusFilled uint8 = 1
)

// bisectAbove is the number of executions that are read rather than divided.
const bisectAbove = 256

// simpleBefore returns where the executions of the simple orders with ids below before are (0: of
// all). None of them is after last, and the newest of them is near it. since is the first
// execution since the newest order with a row below before was placed: the simple orders below
// before that are newer than this one have their executions from since on.
func simpleBefore(v view, customer uint32, before uint64) (since, last uint64, err error) {
	lowest, highest := numbers(customer)
	if before == 0 {
		return lowest, highest, nil
	}
	older, err := oneOrder(v, idRange{first: lowest, last: before - 1, down: true})
	if err != nil {
		return 0, 0, err
	}
	newer, err := oneOrder(v, idRange{first: before, last: highest})
	if err != nil {
		return 0, 0, err
	}
	if since, err = firstSince(v, customer, older.FirstEvent); err != nil {
		return 0, 0, err
	}
	if newer.ID == 0 {
		newer.FirstEvent = math.MaxUint64
	}
	if last, err = firstSince(v, customer, newer.FirstEvent); err != nil {
		return 0, 0, err
	}
	last, err = bisectSimple(v, before, since, max(last, lowest+1)-1)
	return since, last, err
}

// bisectSimple returns a lower last, if the simple orders below before that have executions from
// first to last have them there. The executions of other orders in between do not count: their
// orders can be older.
func bisectSimple(v view, before, first, last uint64) (uint64, error) {
	for last > first && last-first > bisectAbove {
		middle := first + (last-first)/2
		var found Execution
		_, err := v.executions(idRange{first: middle, last: last}, func(e *Execution) error {
			if !e.Simple && e.OrderID < before {
				return nil
			}
			found = *e
			return errEnough
		})
		switch {
		case err != nil:
			return 0, err
		case found.ID == 0 || found.OrderID >= before:
			last = middle - 1
		default:
			first = found.ID
		}
	}
	return last, nil
}

// oneOrder returns the first row of r, or the zero value.
func oneOrder(v view, r idRange) (found Order, err error) {
	r.limit = 1
	_, err = v.orders(r, func(o *Order) error {
		found = *o
		return nil
	})
	return found, err
}
