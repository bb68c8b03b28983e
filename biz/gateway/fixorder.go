package gateway

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

// Execute implements fix.Host.
func (t *fixTurn) Execute(m *codecfix.Message) {
	if t.query(m) {
		return
	}
	if !t.id.account.may(trade) {
		t.id.session.BusinessReject(m, 6, "this needs "+trade.needs(), t.wall, t) // not authorized
		return
	}
	if string(m.Type) != codecfix.OrderStatusRequest && flag(m, codecfix.PossDupFlag) && t.answered(m) {
		return
	}
	switch string(m.Type) {
	case codecfix.NewOrderSingle:
		t.place(m)
	case codecfix.OrderCancelRequest:
		t.change(m, (*fixTurn).cancel)
	case codecfix.OrderCancelReplace:
		t.change(m, (*fixTurn).replace)
	case codecfix.OrderStatusRequest:
		t.status(m)
	case codecfix.OrderMassCancel:
		t.later(m, 0, (*fixTurn).cancelAll, (*fixTurn).refuseCancelAll)
	default:
		t.id.session.BusinessReject(m, 3, "Unsupported Message Type", t.wall, t)
	}
}

// place executes an order, in the way that is demanded. Its reports come from the events.
func (t *fixTurn) place(m *codecfix.Message) {
	a := t.id.account
	o, err := t.g.fixOrder(a, m, t.now)
	var d directive
	if err == nil && a.demanded() {
		d, err = a.demandOf(t.turn.Ledger(), &o, fixDirective(&o, m))
	}
	if err == nil && d.later && !a.addWaiting() { // see placeParts
		err = desk.ErrOverloaded
	}
	if err != nil {
		t.rejectOrder(m, err)
		return
	}
	o.Held = d.hold
	if !t.g.demanding && d.delay == 0 {
		t.placeNow(m, o, d)
		return
	}
	t.placeLater(m, o, d)
}

// placeLater is placeNow after the latency of the preset and the delay of the directive.
func (t *fixTurn) placeLater(m *codecfix.Message, o ledger.NewOrder, d directive) {
	a := t.id.account
	t.later(m, d.delay, func(t *fixTurn, m *codecfix.Message) { t.placeNow(m, o, d) }, func(t *fixTurn, m *codecfix.Message, err error) {
		if d.later {
			a.removeWaiting()
		}
		t.rejectOrder(m, err)
	})
}

func (t *fixTurn) placeNow(m *codecfix.Message, o ledger.NewOrder, d directive) {
	o.Terms.Time = t.now
	t.turn.Parts = d.parts
	events, err := t.turn.Place(&o)
	t.turn.Parts = 0
	var id ledger.OrderID
	switch {
	case err == nil:
		id = events[0].Order.ID
	case errors.Is(err, ledger.ErrDuplicate) && sentBefore(m): // its reports have left, or wait for a ResendRequest
	default:
		t.rejectOrder(m, err)
	}
	t.id.account.reportNew(t.turn, t.times, nil, nil, nil)
	if d.later {
		t.g.follow(t.id.account, t.turn.Ledger(), id, d)
	}
}

// sentBefore reports whether a client says that it may have sent a message before.
func sentBefore(m *codecfix.Message) bool {
	return flag(m, codecfix.PossDupFlag) || flag(m, codecfix.PossResend)
}

// answered reports whether an answer was kept that names the ClOrdID of a message. After a kill the client
// is asked for all messages after one that was not decided, also for those that were.
func (t *fixTurn) answered(m *codecfix.Message) bool {
	v, _ := m.Get(codecfix.ClOrdID)
	field := "\x01" + strconv.Itoa(codecfix.ClOrdID) + "=" + string(v) + "\x01"
	return slices.ContainsFunc(t.id.state.Messages, func(kept desk.NumberedMessage) bool {
		return strings.Contains("\x01"+string(kept.Bytes[1:]), field)
	})
}

func flag(m *codecfix.Message, tag int) bool {
	v, _ := m.Get(tag)
	return string(v) == "Y"
}

// named returns the order that a message names by its OrderID, or else by a ClOrdID in the field with
// this tag; 0 if there is no such order in memory. old means that the ClOrdID was used by an order that
// is not in memory any more.
func (t *fixTurn) named(m *codecfix.Message, tag int) (id ledger.OrderID, old bool) {
	l := t.turn.Ledger()
	v, _ := m.Get(codecfix.OrderID)
	if id, ok := parseOrderID(v); ok {
		_, _, found := l.FindOrder(id)
		old = !found && id.Customer() == t.id.account.Customer() && id.Number() > 0 && id.Number() <= l.LastOrder()
		return id, old
	}
	v, _ = m.Get(tag)
	name, err := ledger.ParseClientOrderID(v)
	if err != nil || name.IsZero() {
		return 0, false
	}
	if id = resolve(l, 0, name); id == 0 {
		_, old = l.FindNamed(&name)
	}
	return id, old
}

// change cancels or replaces an order with do, at once or when the preset says so. While one request
// waits, a second one for the same order is refused.
func (t *fixTurn) change(m *codecfix.Message, do func(*fixTurn, *codecfix.Message, *ledger.Order) error) {
	if !t.g.demanding {
		t.changeNow(m, do)
		return
	}
	a := t.id.account
	var p orderName
	if p.id, _ = t.named(m, codecfix.OrigClOrdID); p.id == 0 {
		v, _ := m.Get(codecfix.OrigClOrdID)
		p.name, _ = ledger.ParseClientOrderID(v)
	}
	refuse := func(t *fixTurn, m *codecfix.Message, err error) {
		o, _, found := t.turn.Ledger().FindOrder(p.id)
		if !found {
			t.rejectCancel(m, nil, err)
			return
		}
		t.rejectCancel(m, &o, err)
	}
	if !a.startPending(p) {
		refuse(t, m, ledger.ErrCancelPending)
		return
	}
	t.later(m, 0, func(t *fixTurn, m *codecfix.Message) {
		a.endPending(p)
		t.changeNow(m, do)
	}, func(t *fixTurn, m *codecfix.Message, err error) {
		a.endPending(p)
		refuse(t, m, err)
	})
}

func (t *fixTurn) changeNow(m *codecfix.Message, do func(*fixTurn, *codecfix.Message, *ledger.Order) error) {
	id, old := t.named(m, codecfix.OrigClOrdID)
	if !old {
		t.changeOrder(m, id, do)
		return
	}
	t.lookUp(m, id, codecfix.OrigClOrdID, func(t *fixTurn, m *codecfix.Message, found *fixOld) {
		switch {
		case found.err != nil:
			t.rejectCancel(m, nil, found.err)
		case found.order.Working(): // its ClOrdID has changed since, or a bust has reopened it
			t.changeOrder(m, found.order.ID, do)
		default:
			t.rejectCancel(m, found.order, ledger.ErrTooLate)
		}
	})
}

// changeOrder is changeNow for an order in memory.
func (t *fixTurn) changeOrder(m *codecfix.Message, id ledger.OrderID, do func(*fixTurn, *codecfix.Message, *ledger.Order) error) {
	o, _, found := t.turn.Ledger().FindOrder(id)
	if !found {
		t.rejectCancel(m, nil, ledger.ErrUnknownOrder)
		return
	}
	err := t.fits(m, &o)
	if err == nil {
		err = do(t, m, &o)
	}
	switch {
	case err == nil:
		name, _ := m.Get(codecfix.ClOrdID)
		t.id.account.reportNew(t.turn, t.times, t.id, name, o.ClientOrderID.Bytes())
	case errors.Is(err, ledger.ErrDuplicate) && sentBefore(m): // its reports have left, or wait for a ResendRequest
	default:
		t.rejectCancel(m, &o, err)
	}
}

// fits refuses a message that describes another order than the one that it names.
func (t *fixTurn) fits(m *codecfix.Message, o *ledger.Order) error {
	id, err := t.g.fixInstrument(m)
	switch {
	case err != nil:
		return err
	case id != o.Instrument:
		return refusedAs(other, other, "Symbol (55) is not that of the order: send the one that the reports have")
	case fixSide(m) != o.Side:
		return refusedAs(other, other, "Side (54) is not that of the order: send the one that the reports have")
	}
	if err := t.id.account.checkAccount(m); err != nil {
		return err
	}
	name, _ := m.Get(codecfix.ClOrdID)
	own, err := ledger.ParseClientOrderID(name)
	if err != nil {
		return err
	}
	if _, used := t.turn.Ledger().FindNamed(&own); used && o.Working() {
		return ledger.ErrDuplicate
	}
	return nil
}

func (t *fixTurn) cancel(m *codecfix.Message, o *ledger.Order) error {
	if _, ok := m.Get(codecfix.OrderQty); ok {
		switch q, err := fixQuantity(m); {
		case err != nil:
			return err
		case q > o.Quantity:
			return refusedAs(wrongQuantity, other, "OrderQty (38) is more than the order has: send that of the order, all of it is cancelled")
		}
	}
	_, err := t.turn.Cancel(o.ID, ledger.ByClient, t.now)
	return err
}

// replace changes the terms of an order. What a message leaves out stays.
func (t *fixTurn) replace(m *codecfix.Message, o *ledger.Order) error {
	if fixType(m) != o.Type {
		return refusedAs(unsupported, other, "OrdType (40) can't be replaced: cancel the order and send another one")
	}
	terms := ledger.NewOrder{
		Instrument: o.Instrument, Type: o.Type, TimeInForce: o.TimeInForce, Quantity: o.Quantity, Price: o.Price, Stop: o.Stop, Expires: o.Expires,
	}
	if err := t.g.setFIXTerms(&terms, m); err != nil {
		return err
	}
	name, _ := m.Get(codecfix.ClOrdID)
	own, err := ledger.ParseClientOrderID(name)
	if err != nil {
		return err
	}
	_, err = t.turn.Replace(&ledger.Replacement{
		Order: o.ID, ClientOrderID: own, Quantity: terms.Quantity, Price: terms.Price, Stop: terms.Stop,
		TimeInForce: terms.TimeInForce, Expires: terms.Expires, Terms: ledger.Terms{Time: t.now},
	})
	return err
}

// status reports an order as it is.
func (t *fixTurn) status(m *codecfix.Message) {
	id, old := t.named(m, codecfix.ClOrdID)
	if old {
		t.lookUp(m, id, codecfix.ClOrdID, (*fixTurn).statusOf)
		return
	}
	o, cause, found := t.turn.Ledger().FindOrder(id)
	if !found {
		t.statusOf(m, &fixOld{err: ledger.ErrUnknownOrder})
		return
	}
	t.statusOf(m, &fixOld{order: &o, cause: cause})
}

func (t *fixTurn) statusOf(m *codecfix.Message, of *fixOld) {
	if !t.id.session.Online() { // it has left meanwhile, and asks again
		return
	}
	t.answer(codecfix.ExecutionReport, func(w *codecfix.Writer) { t.appendStatus(w, m, of) }, false)
}

// cancelAll cancels all orders, or those of an instrument or a side. Their reports follow the answer.
func (t *fixTurn) cancelAll(m *codecfix.Message) {
	match, err := t.g.massMatch(m)
	if err == nil {
		err = t.id.account.checkAccount(m)
	}
	if err != nil {
		t.refuseCancelAll(m, err)
		return
	}
	events, err := t.turn.CancelAll(match, ledger.ByClient, t.now)
	if err != nil {
		t.refuseCancelAll(m, err)
		return
	}
	t.answer(codecfix.OrderMassCancelReport, func(w *codecfix.Writer) { t.appendMassCancel(w, m, len(events), nil) }, true)
	t.id.account.reportNew(t.turn, t.times, nil, nil, nil)
}

func (t *fixTurn) refuseCancelAll(m *codecfix.Message, err error) {
	t.answer(codecfix.OrderMassCancelReport, func(w *codecfix.Writer) { t.appendMassCancel(w, m, 0, err) }, true)
}

// massMatch returns what all orders have in common that a mass cancel cancels.
func (g *Gateway) massMatch(m *codecfix.Message) (func(*ledger.Order) bool, error) {
	side := fixSide(m)
	if _, ok := m.Get(codecfix.Side); ok && side == 0 {
		return nil, badSide
	}
	switch char(m, codecfix.MassCancelType) {
	case '1':
		id, err := g.fixInstrument(m)
		return func(o *ledger.Order) bool { return o.Instrument == id && (side == 0 || o.Side == side) }, err
	case '7':
		return func(o *ledger.Order) bool { return side == 0 || o.Side == side }, nil
	}
	return nil, errMassCancel
}
