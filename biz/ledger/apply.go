package ledger

import (
	"fmt"
	"slices"
)

// Place fills an order at its price and returns the event.
//
// If a fill in memory has the same client order id, Place changes nothing and returns that
// first event and ErrDuplicate, even if the other fields differ. If a business rule forbids
// the order, Place changes nothing and returns a Refusal. It does not allocate once the
// memory of recent events has its full size.
func (a *Account) Place(o Order) (Event, error) {
	id := o.ClientOrderID.hash()
	if first := a.recent.find(&o.ClientOrderID, o.ClientOrderID.tagOf(id)); first != nil {
		return *first, ErrDuplicate
	}
	if err := o.check(); err != nil {
		return Event{}, err
	}
	if a.lastExecution == maxExecutions {
		return Event{}, ErrExhausted
	}
	e := Event{Kind: KindFill, Number: a.lastNumber + 1, Time: o.Time}
	e.Execution = Execution{
		ID: NewExecutionID(a.customer, a.lastExecution+1), Order: NewOrderID(a.customer, a.lastExecution+1),
		Time: o.Time, Quantity: o.Quantity, Price: o.Price, Instrument: o.Instrument,
		ClientOrderID: o.ClientOrderID, Side: o.Side,
	}
	var out outcome
	if err := a.decide(&e, &out); err != nil {
		return Event{}, err
	}
	a.apply(&e, &out, id, "")
	return e, nil
}

// Bust takes an execution back. It returns the event, with changed true.
//
// A second bust of the same execution changes nothing: changed is false, and the event has
// the number and time of the first bust and the current position. ErrBustBlocked means that
// the quantity would become negative, ErrUnknownExecution that the account never had the
// execution, ErrBadBustReason that ValidReason refuses the reason, ErrMismatch that it differs
// from the execution in memory. After an error nothing has changed.
func (a *Account) Bust(b Bust) (e Event, changed bool, err error) {
	id := b.Execution.ID
	if first, ok := a.busted[id]; ok {
		return a.bustedBefore(&b.Execution, first), false, nil
	}
	if recent, ok := a.FindExecution(id); ok && recent.Execution != b.Execution {
		return Event{}, false, fmt.Errorf("%w: execution %s", ErrMismatch, id)
	}
	e = Event{Kind: KindBust, Number: a.lastNumber + 1, Time: b.Time, Execution: b.Execution}
	if err := a.checkBust(&e); err != nil {
		return Event{}, false, err
	}
	if !ValidReason(b.Reason) {
		return Event{}, false, ErrBadBustReason
	}
	var out outcome
	if err := a.decide(&e, &out); err != nil {
		return Event{}, false, err
	}
	a.apply(&e, &out, b.Execution.ClientOrderID.hash(), b.Reason)
	return e, true, nil
}

func (a *Account) bustedBefore(x *Execution, first Busted) Event {
	p, _ := a.Position(x.Instrument)
	return Event{
		Kind: KindBust, Number: first.Number, Time: first.Time, Execution: *x,
		Position: p, Rows: uint32(len(a.rows)),
	}
}

func (a *Account) checkBust(e *Event) error {
	n := e.Execution.ID.Number()
	if e.Customer() != a.customer || n == 0 || n > a.lastExecution {
		return ErrUnknownExecution
	}
	return nil
}

// Replay applies an event that was read back, with the reason of a bust. An event that the
// account already has is skipped: applied is false. The event must be the next one (else
// ErrGap), of this customer (else ErrWrongAccount), and all its fields must follow from the
// state (else ErrMismatch).
func (a *Account) Replay(e *Event, reason string) (applied bool, err error) {
	switch {
	case e.Customer() != a.customer:
		return false, fmt.Errorf("%w: event %d of %d, account of %d", ErrWrongAccount, e.Number, e.Customer(), a.customer)
	case e.Number <= a.lastNumber:
		return false, nil
	case e.Number != a.lastNumber+1:
		return false, fmt.Errorf("%w: customer %d has %d, next is %d", ErrGap, a.customer, a.lastNumber, e.Number)
	}
	again := *e
	var out outcome
	if err := a.checkReplay(&again, reason); err != nil {
		return false, a.mismatch(e, err)
	}
	if err := a.decide(&again, &out); err != nil {
		return false, a.mismatch(e, err)
	}
	if again != *e {
		return false, a.mismatch(e, nil)
	}
	a.apply(e, &out, e.Execution.ClientOrderID.hash(), reason)
	return true, nil
}

func (a *Account) checkReplay(e *Event, reason string) error {
	x := &e.Execution
	if x.Order.Customer() != a.customer || (x.Side != Buy && x.Side != Sell) {
		return ErrMalformed
	}
	if e.Kind == KindBust {
		if _, ok := a.busted[x.ID]; ok {
			return ErrDuplicate
		}
		if !storableReason(reason) { // not ValidReason: older journals have other text, too
			return ErrMalformed
		}
		return a.checkBust(e)
	}
	if e.Kind != KindFill || x.Time != e.Time || uint64(x.ID.Number()) != uint64(a.lastExecution)+1 {
		return ErrMalformed
	}
	return nil
}

func (a *Account) mismatch(e *Event, err error) error {
	if err == nil {
		return fmt.Errorf("%w: customer %d, event %d", ErrMismatch, a.customer, e.Number)
	}
	return fmt.Errorf("%w: customer %d, event %d: %w", ErrMismatch, a.customer, e.Number, err)
}

// outcome is the state of the account after an event, before it is applied.
type outcome struct {
	at       int  // index of the row, or where to insert it
	held     bool // the row exists already
	after    row
	worth    Money // value of the row before the event
	cash     Money
	realised Money
}

// decide computes the outcome of a fill or a bust and completes the event. New events and
// replayed events both go through it.
func (a *Account) decide(e *Event, out *outcome) error {
	x := &e.Execution
	value, err := worth(x)
	if err != nil {
		return err
	}
	out.at, out.held = find(a.rows, x.Instrument)
	out.after = row{instrument: x.Instrument, since: a.since()}
	if out.held {
		out.after = a.rows[out.at]
		out.worth = out.after.value()
	}
	out.cash, out.realised = a.cash, a.realised
	switch {
	case e.Kind == KindFill && x.Side == Buy:
		err = out.buy(x, value)
	case e.Kind == KindFill:
		err = out.sell(x, value)
	case x.Side == Buy:
		err = out.undoBuy(x, value)
	default:
		err = out.undoSell(x, value)
	}
	if err != nil {
		return err
	}
	return a.complete(e, out)
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
	case x.Quantity > MaxQuantity, x.Price > MaxPrice, x.Cost < 0, x.Cost > MaxMoney:
		return 0, ErrTooLarge
	}
	value, ok := Value(x.Quantity, x.Price)
	if !ok {
		return 0, ErrTooLarge
	}
	return value, nil
}

func (o *outcome) buy(x *Execution, value Money) error {
	if o.cash < value {
		return ErrNotEnoughCash
	}
	x.Cost = 0
	o.after.quantity += x.Quantity
	o.after.cost += value
	o.cash -= value
	return nil
}

func (o *outcome) sell(x *Execution, value Money) error {
	held := o.after.quantity
	switch {
	case held < x.Quantity:
		return ErrNotEnoughShares
	case held == x.Quantity:
		x.Cost = o.after.cost
	default:
		x.Cost = share(o.after.cost, x.Quantity, held)
	}
	o.after.quantity -= x.Quantity
	o.after.cost -= x.Cost
	o.cash += value
	o.profit(value-x.Cost, true)
	return nil
}

func (o *outcome) undoBuy(x *Execution, value Money) error {
	if o.after.quantity < x.Quantity {
		return ErrBustBlocked
	}
	o.after.quantity -= x.Quantity
	o.after.cost -= value
	o.cash += value
	if o.after.cost < 0 || o.after.quantity == 0 {
		o.profit(-o.after.cost, true)
		o.after.cost = 0
	}
	return nil
}

func (o *outcome) undoSell(x *Execution, value Money) error {
	ofRow := o.held && x.ID.Number() >= o.after.since
	o.after.quantity += x.Quantity
	o.after.cost += x.Cost
	o.cash -= value
	o.profit(x.Cost-value, ofRow)
	return nil
}

// profit adds m to the realised profit of the account and, if ofRow, of the row.
func (o *outcome) profit(m Money, ofRow bool) {
	o.realised += m
	if ofRow {
		o.after.realised += m
	}
}

// complete checks the outcome against the limits and writes it into the event.
func (a *Account) complete(e *Event, out *outcome) error {
	r := &out.after
	if r.quantity > MaxQuantity || r.cost > MaxMoney || !withinMoney(r.realised) ||
		!withinMoney(out.cash) || !withinMoney(out.realised) {
		return ErrTooLarge
	}
	rows := len(a.rows)
	grew := (e.Kind == KindFill) == (e.Execution.Side == Buy)
	switch {
	case !out.held:
		e.Change = Opened
		rows++
	case r.quantity == 0:
		e.Change = Closed
		rows--
	case grew:
		e.Change = Increased
	default:
		e.Change = Decreased
	}
	if rows > MaxRows {
		return ErrTooManyPositions
	}
	e.Position = r.position()
	e.Rows = uint32(rows)
	return nil
}

// apply changes the account to the outcome. id is the hash of the client order id.
func (a *Account) apply(e *Event, out *outcome, id uint64, reason string) {
	if out.held {
		a.value.sub(out.worth)
	}
	if e.Kind == KindFill || !out.held {
		out.after.last = e.Execution.Price
	}
	a.value.add(out.after.value())
	switch e.Change {
	case Opened:
		a.rows = slices.Insert(a.rows, out.at, out.after)
	case Closed:
		a.rows = slices.Delete(a.rows, out.at, out.at+1)
	default:
		a.rows[out.at] = out.after
	}
	a.cash, a.realised = out.cash, out.realised
	a.lastNumber = e.Number
	a.digest = e.digest(a.digest, id, reason)
	if e.Kind == KindFill {
		a.lastExecution = e.Execution.ID.Number()
	} else {
		a.markBusted(e, reason)
	}
	a.recent.add(e, e.tag(id))
}

func (a *Account) markBusted(e *Event, reason string) {
	if a.busted == nil {
		a.busted = make(map[ExecutionID]Busted)
	}
	a.busted[e.Execution.ID] = Busted{Number: e.Number, Time: e.Time, Reason: reason}
}
