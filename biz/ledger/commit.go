package ledger

import "slices"

// commit changes the account to the outcome of an event.
func (a *Account) commit(e *Event, out *outcome) {
	a.lastNumber, a.lastPush = e.Number, e.LastPush()
	a.cash, a.frozen, a.realised, a.fees = out.cash, out.frozen, out.realised, out.fees
	switch {
	case e.Kind == KindReset:
		a.reopen()
	case !e.Kind.HasOrder():
		a.deposits += e.Amount
	default:
		a.commitRow(e, out)
		a.commitOrder(e, out)
	}
	encoded := a.recent.add(e)
	if e.Early {
		a.digest = e.earlyDigest(a.digest)
	} else {
		a.digest = mixBytes(a.digest, encoded)
	}
	if e.Named {
		a.remember(e)
	}
}

func (a *Account) commitRow(e *Event, out *outcome) {
	if !e.Kind.HasExecution() {
		if out.held {
			a.rows[out.at].frozen = out.after.frozen
		}
		return
	}
	if out.held {
		a.value.sub(out.worth)
	}
	if e.Kind == KindFill || !out.held {
		out.after.last = e.Execution.Price
	}
	a.value.add(out.after.value())
	switch {
	case !out.held && out.after.quantity > 0:
		a.rows = slices.Insert(a.rows, out.at, out.after)
	case out.held && out.after.quantity == 0:
		a.rows = slices.Delete(a.rows, out.at, out.at+1)
	case out.held:
		a.rows[out.at] = out.after
	}
	a.commitSettlement(e)
	if e.Kind == KindFill || e.Kind == KindCorrect {
		a.lastExecution = max(a.lastExecution, e.Execution.ID.Number())
	}
	if e.Kind == KindBust || e.Kind == KindCorrect {
		a.markBusted(e)
	}
}

func (a *Account) commitOrder(e *Event, out *outcome) {
	switch {
	case e.Order.Working() && out.before != nil:
		*out.before = e.Order
	case e.Order.Working():
		o := e.Order
		a.orders = slices.Insert(a.orders, out.orderAt, &o)
	case out.before != nil:
		a.orders = slices.Delete(a.orders, out.orderAt, out.orderAt+1)
	}
	a.lastOrder = max(a.lastOrder, e.Order.ID.Number())
}

func (a *Account) markBusted(e *Event) {
	if a.busted == nil {
		a.busted = make(map[ExecutionID]Busted)
	}
	b := Busted{Number: e.Number, Time: e.Time, Reason: e.Text}
	id := e.Execution.ID
	if e.Kind == KindCorrect {
		b.CorrectedBy = id.Number()
		id = NewExecutionID(a.customer, e.Execution.Corrects)
	}
	a.busted[id] = b
}

// reopen makes the account as it was opened. Numbers, the last prices of positions and
// what was busted stay.
func (a *Account) reopen() {
	last := make(map[InstrumentID]Price, len(a.rows))
	for i := range a.rows {
		last[a.rows[i].instrument] = a.rows[i].last
	}
	a.rows, a.lots, a.proceeds, a.value = nil, nil, nil, total{}
	for _, h := range a.opening.Holdings {
		at, _ := find(a.rows, h.Instrument)
		r := row{instrument: h.Instrument, since: a.since(), quantity: h.Quantity, cost: h.Cost, last: last[h.Instrument]}
		a.value.add(r.value())
		a.rows = slices.Insert(a.rows, at, r)
	}
	a.deposits, a.resetAt = 0, a.lastExecution
}
