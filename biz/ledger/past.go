package ledger

import "fmt"

// Past is what a bust or a correction needs of the past of one instrument. The account
// itself has only the newest events.
type Past struct {
	// Start is the position before the first of Executions.
	Start Holding
	// Executions are the executions since then that are not busted, in any order. The bust
	// changes their order.
	Executions []Execution
	// Order returns an order that no longer works.
	Order func(OrderID) (Order, bool)
}

// checkPast refuses, as ErrMismatch, a past that is not that of the account.
func (a *Account) checkPast(p *Past) error {
	id, held := p.Executions[0].Instrument, p.Start.Quantity
	for i := range p.Executions {
		x := &p.Executions[i]
		_, err := worth(x)
		switch {
		case err != nil || x.Instrument != id || a.checkBusted(x.ID) != nil:
			return fmt.Errorf("%w: execution %s is not one of the past", ErrMismatch, x.ID)
		case x.Side == Buy:
			held += x.Quantity
		default:
			held -= x.Quantity
		}
	}
	if now, _ := a.Position(id); held != now.Quantity || p.Start.Cost < 0 || p.Start.Cost > MaxMoney {
		return fmt.Errorf("%w: the executions leave %d shares, %d are held", ErrMismatch, held, now.Quantity)
	}
	return nil
}

// ofOrder returns the executions of an execution's order from it on.
func (p *Past) ofOrder(x *Execution) (list []Execution) {
	for i := range p.Executions {
		if y := &p.Executions[i]; y.Order == x.Order && y.FoldPlace() >= x.FoldPlace() {
			list = append(list, *y)
		}
	}
	return list
}

// ordersOf returns the orders of executions. If one of them can't have its executions, it is
// ErrMismatch.
func (a *Account) ordersOf(list []Execution, p *Past) (map[OrderID]Order, error) {
	orders := make(map[OrderID]Order, len(list))
	left := make(map[OrderID]Order, len(list)) // without the executions
	for i := range list {
		x := &list[i]
		if _, found := orders[x.Order]; !found {
			orders[x.Order] = a.orderOf(x, p)
			left[x.Order] = orders[x.Order]
		}
		o := left[x.Order]
		o.Filled -= x.Quantity
		o.FilledValue -= x.value()
		left[x.Order] = o
		whole := orders[x.Order]
		if x.Order != whole.ID || x.Order.Customer() != a.customer || x.Order.Number() == 0 || x.Order.Number() > a.lastOrder ||
			x.Side != whole.Side || x.Instrument != whole.Instrument || o.Filled < 0 || o.FilledValue < 0 ||
			!whole.consistent() || whole.Working() != (a.Order(x.Order) != nil) {
			return nil, fmt.Errorf("%w: execution %s is not one of order %s", ErrMismatch, x.ID, x.Order)
		}
	}
	return orders, nil
}

// orderOf returns the order of an execution.
func (a *Account) orderOf(x *Execution, p *Past) Order {
	if o, _, found := a.FindOrder(x.Order); found {
		return o
	}
	if p.Order != nil {
		if o, found := p.Order(x.Order); found {
			return o
		}
	}
	return SimpleOrder(x)
}
