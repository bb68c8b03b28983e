package desk

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// orderBook is the book of one instrument and its lock. An
// account's lock is taken before the book's, never after it.
type orderBook struct {
	mu   sync.Mutex
	book *market.OrderBook
}

// Place accepts an order: it executes what the market offers at once, and lets the rest work
// or cancels it. The order has neither Expires (unless it is good till a date) nor Terms,
// except for the time. Errors are ledger.ErrDuplicate, with the events of the first command
// if they are in memory; Refusals; ErrWithdrawn, and those of Desk.Accepting.
func (t *Turn) Place(o *ledger.NewOrder) ([]ledger.Event, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	ob := t.desk.orderBook(o.Instrument)
	if ob == nil {
		return t.orDuplicate(o, ledger.ErrUnknownInstrument)
	}
	i := t.desk.market.At(o.Instrument)
	if err := t.desk.prepareOrder(i, o); err != nil {
		return t.orDuplicate(o, err)
	}
	if o.Type == ledger.Market && i.Depth == 0 && !o.Held { // everything at the last price: no book
		t.offers = append(t.offers[:0], ledger.Offer{Quantity: o.Quantity, Price: t.desk.market.Last(o.Instrument)})
		return t.placeOffered(o)
	}
	ob.mu.Lock()
	defer ob.mu.Unlock()
	t.offers = t.offers[:0]
	switch {
	case o.Side != ledger.Buy && o.Side != ledger.Sell: // the book has no such side
		return t.orDuplicate(o, ledger.ErrBadSide)
	case o.Held:
	case o.Type.HasStop():
		if ob.book.Triggers(o.Side, o.Stop) {
			return t.orDuplicate(o, fmt.Errorf("%w: the last price %s has reached the stop price %s already", ledger.ErrBadPrice, ob.book.Price(), o.Stop))
		}
	default:
		t.offers = ob.book.Offers(t.offers, o.Side, o.Price, o.Quantity)
	}
	o.Terms.Priority = ob.book.NextPriority()
	events, err := t.placeOffered(o)
	if err == nil {
		t.take(ob, events)
	}
	return events, err
}

// placeOffered applies the order with t.offers.
func (t *Turn) placeOffered(o *ledger.NewOrder) ([]ledger.Event, error) {
	if t.Parts > 1 {
		t.splitOffers()
	}
	t.applying = true
	n := len(t.events)
	all, err := t.account.ledger.Place(t.events, o, t.offers)
	t.applying = false
	events := t.record(all, n, err)
	if applyTwice && err == nil {
		t.placeAgain(*o)
	}
	return events, err
}

// maxSplit is how many offers splitOffers makes at most, so that the events of the order fit
// in a journal record.
const maxSplit = 1000

// splitOffers splits each offer into t.Parts, or as many as it has shares.
func (t *Turn) splitOffers() {
	whole := slices.Clone(t.offers)
	t.offers = t.offers[:0]
	for _, offer := range whole {
		n := min(ledger.Quantity(t.Parts), offer.Quantity, max(ledger.Quantity(maxSplit/len(whole)), 1))
		for i := range n {
			part := offer.Quantity / n
			if i < offer.Quantity%n {
				part++
			}
			t.offers = append(t.offers, ledger.Offer{Quantity: part, Price: offer.Price})
		}
	}
}

// orDuplicate returns the answer to an order that the market refuses with err: an order that
// was accepted before is not refused.
func (t *Turn) orDuplicate(o *ledger.NewOrder, err error) ([]ledger.Event, error) {
	if first, found := t.account.ledger.FindNamed(&o.ClientOrderID); found {
		return t.account.ledger.Command(t.events[len(t.events):], first.Event), ledger.ErrDuplicate
	}
	return nil, err
}

// take takes from the book what new executions had of its offers, and puts the order into it.
// The caller holds the book's lock.
func (t *Turn) take(ob *orderBook, events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if e.Kind == ledger.KindFill {
			ob.book.Take(e.Order.Side, e.Execution.Quantity)
		}
	}
	t.desk.put(ob, &events[len(events)-1].Order)
	t.keepPriceOfStep(events)
}

// keepPriceOfStep is keepPrice if the newest execution had another price than the step: that of a
// deeper level.
func (t *Turn) keepPriceOfStep(events []ledger.Event) {
	for i := len(events) - 1; i >= 0; i-- {
		if e := &events[i]; e.Kind == ledger.KindFill {
			if e.Execution.Price != t.desk.market.Last(e.Execution.Instrument) {
				t.keepPrice(events, e.Time)
			}
			return
		}
	}
}

// put makes the book have the order as it is now. The caller holds the book's lock.
func (d *Desk) put(ob *orderBook, o *ledger.Order) {
	now, before := ob.book.Put(o)
	if now == nil && before == nil {
		return
	}
	d.expiriesUse.Lock()
	defer d.expiriesUse.Unlock()
	if now == nil {
		d.expiries.Remove(before)
		return
	}
	d.expiries.Put(now)
}

// putAll makes the books have the orders of events as they are now.
func (t *Turn) putAll(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if !e.Kind.HasOrder() || !e.Order.Working() && e.Kind == ledger.KindFill && e.Named {
			continue
		}
		ob := t.desk.orderBook(e.Order.Instrument)
		ob.mu.Lock()
		t.desk.put(ob, &e.Order)
		ob.mu.Unlock()
	}
}

// Cancel cancels a working order. Errors are ledger.ErrUnknownOrder, ledger.ErrTooLate, and
// those of Desk.Accepting.
func (t *Turn) Cancel(id ledger.OrderID, cause ledger.Cause, now int64) ([]ledger.Event, error) {
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Cancel(events, id, cause, now)
	})
	t.putAll(events)
	return events, err
}

// CancelAll cancels the working orders that match accepts.
func (t *Turn) CancelAll(match func(*ledger.Order) bool, cause ledger.Cause, now int64) ([]ledger.Event, error) {
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.CancelAll(events, match, cause, now), nil
	})
	t.putAll(events)
	return events, err
}

// Expire ends a working order whose time is over.
func (t *Turn) Expire(id ledger.OrderID, now int64) ([]ledger.Event, error) {
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Expire(events, id, now)
	})
	t.putAll(events)
	return events, err
}

// Replace changes the terms of a working order, and executes what the market then offers. The
// Replacement has no Terms, except for the time. Errors are those of ledger.Account.Replace,
// Refusals by the market, and those of Desk.Accepting.
func (t *Turn) Replace(r *ledger.Replacement) ([]ledger.Event, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	o := t.account.ledger.Order(r.Order)
	if o == nil { // the ledger says why
		return t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
			return l.Replace(events, r, nil)
		})
	}
	again := ledger.NewOrder{
		ClientOrderID: r.ClientOrderID, Side: o.Side, Type: o.Type, TimeInForce: r.TimeInForce, Instrument: o.Instrument,
		Quantity: r.Quantity, Price: r.Price, Stop: r.Stop, Expires: r.Expires, Held: o.Held, Terms: r.Terms,
	}
	if o.Triggered { // its stop price is of the past
		again.Stop = 0
	}
	if err := t.desk.prepareOrder(t.desk.market.At(o.Instrument), &again); err != nil {
		return t.orDuplicate(&again, err)
	}
	r.Terms, r.Expires = again.Terms, again.Expires
	ob := t.desk.orderBook(o.Instrument)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	t.offers = t.offers[:0]
	waits := o.Type.HasStop() && !o.Triggered
	switch {
	case o.Held || r.Quantity <= o.Filled:
	case waits && ob.book.Triggers(o.Side, r.Stop):
		return t.orDuplicate(&again, fmt.Errorf("%w: the last price %s has reached the stop price %s already", ledger.ErrBadPrice, ob.book.Price(), r.Stop))
	case !waits:
		t.offers = ob.book.Offers(t.offers, o.Side, r.Price, r.Quantity-o.Filled)
	}
	r.Terms.Priority = ob.book.NextPriority()
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Replace(events, r, t.offers)
	})
	if err == nil {
		t.take(ob, events)
	}
	return events, err
}

// Fill executes a part of a working order at a price, whatever the market offers. Quantity 0
// is all that is left. Errors are ledger.ErrUnknownOrder, ledger.ErrTooLate,
// ledger.ErrBadQuantity and those of Desk.Accepting.
func (t *Turn) Fill(id ledger.OrderID, offer ledger.Offer, now int64) ([]ledger.Event, error) {
	o := t.account.ledger.Order(id)
	if o != nil && offer.Quantity == 0 {
		offer.Quantity = o.Leaves()
	}
	terms := ledger.Terms{Time: now}
	if o != nil {
		terms = t.desk.termsOf(o, now)
	}
	t.offers = append(t.offers[:0], offer)
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Fill(events, id, t.offers, &terms)
	})
	t.putAll(events)
	if err == nil {
		t.keepPrice(events, now)
	}
	return events, err
}

// keepPrice makes the last price survive a restart, whatever the price of the events' executions.
func (t *Turn) keepPrice(events []ledger.Event, now int64) {
	if t.priced == nil {
		t.priced = &MarketEvent{Kind: MarketPriced, Time: now}
	}
	t.priced.Prices = append(t.priced.Prices, InstrumentPrice{Instrument: events[0].Order.Instrument})
}

// FillLate executes a part of an order that no longer works. If its newest state is in memory,
// that counts instead of o. Errors are those of ledger.Account.FillLate and of
// Desk.Accepting.
func (t *Turn) FillLate(o *ledger.Order, offer ledger.Offer, now int64) ([]ledger.Event, error) {
	if newest, _, found := t.account.ledger.FindOrder(o.ID); found {
		o = &newest
	}
	terms := t.desk.termsOf(o, now)
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.FillLate(events, o, offer, &terms)
	})
	if err == nil {
		t.keepPrice(events, now)
	}
	return events, err
}

// Bust takes executions back. b has no Terms, except for the time. Errors are those of
// ledger.Account.Bust and Desk.Accepting, and ledger.ErrTooLarge if there are too many for a
// journal record.
func (t *Turn) Bust(b *ledger.Bust) ([]ledger.Event, error) {
	if len(b.Past.Executions) > t.maxBusts() {
		if _, _, err := t.PlanBust(b); err != nil {
			return nil, err
		}
	}
	return t.rewrite(&b.Past, &b.Terms, func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Bust(events, b)
	})
}

// Correct replaces an execution. c has no Terms, except for the time. Errors are those of
// ledger.Account.Correct and Desk.Accepting.
func (t *Turn) Correct(c *ledger.Correction) ([]ledger.Event, error) {
	return t.rewrite(&c.Past, &c.Terms, func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Correct(events, c)
	})
}

// PlanCorrect returns what Correct would do. Errors are those of Correct; nothing changes in any
// case.
func (t *Turn) PlanCorrect(c *ledger.Correction) (ledger.CorrectionPlan, error) {
	if err := t.ready(); err != nil {
		return ledger.CorrectionPlan{}, err
	}
	if len(c.Past.Executions) > 0 { // else the ledger says why not
		c.Terms = t.desk.terms(c.Past.Executions[0].Instrument, c.Terms.Time)
	}
	return t.account.ledger.PlanCorrect(c)
}

// rewrite applies a command that changes the past of one instrument. Orders that work again
// come last at their price.
func (t *Turn) rewrite(past *ledger.Past, terms *ledger.Terms, do func(*ledger.Account, []ledger.Event) ([]ledger.Event, error)) ([]ledger.Event, error) {
	if len(past.Executions) == 0 { // the ledger says why not
		return t.apply(do)
	}
	id := past.Executions[0].Instrument
	*terms = t.desk.terms(id, terms.Time)
	ob := t.desk.orderBook(id)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	terms.Priority = ob.book.NextPriority()
	events, err := t.apply(do)
	if err == nil {
		for i := range events {
			t.desk.put(ob, &events[i].Order)
		}
	}
	return events, err
}

// maxCancelSize is the most bytes of the event of a cancelled order.
const maxCancelSize = 160

// maxBusts returns how many executions a bust may have, so that its events fit in a journal record.
func (t *Turn) maxBusts() int {
	return (journal.MaxRecord - 1 - maxCancelSize*t.account.ledger.WorkingOrders()) / ledger.MaxEventSize
}

// PlanBust returns what Bust would bust, oldest first, and the position after it. Errors are those
// of Bust; nothing changes in any case.
func (t *Turn) PlanBust(b *ledger.Bust) ([]ledger.Execution, ledger.Position, error) {
	list, p, err := t.account.ledger.PlanBust(b)
	if most := t.maxBusts(); err == nil && len(list) > most {
		return nil, p, fmt.Errorf("%w: %d executions, at most %d can be busted at once", ledger.ErrTooLarge, len(list), most)
	}
	return list, p, err
}

// Deposit adds cash, or takes it out if amount is negative. Errors are those of the ledger
// and of Desk.Accepting.
func (t *Turn) Deposit(amount ledger.Money, text string, now int64) ([]ledger.Event, error) {
	return t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		if amount < 0 {
			return l.Withdraw(events, -amount, text, now)
		}
		return l.Deposit(events, amount, text, now)
	})
}

// Reset makes the account as it was when it was opened. Errors are those of the ledger and of
// Desk.Accepting.
func (t *Turn) Reset(text string, now int64) ([]ledger.Event, error) {
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Reset(events, text, now)
	})
	t.putAll(events)
	t.account.ledger.Revalue(t.desk.market)
	return events, err
}

// match applies a part of a price step to the order: the executions that were assigned to it,
// or its trigger. It does nothing if the order has changed since.
func (t *Turn) match(matches []market.Match, now int64) error {
	m := &matches[0]
	o := t.account.ledger.Order(m.Order)
	if o == nil || o.Leaves() != m.Leaves || o.Priority != m.Priority {
		return nil
	}
	terms := t.desk.termsOf(o, now)
	if m.Trigger {
		return t.trigger(o, &terms)
	}
	t.offers = t.offers[:0]
	for i := range matches {
		t.offers = append(t.offers, matches[i].Offer)
	}
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Fill(events, m.Order, t.offers, &terms)
	})
	if err != nil { // it works on
		t.putOrder(o)
		return err
	}
	t.putAll(events)
	t.keepPriceOfStep(events)
	return nil
}

// trigger makes a stop order work, with what the step still offers.
func (t *Turn) trigger(o *ledger.Order, terms *ledger.Terms) error {
	ob := t.desk.orderBook(o.Instrument)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	t.offers = ob.book.Offers(t.offers[:0], o.Side, o.Price, o.Leaves())
	terms.Priority = o.Priority
	events, err := t.apply(func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error) {
		return l.Trigger(events, o.ID, t.offers, terms)
	})
	if err != nil {
		t.desk.put(ob, o)
		return err
	}
	t.take(ob, events)
	return nil
}

// putOrder makes the book have a working order as it is now.
func (t *Turn) putOrder(o *ledger.Order) {
	ob := t.desk.orderBook(o.Instrument)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	t.desk.put(ob, o)
}

// placeAgain is the fault of the canary: the order has a second effect.
func (t *Turn) placeAgain(o ledger.NewOrder) {
	o.ClientOrderID = ledger.ClientOrderID{}
	n := len(t.events)
	if all, err := t.account.ledger.Place(t.events, &o, t.offers); err == nil {
		t.record(all, n, nil)
	}
}

// isRefusal reports whether a rule of trading is the reason.
func isRefusal(err error) bool { return errors.As(err, new(ledger.Refusal)) }
