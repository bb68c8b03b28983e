package ledger

import (
	"errors"
	"fmt"
)

// Place accepts an order and appends its events to dst. offers are what the market lets the
// order have at once, in order, at most the order's quantity in all; what is left rests,
// unless the order says otherwise: then it is cancelled.
//
// If an order with the same client order id is remembered, Place changes nothing and returns
// ErrDuplicate, even if the other fields differ. It then appends the events of that order's
// command, if they are in memory (else see FindNamed). If a business rule forbids
// the order, Place changes nothing and returns a Refusal. An order that is executed at once
// in one piece does not allocate, once the memory of recent events has its full size.
func (a *Account) Place(dst []Event, o *NewOrder, offers []Offer) ([]Event, error) {
	if first, found := a.FindNamed(&o.ClientOrderID); found {
		return a.Command(dst, first.Event), ErrDuplicate
	}
	if err := a.checkNew(o); err != nil {
		return dst, err
	}
	a.recent.trim()
	if len(offers) == 1 && offers[0].Quantity == o.Quantity {
		dst = append(dst, Event{})
		a.number(&dst[len(dst)-1].Order, o)
		return a.executeLast(dst, offers[0], &o.Terms, false)
	}
	var order Order
	a.number(&order, o)
	if err := checkOffers(offers, o.Quantity); err != nil {
		return dst, err
	}
	if o.TimeInForce == FillOrKill && sum(offers) < o.Quantity {
		offers = nil
	}
	if err := a.checkParts(&order, offers, &o.Terms); err != nil {
		return dst, err
	}
	return a.execute(dst, &order, offers, &o.Terms)
}

// number makes order, which is zero, the next one of the account. It is written where it stays: a
// copy of what was just written makes the processor wait.
func (a *Account) number(order *Order, o *NewOrder) {
	order.ID, order.ClientOrderID, order.Instrument = NewOrderID(a.customer, a.lastOrder+1), o.ClientOrderID, o.Instrument
	order.Side, order.Type, order.TimeInForce, order.Status, order.Held = o.Side, o.Type, o.TimeInForce, New, o.Held
	order.Quantity, order.Price, order.Stop, order.Time, order.Expires = o.Quantity, o.Price, o.Stop, o.Terms.Time, o.Expires
}

// checkNew refuses an order for what is wrong with it alone, or because of a limit of the
// account.
func (a *Account) checkNew(o *NewOrder) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := a.checkLots(&o.Terms, o.Instrument, o.Side, o.Quantity, 0); err != nil {
		return err
	}
	if !o.ClientOrderID.IsZero() {
		if err := a.checkIDs(o.Terms.Time); err != nil {
			return err
		}
	}
	if a.lastOrder == maxExecutions || a.lastExecution == maxExecutions {
		return ErrExhausted
	}
	return nil
}

// checkLots refuses a quantity that the market's lots do not allow. own is what is frozen for
// the order already.
func (a *Account) checkLots(t *Terms, id InstrumentID, side Side, q, own Quantity) error {
	if t.Lots == (Lots{}) {
		return nil
	}
	sellable := Quantity(0)
	if side == Sell {
		sellable = a.Sellable(id, t.Time) + own
	}
	if !t.Lots.Allows(q, sellable) {
		return t.Lots.refusal(q)
	}
	return nil
}

// checkIDs refuses a further client order id above the limit.
func (a *Account) checkIDs(now int64) error {
	if a.ids.count() >= a.options.ClientOrderIDs {
		if a.roll(now, a.lastNumber+1); a.ids.count() >= a.options.ClientOrderIDs {
			return fmt.Errorf("%w: %d", ErrTooManyClientOrderIDs, a.ids.count())
		}
	}
	return nil
}

func sum(offers []Offer) (q Quantity) {
	for i := range offers {
		q += offers[i].Quantity
	}
	return q
}

// checkOffers refuses offers that are not executions of at most q shares.
func checkOffers(offers []Offer, q Quantity) error {
	for _, offer := range offers {
		switch {
		case offer.Quantity <= 0 || offer.Quantity > q:
			return ErrBadQuantity
		case offer.Price <= 0:
			return ErrBadPrice
		case offer.Price > MaxPrice:
			return ErrTooLarge
		}
		q -= offer.Quantity
	}
	return nil
}

// execute executes an order with the offers. What is left then rests or is cancelled.
// checkParts has accepted a new order.
func (a *Account) execute(dst []Event, o *Order, offers []Offer, t *Terms) ([]Event, error) {
	cause := o.causeOfCancel()
	cancelled := !o.rests() && sum(offers) < o.Leaves()
	for i := range offers {
		var err error
		dst, err = a.executePart(dst, o, offers[i], t, cancelled || i < len(offers)-1)
		if err == nil {
			*o = dst[len(dst)-1].Order
			continue
		}
		cause, cancelled = causeOf(err), true
		break
	}
	switch {
	case cancelled:
		return a.end(dst, o, KindCancel, cause, t.Time, false), nil
	case o.ID.Number() > a.lastOrder: // it rests, and nothing was executed
		dst = append(dst, Event{Kind: KindAccept, Time: t.Time, Order: *o})
		e := &dst[len(dst)-1]
		e.Order.Priority = t.Priority
		e.Order.Frozen, _ = frozenFor(o, t) // checked by checkParts
		a.mustApply(e)
	}
	return dst, nil
}

// causeOfCancel returns why the rest of an order that does not rest is cancelled.
func (o *Order) causeOfCancel() Cause {
	switch o.TimeInForce {
	case ImmediateOrCancel:
		return ByImmediateOrCancel
	case FillOrKill:
		return ByFillOrKill
	}
	return ByLiquidity
}

// causeOf returns why an order is cancelled that can't be executed.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, ErrNotEnoughCash):
		return ByCash
	case errors.Is(err, ErrNotEnoughShares), errors.Is(err, ErrNotEnoughSellable):
		return ByShares
	}
	return ByLimits
}

// executePart executes a part of an order. more says that further events of the command follow. An
// order that no longer works stays in its state.
func (a *Account) executePart(dst []Event, o *Order, offer Offer, t *Terms, more bool) ([]Event, error) {
	return a.executeLast(append(dst, Event{Order: *o}), offer, t, more)
}

// executeLast executes a part of the order that is in the last event of dst, which has nothing else
// yet. After an error the event is gone.
func (a *Account) executeLast(dst []Event, offer Offer, t *Terms, more bool) ([]Event, error) {
	before := dst[:len(dst)-1]
	e := &dst[len(dst)-1]
	o, x := &e.Order, &e.Execution
	value, fee, err := t.valueAndFee(o, offer)
	if err != nil {
		return before, err
	}
	if a.lastExecution == maxExecutions {
		return before, ErrExhausted
	}
	e.Kind, e.Time, e.More = KindFill, t.Time, more
	o.Filled += offer.Quantity
	o.FilledValue += value
	if o.Working() {
		o.updateStatus()
		if o.rests() && o.Priority == 0 && o.Working() {
			o.Priority = t.Priority
		}
		if more { // the last event freezes anew
			o.Frozen = max(0, o.Frozen-value-fee)
		} else if o.Frozen, err = frozenFor(o, t); err != nil {
			return before, err
		}
	}
	x.ID, x.Order, x.Time = NewExecutionID(a.customer, a.lastExecution+1), o.ID, t.Time
	x.Quantity, x.Price, x.Fee = offer.Quantity, offer.Price, fee
	x.Instrument, x.ClientOrderID, x.Side = o.Instrument, o.ClientOrderID, o.Side
	x.FeeInCost = fee > 0 && o.Side == Buy && t.Fees.inCost()
	if x.Settlement = t.CashFrom; o.Side == Buy {
		x.Settlement = t.SharesFrom
	}
	if err := a.apply(e); err != nil {
		return before, err
	}
	return dst, nil
}

// valueAndFee returns quantity x price and the fee of an execution of an order.
func (t *Terms) valueAndFee(o *Order, offer Offer) (value, fee Money, err error) {
	switch {
	case offer.Quantity <= 0:
		return 0, 0, ErrBadQuantity
	case offer.Price <= 0:
		return 0, 0, ErrBadPrice
	}
	value, ok := Value(offer.Quantity, offer.Price)
	if !ok || o.FilledValue > MaxMoney-value {
		return 0, 0, ErrTooLarge
	}
	fee, ok = t.Fees.of(o.Side, o.FilledValue, value, offer.Quantity)
	if !ok || fee > MaxMoney-value {
		return 0, 0, ErrTooLarge
	}
	return value, fee, nil
}

// frozenFor returns the cash to freeze for what is left of an order.
func frozenFor(o *Order, t *Terms) (Money, error) {
	if o.Side != Buy || !o.Working() || !o.rests() {
		return 0, nil
	}
	m, ok := t.Fees.freeze(o, t.Reserve)
	if !ok {
		return 0, ErrTooLarge
	}
	return m, nil
}

// end cancels or expires an order, which may be a new one.
func (a *Account) end(dst []Event, o *Order, k Kind, cause Cause, now int64, more bool) []Event {
	dst = append(dst, Event{Kind: k, Time: now, Cause: cause, More: more, Order: asCancelled(o)})
	e := &dst[len(dst)-1]
	if k == KindExpire {
		e.Order.Status = Expired
	}
	a.mustApply(e)
	return dst
}

// asCancelled returns an order as it is once it is cancelled.
func asCancelled(o *Order) Order {
	after := *o
	after.Status, after.Frozen = Cancelled, 0
	return after
}

// Command appends the events of the command that has this event, from it on. It appends
// nothing if the event is not in memory.
func (a *Account) Command(dst []Event, number uint64) []Event {
	if number < a.firstRecent() {
		return dst
	}
	if number > a.lastNumber {
		return dst
	}
	rest := a.recent.bytes[a.recent.start(int(a.lastNumber+1-number)):]
	for more := true; more && len(rest) > 0; {
		e, used, err := DecodeEvent(rest)
		if err != nil {
			panic(fmt.Sprintf("ledger: event in memory: %v", err))
		}
		dst, more, rest = append(dst, e), e.More, rest[used+lengthSize:]
	}
	return dst
}
