package desk

import (
	"cmp"
	"context"
	"slices"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// OrderQuery asks for orders of one account, whether they work or not, newest first.
type OrderQuery struct {
	Before ledger.OrderID // older than this one; 0: from the newest on
	Limit  int            // 1 to history.MaxLimit; 0: history.DefaultLimit
	Filter
	Statuses uint32 // bit 1<<status for each ledger.OrderStatus to select; 0: all
}

func (q *OrderQuery) matches(o *ledger.Order) bool {
	return q.Filter.matches(o.Instrument, o.Side, o.Time) && (q.Statuses == 0 || q.Statuses&(1<<o.Status) != 0)
}

// onlyWorking reports whether the query asks for orders that work and for no others.
func (q *OrderQuery) onlyWorking() bool {
	const working = 1<<ledger.New | 1<<ledger.PartiallyFilled
	return q.Statuses != 0 && q.Statuses&^working == 0
}

// OrderState is an order as its newest event has left it, and why it is in that state.
type OrderState struct {
	ledger.Order
	Cause ledger.Cause
}

// OrderPage is a page of an account's orders.
type OrderPage struct {
	Orders []OrderState // newest first
	// Next is OrderQuery.Before of the next page, 0 after the last one. As with Executions, a
	// page can be short, or empty, and not the last one.
	Next ledger.OrderID
	// Push is the number of the newest push when the page was made; it includes it.
	Push uint64
}

// OrderHistory returns a page of an account's orders. Orders that work, and what events in memory
// have changed, come from memory; older ones are read from the database once the projection has
// all events that are no longer in memory. Orders are listed by their ids, so that pages have
// neither gaps nor doubles while orders run. Errors are those of Executions.
func (d *Desk) OrderHistory(ctx context.Context, a *Account, q OrderQuery) (OrderPage, error) {
	q.Limit = pageSize(q.Limit)
	m := a.ordersInMemory()
	p := OrderPage{Push: m.push}
	before := ledger.NewOrderID(a.Customer(), m.last) + 1
	if q.Before != 0 {
		before = min(before, q.Before)
	}
	first := ledger.NewOrderID(a.Customer(), 1)
	// From the newest order on, memory has all orders up to the first one that it lacks.
	for at := m.after(before); at < len(m.list); at++ {
		o := &m.list[at]
		if o.ID != before-1 && !q.onlyWorking() {
			break
		}
		if q.matches(&o.Order) {
			if len(p.Orders) == q.Limit {
				p.Next = before
				return p, nil
			}
			p.Orders = append(p.Orders, *o)
		}
		before = o.ID
	}
	switch {
	case before <= first || q.onlyWorking():
		return p, nil
	case len(p.Orders) == q.Limit:
		p.Next = before
		return p, nil
	}
	return p, d.addOlderOrders(ctx, a, &p, &m, &q, before)
}

// addOlderOrders adds orders before an id to the page: those that memory lacks come from the
// history.
func (d *Desk) addOlderOrders(ctx context.Context, a *Account, p *OrderPage, m *ordersInMemory, q *OrderQuery, before ledger.OrderID) error {
	if err := d.rlockHistoryBefore(ctx, m.events); err != nil {
		return d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	space := q.Limit - len(p.Orders)
	older := history.Query{Customer: uint32(a.Customer()), Before: uint64(before), Limit: space, Filter: q.row()}
	older.Statuses = q.Statuses
	rows, next, err := d.history.Orders(ctx, older)
	if err != nil {
		return d.historyError(err)
	}
	// The history may have those that memory has, in an older state.
	var list []OrderState
	at := m.after(before)
	for i := range rows {
		row := OrderState{orderOf(&rows[i]), ledger.Cause(rows[i].Cause)}
		for ; at < len(m.list) && m.list[at].ID > row.ID; at++ {
			list = m.appendMatching(list, at, q)
		}
		if at == len(m.list) || m.list[at].ID != row.ID {
			list = append(list, row)
		}
	}
	for ; at < len(m.list) && uint64(m.list[at].ID) >= next; at++ {
		list = m.appendMatching(list, at, q)
	}
	if len(list) > space {
		list = list[:space]
		next = uint64(list[space-1].ID)
	}
	p.Orders, p.Next = append(p.Orders, list...), ledger.OrderID(next)
	return nil
}

// ordersInMemory is what memory has of the orders of an account at one moment.
type ordersInMemory struct {
	list   []OrderState   // those that work, and those that events have changed; newest first
	last   uint32         // number of the account's newest order
	push   uint64         // the newest push
	events []ledger.Event // newest first
}

func (a *Account) ordersInMemory() (m ordersInMemory) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.last, m.push, m.events = a.ledger.LastOrder(), a.ledger.LastPush(), a.ledger.Recent(nil)
	seen := make(map[ledger.OrderID]bool, len(m.events))
	for i := range m.events {
		e := &m.events[i]
		if e.Kind.HasOrder() && !seen[e.Order.ID] {
			seen[e.Order.ID] = true
			m.list = append(m.list, OrderState{e.Order, e.Cause})
		}
	}
	working, _ := a.ledger.OrdersFrom(nil, 0, ledger.MaxOrders)
	for i := range working {
		if !seen[working[i].ID] {
			m.list = append(m.list, OrderState{Order: working[i]})
		}
	}
	slices.SortFunc(m.list, newestOrderFirst)
	return m
}

// after returns the index of the newest order before an id.
func (m *ordersInMemory) after(before ledger.OrderID) int {
	at, _ := slices.BinarySearchFunc(m.list, before, func(o OrderState, before ledger.OrderID) int {
		if o.ID >= before {
			return -1
		}
		return 1
	})
	return at
}

// appendMatching appends the order at an index if the query selects it.
func (m *ordersInMemory) appendMatching(list []OrderState, at int, q *OrderQuery) []OrderState {
	if o := &m.list[at]; q.matches(&o.Order) {
		list = append(list, *o)
	}
	return list
}

func newestOrderFirst(x, y OrderState) int { return cmp.Compare(y.ID, x.ID) }

// rlockHistoryBefore waits until the history has all events of the account before those in
// memory, which are newest first, and returns with d.historyUse locked to read. After an error it
// is not locked. The events of an account are projected in their order, so it waits for the oldest
// in memory.
func (d *Desk) rlockHistoryBefore(ctx context.Context, inMemory []ledger.Event) error {
	for i := range slices.Backward(inMemory) {
		if e := &inMemory[i]; e.Kind.HasOrder() { // it changes a row
			return d.rlockHistoryWhen(ctx, func() (bool, error) { return d.hasEvent(ctx, e) })
		}
	}
	return d.rlockHistory(ctx) // only cash has moved
}

// hasEvent reports whether the history has an event that changes a row.
func (d *Desk) hasEvent(ctx context.Context, e *ledger.Event) (bool, error) {
	if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
		_, found, err := d.history.Execution(ctx, uint64(e.Execution.ID))
		return found, err
	}
	row, found, err := d.history.Order(ctx, uint64(e.Order.ID))
	return found && row.Event >= e.Number, err
}
