package ledger

import "fmt"

// Fill executes a part of a working order with offers of at most what is left. If the
// account can't take an execution, the order is cancelled. It is ErrUnknownOrder or
// ErrTooLate if the order does not work.
func (a *Account) Fill(dst []Event, id OrderID, offers []Offer, t *Terms) ([]Event, error) {
	o, err := a.working(id)
	if err != nil {
		return dst, err
	}
	if len(offers) == 0 {
		return dst, ErrBadQuantity
	}
	if err := checkOffers(offers, o.Leaves()); err != nil {
		return dst, err
	}
	a.recent.trim()
	order := *o
	return a.execute(dst, &order, offers, t)
}

// FillLate executes a part of an order that no longer works, as if the execution had crossed
// its cancellation. The order stays in its state. It is a Refusal if the order still works,
// or if the account can't take the execution.
func (a *Account) FillLate(dst []Event, o *Order, offer Offer, t *Terms) ([]Event, error) {
	switch {
	case o.ID.Customer() != a.customer || o.ID.Number() == 0 || o.ID.Number() > a.lastOrder || !o.consistent():
		return dst, ErrUnknownOrder
	case o.Working() || a.Order(o.ID) != nil || offer.Quantity > o.Quantity-o.Filled:
		return dst, ErrBadQuantity
	}
	a.recent.trim()
	return a.executePart(dst, o, offer, t, false)
}

// Trigger makes a stop order a market or limit order, and executes it with offers. What a
// market order can't have is cancelled. Errors are those of Fill.
func (a *Account) Trigger(dst []Event, id OrderID, offers []Offer, t *Terms) ([]Event, error) {
	o, err := a.working(id)
	if err != nil {
		return dst, err
	}
	if !o.waitsForStop() {
		return dst, ErrBadOrderType
	}
	if err := checkOffers(offers, o.Leaves()); err != nil {
		return dst, err
	}
	a.recent.trim()
	order := *o
	order.Triggered = true
	more := len(offers) > 0 || !order.rests()
	dst = append(dst, Event{Kind: KindTrigger, Time: t.Time, Cause: ByStopPrice, More: more, Order: order})
	a.mustApply(&dst[len(dst)-1])
	return a.execute(dst, &order, offers, t)
}

// working returns a working order. Errors are ErrUnknownOrder and ErrTooLate.
func (a *Account) working(id OrderID) (*Order, error) {
	if o := a.Order(id); o != nil {
		return o, nil
	}
	if id.Customer() != a.customer || id.Number() == 0 || id.Number() > a.lastOrder {
		return nil, ErrUnknownOrder
	}
	return nil, ErrTooLate
}

// Cancel cancels a working order. Errors are ErrUnknownOrder and ErrTooLate.
func (a *Account) Cancel(dst []Event, id OrderID, cause Cause, now int64) ([]Event, error) {
	o, err := a.working(id)
	if err != nil {
		return dst, err
	}
	a.recent.trim()
	return a.end(dst, o, KindCancel, cause, now, false), nil
}

// CancelAll cancels all working orders that match accepts, in the order of their ids.
func (a *Account) CancelAll(dst []Event, match func(*Order) bool, cause Cause, now int64) []Event {
	a.recent.trim()
	return a.cancelMatching(dst, match, cause, now, false)
}

func (a *Account) cancelMatching(dst []Event, match func(*Order) bool, cause Cause, now int64, more bool) []Event {
	var all []Order
	for _, o := range a.orders {
		if match(o) {
			all = append(all, *o)
		}
	}
	for i := range all {
		dst = a.end(dst, &all[i], KindCancel, cause, now, more || i < len(all)-1)
	}
	return dst
}

// Expire ends a working order whose time is over. Errors are ErrUnknownOrder and ErrTooLate.
func (a *Account) Expire(dst []Event, id OrderID, now int64) ([]Event, error) {
	o, err := a.working(id)
	if err != nil {
		return dst, err
	}
	cause := ByDate
	if o.TimeInForce == Day {
		cause = ByClose
	}
	a.recent.trim()
	return a.end(dst, o, KindExpire, cause, now, false), nil
}

// Replacement is the command to change the terms of a working order.
type Replacement struct {
	Order OrderID
	// ClientOrderID is the new id of the order; zero: it stays.
	ClientOrderID ClientOrderID
	// Quantity is the new quantity, with what is filled. The others are as in NewOrder.
	Quantity    Quantity
	Price       Price
	Stop        Price
	TimeInForce TimeInForce
	Expires     int64
	Terms       Terms
}

// Replace changes the terms of a working order, and then executes it with offers. What was
// executed stays. A repeated ClientOrderID is ErrDuplicate, as with Place. The order loses
// its place among others at its price unless only its quantity falls. Errors are Refusals;
// then nothing has changed.
func (a *Account) Replace(dst []Event, r *Replacement, offers []Offer) ([]Event, error) {
	if first, found := a.FindNamed(&r.ClientOrderID); found {
		return a.Command(dst, first.Event), ErrDuplicate
	}
	before, err := a.working(r.Order)
	if err != nil {
		return dst, err
	}
	if err := a.checkReplacement(before, r); err != nil {
		return dst, err
	}
	if err := checkOffers(offers, r.Quantity-before.Filled); err != nil {
		return dst, err
	}
	order := *before
	order.Quantity, order.Price, order.Stop = r.Quantity, r.Price, r.Stop
	order.TimeInForce, order.Expires = r.TimeInForce, r.Expires
	if !r.ClientOrderID.IsZero() {
		order.ClientOrderID = r.ClientOrderID
	}
	if order.Price != before.Price || order.Stop != before.Stop || order.Quantity > before.Quantity {
		order.Priority = r.Terms.Priority
	}
	order.updateStatus()
	if order.Frozen, err = frozenFor(&order, &r.Terms); err != nil {
		return dst, err
	}
	a.recent.trim()
	dst = append(dst, Event{Kind: KindReplace, Time: r.Terms.Time, Cause: ByClient, More: len(offers) > 0, Order: order})
	if err := a.apply(&dst[len(dst)-1]); err != nil {
		return dst[:len(dst)-1], err
	}
	return a.execute(dst, &order, offers, &r.Terms)
}

func (a *Account) checkReplacement(o *Order, r *Replacement) error {
	again := NewOrder{
		Side: o.Side, Type: o.Type, TimeInForce: r.TimeInForce, Quantity: r.Quantity,
		Price: r.Price, Stop: r.Stop, Expires: r.Expires, Terms: r.Terms,
	}
	if o.Triggered && r.Stop != o.Stop {
		return fmt.Errorf("%w: the stop price was reached already", ErrBadPrice)
	}
	if err := again.check(); err != nil {
		return err
	}
	switch {
	case !r.TimeInForce.Rests():
		return ErrBadTimeInForce
	case r.Quantity <= o.Filled:
		return fmt.Errorf("%w: %d asked, %d filled already", ErrBadQuantity, r.Quantity, o.Filled)
	}
	if r.Quantity != o.Quantity {
		if err := a.checkLots(&r.Terms, o.Instrument, o.Side, r.Quantity, o.Quantity); err != nil {
			return err
		}
	}
	if r.ClientOrderID.IsZero() {
		return nil
	}
	return a.checkIDs(r.Terms.Time)
}

// Deposit adds cash. Amount is positive; text is a comment, see ValidReason. Errors are
// Refusals.
func (a *Account) Deposit(dst []Event, amount Money, text string, now int64) ([]Event, error) {
	return a.moveCash(dst, Event{Kind: KindDeposit, Amount: amount, Text: text, Time: now})
}

// Withdraw takes out free cash. Amount is positive. Errors are Refusals.
func (a *Account) Withdraw(dst []Event, amount Money, text string, now int64) ([]Event, error) {
	return a.moveCash(dst, Event{Kind: KindWithdraw, Amount: -amount, Text: text, Time: now})
}

func (a *Account) moveCash(dst []Event, e Event) ([]Event, error) {
	if !ValidReason(e.Text) {
		return dst, ErrBadReason
	}
	if e.Amount < -MaxMoney || e.Amount > MaxMoney {
		return dst, ErrTooLarge
	}
	a.recent.trim()
	e.Order.ID = NewOrderID(a.customer, 0)
	dst = append(dst, e)
	if err := a.apply(&dst[len(dst)-1]); err != nil {
		return dst[:len(dst)-1], err
	}
	return dst, nil
}

// Reset cancels all working orders and makes the account as it was when it was opened. The
// numbers of events, pushes, orders and executions go on.
func (a *Account) Reset(dst []Event, text string, now int64) ([]Event, error) {
	if !ValidReason(text) {
		return dst, ErrBadReason
	}
	a.recent.trim()
	dst = a.cancelMatching(dst, func(*Order) bool { return true }, ByReset, now, true)
	dst = append(dst, Event{Kind: KindReset, Time: now, Text: text, Order: Order{ID: NewOrderID(a.customer, 0)}})
	a.mustApply(&dst[len(dst)-1])
	return dst, nil
}
