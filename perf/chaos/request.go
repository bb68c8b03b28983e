package chaos

import (
	"context"
	"errors"

	"holdfast/biz/client"
)

// Shares of the acknowledged orders.
const (
	doubleShare = 10 // one in ten is sent again
	undoShare   = 30 // one in thirty is busted or corrected
)

// doubleReach is how many of the last orders may be sent again. The server remembers the
// first answers to those in the last 256 events of an account.
const doubleReach = 24

// Numbers of orders that a trader has on the market.
const (
	fewResting  = 4
	manyResting = 32
)

// requestKind says what a request does.
type requestKind int

const (
	placing requestKind = iota
	cancelling
	replacing
)

// request is an order, or the cancel or replacement of one.
type request struct {
	kind    requestKind
	n       uint32 // of its client order id; of a cancel that of the order
	order   client.Order
	cancel  client.OrderRef
	replace client.Replacement
}

// target returns the number of the order that is cancelled or replaced.
func (q *request) target(l *ledger) uint32 { return l.orders[q.n].number }

// sentBefore is what has happened to a request before it is sent.
type sentBefore int

const (
	fresh      sentBefore = iota // never sent
	unanswered                   // sent, no answer
	answered                     // acknowledged
)

// newRequest returns a random request: market orders, limit orders that rest or are executed at
// once, cancels and replacements.
func (t *trader) newRequest() request {
	t.mu.Lock()
	defer t.mu.Unlock()
	roll := t.random.IntN(100)
	switch n := len(t.resting); {
	case n >= manyResting || n > fewResting && roll < 12:
		return t.newCancel()
	case n > fewResting && roll < 24:
		return t.newReplacement()
	}
	key := t.random.IntN(traderKeys)
	o := client.Order{Side: client.Buy, Key: t.ledger.keys[key], Quantity: client.Quantity(1 + t.random.IntN(100))}
	if t.random.IntN(2) == 0 {
		o.Side = client.Sell
	}
	switch {
	case roll < 32:
		o.Price, o.TimeInForce = t.prices.near(t.random, key), client.ImmediateOrCancel
	case roll < 60:
		o.Price, o.TimeInForce = t.prices.near(t.random, key), client.GoodTillCancelled
	case roll < 65:
		o.Price = t.prices.near(t.random, key)
	}
	return request{kind: placing, n: t.ledger.newOrder(&o), order: o}
}

// takeResting removes a random order from the resting ones.
func (t *trader) takeResting() uint32 {
	at := t.random.IntN(len(t.resting))
	n := t.resting[at]
	last := len(t.resting) - 1
	t.resting[at] = t.resting[last]
	t.resting = t.resting[:last]
	return n
}

func (t *trader) newCancel() request {
	n := t.takeResting()
	o := &t.ledger.orders[n]
	o.cancel = true
	return request{kind: cancelling, n: n, cancel: client.OrderRef{ID: client.NewOrderID(t.customer, o.id)}}
}

// newReplacement changes the price, the quantity, or both.
func (t *trader) newReplacement() request {
	n := t.takeResting()
	o := &t.ledger.orders[n]
	replace := client.Replacement{Quantity: client.Quantity(o.quantity)}
	change := t.random.IntN(3)
	if change != 1 {
		replace.Price = t.prices.near(t.random, int(o.key))
	}
	if change != 0 {
		replace.Quantity = client.Quantity(max(1, int(o.quantity)-20+t.random.IntN(41)))
	}
	return request{kind: replacing, n: t.ledger.newReplacement(n, &replace), replace: replace}
}

// send sends a request and records the answer. It returns the executions in it, and false if the
// connection has ended.
func (t *trader) send(ctx context.Context, c *client.Client, q request, before sentBefore) (executions []client.Execution, ok bool) {
	switch history := c.Hello().History; q.kind { // the history for when it is sent again, over another connection
	case placing:
		placed, err := c.PlaceOrder(ctx, q.order)
		if q.order.History == (client.HistoryID{}) {
			q.order.History = history
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if err == nil {
			t.placed(q, placed, before)
			return placed.Executions, true
		}
		return nil, t.notPlaced(q, err, before)
	case cancelling:
		cancelled, err := c.CancelOrder(ctx, q.cancel)
		q.cancel.History = history
		t.mu.Lock()
		defer t.mu.Unlock()
		return nil, t.cancelled(q, cancelled, err, before)
	default:
		replaced, err := c.ReplaceOrder(ctx, q.replace)
		if q.replace.History == (client.HistoryID{}) {
			q.replace.History = history
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		return replaced.Executions, t.replaced(q, replaced, err, before)
	}
}

// placed records an acknowledged order.
func (t *trader) placed(q request, p client.Placed, before sentBefore) {
	name := q.order.ClientOrderID
	t.duplicate(name, p.Duplicate, before)
	o := t.ledger.accept(q.n, p.Order)
	for _, x := range p.Executions {
		t.ledger.acknowledge(x)
	}
	if wrong := wrongAnswer(&q.order, &p); wrong != "" {
		t.r.Broken("%s was answered with %s", name, wrong)
	}
	if before == answered {
		return
	}
	t.counts.acked++
	o.shown = 1 // in the push of the order; its reply does not name it
	if len(p.Executions) > 0 {
		o.shown = 2 // in the reply and in the push of the execution; a push of the order may follow
	}
	switch {
	case p.Status.Working():
		t.counts.rested++
		t.resting = append(t.resting, q.n)
	case p.Status == client.StatusCancelled:
		o.atEnd = int32(p.Filled)
	}
	o.atOnce = int32(len(p.Executions))
	if len(t.recent) == doubleReach {
		t.recent = append(t.recent[:0], t.recent[1:]...)
	}
	t.recent = append(t.recent, q)
}

// wrongAnswer returns what is wrong in an answer to an order, "" if nothing is.
func wrongAnswer(o *client.Order, p *client.Placed) string {
	sum := client.Quantity(0)
	for _, x := range p.Executions {
		if x.Side != o.Side || x.Key != o.Key || x.ClientOrderID != o.ClientOrderID || x.Order != p.Order {
			return "the execution " + x.ID.String() + " of another order"
		}
		if o.Price > 0 && (x.Side == client.Buy && x.Price > o.Price || x.Side == client.Sell && x.Price < o.Price) {
			return "an execution at " + x.Price.String() + ", which is worse than its limit " + o.Price.String()
		}
		sum += x.Quantity
	}
	rests := o.Price > 0 && o.TimeInForce != client.ImmediateOrCancel
	switch {
	case sum != p.Filled:
		return "filled " + p.Filled.String() + ", its executions make " + sum.String()
	case p.Status.Working() && (!rests || p.Filled+p.Leaves != o.Quantity),
		p.Status == client.StatusFilled && (p.Filled != o.Quantity || p.Leaves != 0),
		!p.Status.Working() && p.Status != client.StatusFilled && (p.Leaves != 0 || rests || p.Filled >= o.Quantity):
		return p.Status.String() + ", filled " + p.Filled.String() + ", leaves " + p.Leaves.String()
	}
	return ""
}

// duplicate checks whether an acknowledged request is rightly reported as repeated, and counts.
func (t *trader) duplicate(name string, duplicate bool, before sentBefore) {
	switch {
	case before == fresh && duplicate:
		t.r.Broken("%s was reported as a duplicate although it was sent once", name)
	case before == answered && !duplicate && !t.moves:
		t.r.Broken("%s was acknowledged, and executed again", name)
	case before == answered:
		t.counts.doubles++
	case before == unanswered:
		t.counts.resent++
		if duplicate {
			t.counts.done++
		}
	}
}

// notPlaced records an order that was not acknowledged. It returns false if the connection has
// ended.
func (t *trader) notPlaced(q request, err error, before sentBefore) bool {
	switch {
	case before == answered && errors.Is(err, client.ErrRejected):
		t.r.Broken("%s was acknowledged, and then refused: %v", q.order.ClientOrderID, err)
		return true
	case before == answered && hadNoEffect(err):
		t.counts.unavailable++
		return true
	case before == answered:
		return false
	}
	return t.refused(q, err, before)
}

// refused records a request that was not acknowledged. It returns false if the connection has
// ended, or the outcome is still unknown.
func (t *trader) refused(q request, err error, before sentBefore) bool {
	rejected := errors.Is(err, client.ErrRejected)
	switch {
	case rejected || hadNoEffect(err) && before == fresh:
		if rejected {
			t.counts.refused++
		} else {
			t.counts.unavailable++
		}
		if before == unanswered {
			t.counts.resent++
		}
		if q.kind != cancelling {
			t.ledger.refuse(q.n)
		}
		if o := q.target(t.ledger); q.kind != placing && t.ledger.orders[o].atEnd < 0 && reasonOf(err) != client.ReasonTooLate {
			t.resting = append(t.resting, o)
		}
		return true
	case hadNoEffect(err): // but perhaps when it was sent before
		t.counts.unavailable++
	}
	t.open = append(t.open, q)
	return false
}

// hadNoEffect reports whether the server has said that nothing has changed.
func hadNoEffect(err error) bool {
	return errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrOverloaded)
}

// reasonOf returns why a request was rejected; 0 if it was not.
func reasonOf(err error) client.Reason {
	var refused *client.Error
	if !errors.As(err, &refused) || !errors.Is(err, client.ErrRejected) {
		return 0
	}
	return refused.Reason
}

// tooLate compares the order in a refusal with what is known. It returns it, or nil.
func (t *trader) tooLate(err error) *client.OrderState {
	var refused *client.Error
	if reasonOf(err) != client.ReasonTooLate || !errors.As(err, &refused) {
		return nil
	}
	if refused.Order.Working() {
		t.r.Broken("it is too late to change %v, but it works", refused.Order.ID)
	}
	t.ledger.observe(refused.Order, false)
	return &refused.Order
}

// cancelled records the answer to a cancel.
func (t *trader) cancelled(q request, c client.Cancelled, err error, before sentBefore) bool {
	name := t.ledger.name(q.n)
	late := t.tooLate(err)
	switch {
	case err == nil:
		t.ledger.observe(c.Order, false)
		if c.Order.Status != client.StatusCancelled || c.Order.Cause != client.CauseClient || c.Count != 1 {
			t.r.Broken("the cancel of %s was answered with %s, %v, %d orders", name, c.Order.Status, c.Order.Cause, c.Count)
		}
		t.counts.cancels++
		if before == unanswered {
			t.counts.resent++
		}
		return true
	case late != nil && late.Cause == client.CauseClient && late.Status == client.StatusCancelled:
		if before == fresh {
			t.r.Broken("%s was cancelled before its cancel was sent", name)
		}
		t.counts.resent++
		t.counts.done++
		return true
	case errors.Is(err, client.ErrRejected) && late == nil:
		t.r.Broken("the cancel of the acknowledged order %s was refused: %v", name, err)
	}
	return t.refused(q, err, before)
}

// replaced records the answer to a replacement.
func (t *trader) replaced(q request, p client.Replaced, err error, before sentBefore) bool {
	t.tooLate(err)
	if err != nil {
		if r := reasonOf(err); r == client.ReasonUnknownOrder || r == client.ReasonBadClientOrderID {
			t.r.Broken("the replacement %s of an acknowledged order was refused: %v", q.replace.NewClientOrderID, err)
		}
		return t.refused(q, err, before)
	}
	t.duplicate(q.replace.NewClientOrderID, p.Duplicate, before)
	t.ledger.observe(p.Order, false)
	for _, x := range p.Executions {
		t.ledger.acknowledge(x)
	}
	if p.Order.ClientOrderID != q.replace.NewClientOrderID || p.Order.Quantity != q.replace.Quantity ||
		q.replace.Price > 0 && p.Order.Price != q.replace.Price {
		t.r.Broken("the replacement %s was answered with %s, quantity %v, price %v", q.replace.NewClientOrderID, p.Order.ClientOrderID, p.Order.Quantity, p.Order.Price)
	}
	t.counts.replaces++
	t.ledger.orders[q.n].shown = 2 // in the reply and in the push of the order
	if p.Order.Working() {
		t.resting = append(t.resting, q.target(t.ledger))
	}
	return true
}

// undo busts or corrects an execution.
func (t *trader) undo(ctx context.Context, operator *client.Client, x client.Execution) {
	t.mu.Lock()
	u := undo{correct: t.random.IntN(2) == 0, price: x.Price, quantity: x.Quantity}
	reopen := t.random.IntN(2) == 0
	if u.correct {
		u.price = t.prices.near(t.random, int(t.ledger.keyNumber(x.Key)))
		u.quantity = client.Quantity(max(1, int(x.Quantity)-2+t.random.IntN(4)))
	}
	t.ledger.undo(x, u)
	t.mu.Unlock()
	var err error
	if u.correct {
		var corrected client.Corrected
		corrected, err = operator.Correct(ctx, client.Correction{ID: x.ID, Quantity: u.quantity, Price: u.price, Reason: "chaos"})
		t.mu.Lock()
		if err == nil {
			t.counts.corrections++
			t.ledger.acknowledge(corrected.Replacement)
		}
	} else {
		_, err = operator.BustWith(ctx, x.ID, "chaos", client.BustOptions{Reopen: reopen})
		t.mu.Lock()
		if err == nil {
			t.counts.busts++
		}
	}
	defer t.mu.Unlock()
	if err == nil { // later sells may prevent it
		t.ledger.undid(x.ID)
	}
}
