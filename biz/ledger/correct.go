package ledger

import (
	"fmt"
	"slices"
)

// Correction is the command to replace an execution by one with another quantity or price.
type Correction struct {
	Execution ExecutionID // it is in Past, too
	Quantity  Quantity
	Price     Price
	Reason    string
	Past      Past
	Terms     Terms
}

// CorrectionPlan is what a correction does.
type CorrectionPlan struct {
	// Event is that of the correction, without what the account adds: number, change and rows.
	Event Event
	// Frozen and Sellable are how many shares of the position are frozen then, and how many can
	// be sold.
	Frozen, Sellable Quantity

	uncovered []*Order // working sells that are cancelled first
}

// Correct replaces an execution: the new one takes its place among the others. It appends the
// event to dst, after those of working sells that it cancels, as with Bust. Errors
// are those of Bust, ErrBusted if the execution is busted, and ErrOverfilled if the order
// would be filled beyond its quantity.
func (a *Account) Correct(dst []Event, c *Correction) ([]Event, error) {
	p, err := a.PlanCorrect(c)
	if err != nil {
		return dst, err
	}
	a.recent.trim()
	dst = a.cancelUncovered(dst, p.uncovered, c.Terms.Time)
	dst = append(dst, p.Event)
	a.mustApply(&dst[len(dst)-1])
	return dst, nil
}

// PlanCorrect returns what Correct would do. Errors are those of Correct; nothing changes in any
// case.
func (a *Account) PlanCorrect(c *Correction) (p CorrectionPlan, err error) {
	at, err := a.findCorrected(c)
	if err != nil {
		return p, err
	}
	old := c.Past.Executions[at]
	later := c.Past.ofOrder(&old)
	orders, err := a.ordersOf(later, &c.Past)
	if err != nil {
		return p, err
	}
	order := orders[old.Order]
	next, err := a.correction(&old, &order, later, c)
	if err != nil {
		return p, err
	}
	before := order
	order.correct(&old, &next)
	if order.Frozen, err = frozenFor(&order, &c.Terms); err != nil || order.Frozen > MaxMoney-(a.frozen-before.Frozen) {
		return p, ErrTooLarge
	}
	all := slices.Clone(c.Past.Executions)
	all[at] = next
	f, ok := Refold(c.Past.Start, all)
	if ok && len(f.Short) > 0 {
		return p, &BlockedError{f.Short}
	}
	next.Cost = all[slices.IndexFunc(all, func(x Execution) bool { return x.ID == next.ID })].Cost
	p.Event = Event{
		Kind: KindCorrect, Time: c.Terms.Time, Cause: ByCorrection, Text: c.Reason, Execution: next, Order: order,
		Position: f.position(old.Instrument), Amount: next.CashFlow() - old.CashFlow(),
		FeeChange: next.feeApart() - old.feeApart(), QuantityChange: next.Quantity - old.Quantity,
	}
	if !ok || !a.fitsCorrection(&p.Event) {
		return p, ErrTooLarge
	}
	a.coverCorrection(&p, &old, &before)
	return p, nil
}

// coverCorrection finds the working sells that a correction cancels. before is the order as it is.
func (a *Account) coverCorrection(p *CorrectionPlan, old *Execution, before *Order) {
	e := &p.Event
	next, id := &e.Execution, old.Instrument
	// A working sell loses as much of what is left as the position loses: it is covered.
	less := before.freezesShares() - e.Order.freezesShares()
	unsettled := a.unsettledShares(id, e.Time) - old.unsettledBuy(e.Time) + next.unsettledBuy(e.Time)
	p.uncovered = a.uncovered(id, e.Position.Quantity-max(0, unsettled)+less)
	p.Frozen = a.FrozenShares(id) - less
	for _, o := range p.uncovered {
		p.Frozen -= o.Leaves()
		if o.ID == before.ID { // the clock was set back: shares are unsettled again
			p.Frozen += less
			e.Order = asCancelled(before)
			e.Order.correct(old, next)
		}
	}
	p.Sellable = max(0, e.Position.Quantity-p.Frozen-max(0, unsettled))
}

// findCorrected returns the index in the past of the execution to correct, or why it can't be.
func (a *Account) findCorrected(c *Correction) (at int, err error) {
	switch b, done := a.busted[c.Execution]; {
	case done && b.CorrectedBy != 0:
		return 0, fmt.Errorf("%w: %s has replaced it", ErrBusted, NewExecutionID(a.customer, b.CorrectedBy))
	case done:
		return 0, ErrBusted
	}
	if err := a.checkBusted(c.Execution); err != nil {
		return 0, err
	}
	at = slices.IndexFunc(c.Past.Executions, func(x Execution) bool { return x.ID == c.Execution })
	switch {
	case at < 0:
		return 0, ErrUnknownExecution
	case a.lastExecution == maxExecutions:
		return 0, ErrExhausted
	case !ValidReason(c.Reason):
		return 0, ErrBadReason
	}
	return at, a.checkPast(&c.Past)
}

// fitsCorrection reports whether the sums after a correction are within their limits.
func (a *Account) fitsCorrection(e *Event) bool {
	at, held := find(a.rows, e.Position.Instrument)
	change := e.Position.Cost + e.FeeChange
	if held {
		change -= a.rows[at].cost
	} else if e.Position.Quantity > 0 && len(a.rows) == MaxRows {
		return false
	}
	unsettled := a.Unsettled(e.Time)
	return withinMoney(e.Amount) && unsettled <= MaxMoney-e.unsettledChange() && withinMoney(a.cash+e.Amount) && withinMoney(a.fees+e.FeeChange) &&
		withinMoney(change) && withinMoney(change+e.Amount) && withinMoney(a.realised+change+e.Amount)
}

// correction returns the execution that replaces old, one of order o. later are the executions of
// the order from old on. The fee is as if the order had been executed so then.
func (a *Account) correction(old *Execution, o *Order, later []Execution, c *Correction) (next Execution, err error) {
	next = *old
	next.ID = NewExecutionID(a.customer, a.lastExecution+1)
	next.Corrects, next.Place = old.ID.Number(), old.FoldPlace()
	next.Quantity, next.Price, next.Cost, next.Fee = c.Quantity, c.Price, 0, 0
	next.ClientOrderID = o.ClientOrderID
	value, err := worth(&next)
	if err != nil {
		return next, err
	}
	others, earlier := *o, *o
	others.Filled -= old.Quantity
	others.FilledValue -= old.value()
	for i := range later {
		earlier.FilledValue -= later[i].value()
	}
	switch {
	case c.Quantity > o.Quantity-others.Filled:
		return next, fmt.Errorf("%w: %d ordered, %d filled otherwise, %d asked", ErrOverfilled, o.Quantity, others.Filled, c.Quantity)
	case others.FilledValue > MaxMoney-value:
		return next, ErrTooLarge
	}
	_, next.Fee, err = c.Terms.valueAndFee(&earlier, Offer{c.Quantity, c.Price})
	next.FeeInCost = next.Fee > 0 && o.Side == Buy && c.Terms.Fees.inCost()
	return next, err
}

// correct replaces an execution of the order. A working order has as much left as before, or
// less if more is filled now.
func (o *Order) correct(old, next *Execution) {
	works := o.Working()
	o.Filled += next.Quantity - old.Quantity
	o.FilledValue += next.value() - old.value()
	switch {
	case works:
		o.Quantity += min(0, next.Quantity-old.Quantity)
		o.updateStatus()
	case o.Status == Filled && o.Filled < o.Quantity:
		o.Status = Cancelled
	}
}
