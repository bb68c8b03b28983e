package ledger

import "fmt"

// outcome is the state of the account after an event, before it is committed.
type outcome struct {
	at       int  // index of the row, or where to insert it
	held     bool // the row exists already
	after    row
	worth    Money // value of the row before the event
	cash     Money
	frozen   Money
	realised Money
	fees     Money
	orderAt  int    // index of the order, or where to insert it
	before   *Order // the working order before the event, or nil
}

// decide computes the outcome of an event and completes the event. New events and replayed
// events both go through it. After an error nothing has changed.
func (a *Account) decide(e *Event, out *outcome) error {
	out.cash, out.frozen, out.realised, out.fees = a.cash, a.frozen, a.realised, a.fees
	if !e.Kind.HasOrder() {
		return a.decideCash(e, out)
	}
	if err := a.decideOrder(e, out); err != nil {
		return err
	}
	out.at, out.held = find(a.rows, e.Order.Instrument)
	if out.held {
		out.after = a.rows[out.at]
		out.worth = out.after.value()
	} else {
		out.after = row{instrument: e.Order.Instrument, since: a.since()}
	}
	if !e.Kind.HasExecution() {
		if err := a.checkCash(e, out); err != nil {
			return err
		}
		return a.freezeShares(e, out)
	}
	value, err := worth(&e.Execution)
	if err != nil {
		return err
	}
	switch {
	case e.Kind != KindFill && !e.Early:
		err = out.rebuilt(e)
	case e.Kind != KindFill && e.Execution.Side == Buy:
		err = out.undoBuy(&e.Execution, value)
	case e.Kind != KindFill:
		err = out.undoSell(&e.Execution, value)
	case e.Execution.Side == Buy:
		err = out.buy(&e.Execution, value)
	default:
		err = a.sell(e, out, value)
	}
	if err == nil {
		err = a.checkCash(e, out)
	}
	if err == nil {
		err = a.freezeShares(e, out)
	}
	if err != nil {
		return err
	}
	return a.complete(e, out)
}

// decideOrder checks the order of an event against the one that works, and counts its frozen
// cash.
func (a *Account) decideOrder(e *Event, out *outcome) error {
	o := &e.Order
	n := uint64(o.ID.Number())
	if n == 0 || n > uint64(a.lastOrder)+1 || o.Filled < 0 || o.Filled > o.Quantity {
		return ErrMalformed
	}
	first := n == uint64(a.lastOrder)+1
	if !first {
		if at, works := a.orderIndex(o.ID); works {
			out.orderAt, out.before = at, a.orders[at]
			out.frozen -= out.before.Frozen
		} else {
			out.orderAt = at
		}
	} else {
		out.orderAt = len(a.orders)
	}
	filled := Quantity(0)
	switch {
	case out.before != nil:
		filled = out.before.Filled
	case first:
	case e.Kind == KindFill:
		filled = o.Filled - e.Execution.Quantity // late: of an order that no longer works
	}
	e.Named = first || out.before != nil && out.before.ClientOrderID != o.ClientOrderID
	if e.Kind == KindFill && o.Filled != filled+e.Execution.Quantity {
		return ErrMalformed
	}
	e.Simple = e.simple()
	out.frozen += o.Frozen
	if o.Frozen < 0 || !withinMoney(out.frozen) {
		return ErrTooLarge
	}
	return nil
}

// checkCash refuses an event that spends or freezes more cash than is free. A bust or a
// correction may do so.
func (a *Account) checkCash(e *Event, out *outcome) error {
	unsettled, more := a.Unsettled(e.Time), Money(0)
	if e.Kind.HasExecution() {
		more = e.unsettledChange()
	}
	if !withinMoney(out.cash) || unsettled > MaxMoney-more {
		return ErrTooLarge
	}
	if e.Kind == KindBust || e.Kind == KindCorrect {
		return nil
	}
	spent := a.cash - out.cash + more + out.frozen - a.frozen // fits: what is sold adds at most more
	if spent > 0 && freeCash(out.cash, out.frozen, unsettled+more) < 0 {
		return a.notEnoughCash(e.Time, spent)
	}
	return nil
}

// since returns the first execution that counts in the profit of a row that opens now.
func (a *Account) since() uint32 {
	return uint32(min(uint64(a.lastExecution)+1, maxExecutions))
}

// worth returns quantity x price, or an error beyond the limits.
func worth(x *Execution) (Money, error) {
	switch {
	case x.Quantity <= 0:
		return 0, ErrBadQuantity
	case x.Price <= 0:
		return 0, ErrBadPrice
	case x.Quantity > MaxQuantity, x.Price > MaxPrice, x.Cost < 0, x.Cost > MaxMoney, x.Fee < 0, x.Fee > MaxMoney:
		return 0, ErrTooLarge
	}
	value, ok := Value(x.Quantity, x.Price)
	if !ok {
		return 0, ErrTooLarge
	}
	return value, nil
}

func (o *outcome) buy(x *Execution, value Money) error {
	if value > MaxMoney-x.Fee {
		return ErrTooLarge
	}
	x.Cost = 0
	o.after.quantity += x.Quantity
	o.after.cost += value
	if x.FeeInCost {
		o.after.cost += x.Fee
	} else {
		o.fees += x.Fee
	}
	o.cash -= value + x.Fee
	return nil
}

func (a *Account) sell(e *Event, out *outcome, value Money) error {
	x := &e.Execution
	own := Quantity(0) // frozen for this order
	if out.before != nil {
		own = out.before.freezesShares()
	}
	held := out.after.quantity
	if out.after.frozen-own > held-x.Quantity || held < x.Quantity {
		return a.notEnoughShares(x.Instrument, e.Time, x.Quantity)
	}
	if own < x.Quantity && len(a.lots) > 0 && a.Sellable(x.Instrument, e.Time)+own < x.Quantity {
		return a.notEnoughShares(x.Instrument, e.Time, x.Quantity)
	}
	switch {
	case held == x.Quantity:
		x.Cost = out.after.cost
	case e.Early:
		x.Cost = earlyShare(out.after.cost, x.Quantity, held)
	default:
		x.Cost = share(out.after.cost, x.Quantity, held)
	}
	out.after.quantity -= x.Quantity
	out.after.cost -= x.Cost
	out.cash += value - x.Fee
	out.profit(value-x.Cost-x.Fee, true)
	return nil
}

// rebuilt takes over the position that a fold has computed. What the event adds to cash, cost
// and fees is the realised profit.
func (o *outcome) rebuilt(e *Event) error {
	p := &e.Position
	if p.Quantity < 0 || p.Quantity > MaxQuantity || p.Cost < 0 || p.Cost > MaxMoney ||
		!withinMoney(p.Realised) || !withinMoney(e.Amount) || !withinMoney(e.FeeChange) {
		return ErrTooLarge
	}
	costChange := p.Cost - o.after.cost
	o.after.quantity, o.after.cost, o.after.realised = p.Quantity, p.Cost, p.Realised
	o.cash += e.Amount
	o.fees += e.FeeChange
	if !withinMoney(o.cash) || !withinMoney(o.fees) {
		return ErrTooLarge
	}
	if !withinMoney(costChange+e.FeeChange) || !withinMoney(costChange+e.FeeChange+e.Amount) {
		return ErrTooLarge
	}
	o.realised += e.Amount + costChange + e.FeeChange
	return nil
}

// profit adds m to the realised profit of the account and, if ofRow, of the row.
func (o *outcome) profit(m Money, ofRow bool) {
	o.realised += m
	if ofRow {
		o.after.realised += m
	}
}

// freezeShares counts the frozen shares of the row.
func (a *Account) freezeShares(e *Event, out *outcome) error {
	change := e.Order.freezesShares()
	if out.before != nil {
		change -= out.before.freezesShares()
	}
	if change == 0 {
		return nil
	}
	free := out.after.quantity - out.after.frozen
	if !e.Kind.HasExecution() {
		free -= a.unsettledShares(e.Order.Instrument, e.Time)
	}
	if change > 0 && free < change {
		return a.notEnoughShares(e.Order.Instrument, e.Time, e.Order.freezesShares())
	}
	out.after.frozen += change
	if !out.held && out.after.quantity == 0 || out.after.frozen < 0 {
		return ErrMalformed
	}
	return nil
}

// complete checks the outcome against the limits and writes it into the event.
func (a *Account) complete(e *Event, out *outcome) error {
	r := &out.after
	if r.quantity > MaxQuantity || r.cost > MaxMoney || !withinMoney(r.realised) ||
		!withinMoney(out.cash) || !withinMoney(out.realised) || !withinMoney(out.fees) {
		return ErrTooLarge
	}
	rows := len(a.rows)
	before := Quantity(0)
	if out.held {
		before = a.rows[out.at].quantity
	}
	switch {
	case r.quantity == 0 && before == 0:
		e.Change = Repriced
	case before == 0:
		e.Change = Opened
		rows++
	case r.quantity == 0:
		e.Change = Closed
		rows--
	case r.quantity > before:
		e.Change = Increased
	case r.quantity < before:
		e.Change = Decreased
	default:
		e.Change = Repriced
	}
	if rows > MaxRows {
		return ErrTooManyPositions
	}
	e.Position = r.position()
	e.Rows = uint32(rows)
	return nil
}

func (a *Account) decideCash(e *Event, out *outcome) error {
	switch e.Kind {
	case KindDeposit:
		if e.Amount <= 0 {
			return ErrBadAmount
		}
	case KindWithdraw:
		if e.Amount >= 0 {
			return ErrBadAmount
		}
		if free := a.Free(e.Time); free < -e.Amount {
			return a.notEnoughCash(e.Time, -e.Amount)
		}
	case KindReset:
		if len(a.orders) > 0 {
			return ErrMalformed
		}
		out.cash, out.frozen, out.realised, out.fees = a.opening.Cash, 0, 0, 0
		e.Amount = 0
		e.Rows = uint32(len(a.opening.Holdings))
		return nil
	}
	e.Rows = uint32(len(a.rows))
	if !withinMoney(e.Amount) || !withinMoney(out.cash+e.Amount) || !withinMoney(a.deposits+e.Amount) {
		return ErrTooLarge
	}
	out.cash += e.Amount
	return nil
}

// apply decides a new event and commits it. The event has all inputs.
func (a *Account) apply(e *Event) error {
	e.Number, e.Push = a.lastNumber+1, a.lastPush+1
	var out outcome
	if err := a.decide(e, &out); err != nil {
		return err
	}
	a.commit(e, &out)
	return nil
}

// mustApply is apply for an event that can't be refused any more.
func (a *Account) mustApply(e *Event) {
	if err := a.apply(e); err != nil {
		panic(fmt.Sprintf("ledger: customer %d, event %d of kind %d: %v", a.customer, e.Number, e.Kind, err))
	}
}
