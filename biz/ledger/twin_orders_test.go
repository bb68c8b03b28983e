package ledger_test

import (
	"slices"

	"holdfast/biz/ledger"
)

// execute executes an order with offers, one after the other, as far as there is enough cash.
// rest says that what is left then works on.
func (w *twin) execute(o *twinOrder, offers []ledger.Offer, now int64, rest bool) error {
	m := w.markets[o.Instrument]
	for i, offer := range offers {
		free, frozen, working, before := w.free(now), w.frozenFor(o), o.working(), *o
		x := &twinExecution{
			number: w.executed + 1, place: w.executed + 1, order: o, quantity: offer.Quantity, price: offer.Price,
			fee: ledger.Money(w.feeOf(o, w.filledValue(o), offer.Quantity, offer.Price)), settlement: settlement(m, o.Side, now),
		}
		x.inCost = o.Side == ledger.Buy && m.Fees != nil && m.Fees.InCost && x.fee > 0
		w.executions = append(w.executions, x)
		if o.filled += offer.Quantity; working {
			o.update()
		}
		if o.left = -1; i < len(offers)-1 || !rest {
			o.left = max(0, ledger.Money(frozen-x.value()-int64(x.fee)))
			if o.Side == ledger.Sell {
				o.left = 0
			}
		}
		if after := w.free(now); after < 0 && after < free {
			w.executions = w.executions[:len(w.executions)-1]
			*o = before
			return ledger.ErrNotEnoughCash
		}
		w.executed++
	}
	o.left = -1
	return nil
}

// settlement is when shares or cash settle: SharesFrom and CashFrom of a market are days.
func settlement(m ledger.Terms, side ledger.Side, now int64) int64 {
	days := m.CashFrom
	if side == ledger.Buy {
		days = m.SharesFrom
	}
	if days == 0 {
		return 0
	}
	return (now/day + days) * day
}

// finish cancels what is left of an order that does not rest.
func (o *twinOrder) finish() {
	if o.left = -1; o.working() && !o.rests() {
		o.status = ledger.Cancelled
	}
}

func total(offers []ledger.Offer) (q ledger.Quantity) {
	for _, offer := range offers {
		q += offer.Quantity
	}
	return q
}

// place returns the new order, or why it is refused.
func (w *twin) place(command ledger.NewOrder, offers []ledger.Offer) (*twinOrder, error) {
	o := &twinOrder{NewOrder: command, status: ledger.New, left: -1, id: ledger.NewOrderID(customer, w.ordered+1)}
	now, before, executed := command.Terms.Time, len(w.executions), w.executed
	sellable := w.sellable(o.Instrument, now)
	if !w.allows(o, o.Quantity, sellable) {
		return nil, ledger.ErrBadLot
	}
	if o.TimeInForce == ledger.FillOrKill && total(offers) < o.Quantity {
		offers = nil
	}
	if o.Side == ledger.Sell && sellable < o.Quantity {
		if w.position(o.Instrument).quantity < o.Quantity {
			return nil, ledger.ErrNotEnoughShares
		}
		return nil, ledger.ErrNotEnoughSellable
	}
	refuse := func(err error) (*twinOrder, error) {
		w.executions, w.executed = w.executions[:before], executed
		w.orders = w.orders[:len(w.orders)-1]
		return nil, err
	}
	works, free := len(w.works()), w.free(now)
	w.orders = append(w.orders, o)
	if len(offers) == 0 && w.frozenFor(o) > 0 && free < w.frozenFor(o) {
		return refuse(ledger.ErrNotEnoughCash)
	}
	if len(offers) > 0 { // nothing is frozen yet
		o.left = 0
	}
	if err := w.execute(o, offers, now, o.rests()); err != nil {
		return refuse(err)
	}
	if o.finish(); o.working() && works >= w.maxOrders {
		return refuse(ledger.ErrTooManyOrders)
	}
	w.ordered++
	return o, nil
}

// fill executes a working order. If the account can't take it, the rest is cancelled.
func (w *twin) fill(o *twinOrder, offers []ledger.Offer, now int64) {
	rest := o.rests()
	if err := w.execute(o, offers, now, rest || total(offers) == o.leaves()); err != nil {
		o.status = ledger.Cancelled
	}
	o.finish()
}

func (w *twin) fillLate(o *twinOrder, offer ledger.Offer, now int64) error {
	if o.Side == ledger.Sell && w.sellable(o.Instrument, now) < offer.Quantity {
		if w.position(o.Instrument).quantity < offer.Quantity {
			return ledger.ErrNotEnoughShares
		}
		return ledger.ErrNotEnoughSellable
	}
	return w.execute(o, []ledger.Offer{offer}, now, true)
}

// replace changes the terms of an order.
func (w *twin) replace(o *twinOrder, r *ledger.Replacement, offers []ledger.Offer) error {
	now, before, free, sellable := r.Terms.Time, *o, w.free(r.Terms.Time), w.sellable(o.Instrument, r.Terms.Time)
	switch {
	case r.Quantity <= o.filled:
		return ledger.ErrBadQuantity
	case r.Quantity != o.Quantity && !w.allows(o, r.Quantity, sellable+o.Quantity):
		return ledger.ErrBadLot
	case o.Side == ledger.Sell && r.Quantity-o.Quantity > sellable:
		return ledger.ErrNotEnoughShares
	}
	o.Quantity, o.Price, o.Stop, o.TimeInForce, o.Expires = r.Quantity, r.Price, r.Stop, r.TimeInForce, r.Expires
	o.update()
	if after := w.free(now); after < 0 && after < free {
		*o = before
		return ledger.ErrNotEnoughCash
	}
	if !r.ClientOrderID.IsZero() {
		o.ClientOrderID = r.ClientOrderID
	}
	w.fill(o, offers, now)
	return nil
}

// cover cancels the newest working sells until the settled shares cover the others. One of them
// is about to have less left.
func (w *twin) cover(id ledger.InstrumentID, settled ledger.Quantity, one *twinOrder, less ledger.Quantity) {
	for _, o := range slices.Backward(w.orders) {
		frozen := w.frozenShares(id)
		if one != nil && one.working() {
			frozen -= less
		}
		if o.Instrument == id && o.Side == ledger.Sell && o.working() && frozen > settled {
			o.status = ledger.Cancelled
		}
	}
}

// bust takes executions of one instrument back. It returns the sells that lack shares.
func (w *twin) bust(list []*twinExecution, reopen, cascade bool, now int64) []*twinExecution {
	id := list[0].order.Instrument
	for _, x := range list {
		x.busted = true
	}
	p := w.position(id)
	for _, x := range p.short {
		x.busted = true
	}
	settled := w.settled(id, now)
	for _, x := range append(list, p.short...) {
		x.busted = false
	}
	if len(p.short) > 0 && !cascade {
		return p.short
	}
	list = append(list, p.short...)
	slices.SortFunc(list, func(x, y *twinExecution) int { return int(y.place) - int(x.place) })
	w.cover(id, settled, nil, 0)
	for _, x := range list {
		w.takeBack(x, reopen, settled, now)
	}
	return nil
}

// takeBack busts one execution. settled is how many shares can be sold after all of them.
func (w *twin) takeBack(x *twinExecution, reopen bool, settled ledger.Quantity, now int64) {
	o := x.order
	before, leaves, frozen, works := *o, o.leaves(), w.frozenFor(o), len(w.works())
	others := w.frozenShares(o.Instrument) - o.leavesOfSell()
	x.busted = true
	free := w.free(now) + w.frozenFor(o) - frozen // with what was frozen for the order before
	o.filled -= x.quantity
	mayRest := o.rests() && (o.Expires == 0 || o.Expires > now)
	if reopen && mayRest && (before.working() || before.status == ledger.Filled) {
		o.update()
		enough := w.frozenFor(o)-frozen <= free
		if o.Side == ledger.Sell {
			enough = others+o.leaves() <= settled
		}
		if enough && (before.working() || works < w.maxOrders) && o.leaves() > leaves {
			return
		}
	}
	switch {
	case before.working():
		o.Quantity -= x.quantity
		o.update()
	case before.status == ledger.Filled:
		o.status = ledger.Cancelled
	default:
		o.status = before.status
	}
}

func (o *twinOrder) leavesOfSell() ledger.Quantity {
	if o.Side == ledger.Sell {
		return o.leaves()
	}
	return 0
}

// correct replaces an execution by one with another quantity and price.
func (w *twin) correct(x *twinExecution, q ledger.Quantity, p ledger.Price, now int64) error {
	o := x.order
	if o.filled-x.quantity+q > o.Quantity {
		return ledger.ErrOverfilled
	}
	before := int64(0) // value of the order's earlier executions
	for _, y := range w.executions {
		if y.order == o && !y.busted && y.place < x.place {
			before += y.value()
		}
	}
	next := *x
	x.busted = true
	next.number, next.quantity, next.price = w.executed+1, q, p
	next.fee = ledger.Money(w.feeOf(o, before, q, p))
	m := w.markets[o.Instrument]
	next.inCost = o.Side == ledger.Buy && m.Fees != nil && m.Fees.InCost && next.fee > 0
	w.executions = append(w.executions, &next)
	after := w.position(o.Instrument)
	if len(after.short) > 0 {
		w.executions = w.executions[:len(w.executions)-1]
		x.busted = false
		return ledger.ErrBustBlocked
	}
	w.executed++
	less := max(0, q-x.quantity)
	if o.Side == ledger.Buy {
		less = 0
	}
	w.cover(o.Instrument, w.settled(o.Instrument, now), o, less)
	o.filled += q - x.quantity
	switch {
	case o.working():
		o.Quantity += min(0, q-x.quantity)
		o.update()
	case o.status == ledger.Filled && o.filled < o.Quantity:
		o.status = ledger.Cancelled
	}
	return nil
}
