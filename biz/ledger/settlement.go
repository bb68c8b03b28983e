package ledger

import (
	"cmp"
	"slices"
)

// lot is shares that can't be sold before a time.
type lot struct {
	instrument InstrumentID
	from       int64
	quantity   Quantity
}

// due is cash that can't be spent before a time.
type due struct {
	from   int64
	amount Money
}

// unsettledShares returns how many shares of an instrument can't be sold at a time.
func (a *Account) unsettledShares(id InstrumentID, at int64) (q Quantity) {
	if len(a.lots) == 0 {
		return 0
	}
	i, _ := a.findLot(id, at+1)
	for ; i < len(a.lots) && a.lots[i].instrument == id; i++ {
		q += a.lots[i].quantity
	}
	return q
}

// unsettledBuy returns how many of the shares of an execution can't be sold at a time.
func (x *Execution) unsettledBuy(at int64) Quantity {
	if x.Side != Buy || x.Settlement <= at {
		return 0
	}
	return x.Quantity
}

// findLot returns the index of the shares of an instrument from a time, or where to insert
// them.
func (a *Account) findLot(id InstrumentID, from int64) (at int, found bool) {
	return slices.BinarySearchFunc(a.lots, lot{instrument: id, from: from}, func(x, y lot) int {
		return cmp.Or(cmp.Compare(x.instrument, y.instrument), cmp.Compare(x.from, y.from))
	})
}

// commitSettlement counts what an execution makes wait for its settlement, or a bust or
// correction takes from it.
func (a *Account) commitSettlement(e *Event) {
	x := &e.Execution
	switch {
	case x.Settlement <= e.Time:
	case x.Side == Sell:
		a.addDue(e.Time, x.Settlement, e.unsettledChange())
	case e.Kind == KindFill:
		a.addLot(e.Time, x.Instrument, x.Settlement, x.Quantity)
	case e.Kind == KindBust:
		a.addLot(e.Time, x.Instrument, x.Settlement, -x.Quantity)
	default:
		a.addLot(e.Time, x.Instrument, x.Settlement, e.QuantityChange)
	}
}

// unsettledChange returns what the execution of an event adds to the cash that can't be spent
// yet: its proceeds, if there are any after the fee.
func (e *Event) unsettledChange() Money {
	x := &e.Execution
	if x.Side != Sell || x.Settlement <= e.Time {
		return 0
	}
	flow := x.CashFlow()
	switch e.Kind {
	case KindBust:
		return -max(0, flow)
	case KindCorrect:
		return max(0, flow) - max(0, flow-e.Amount)
	}
	return max(0, flow)
}

// addLot adds shares, and drops those that can be sold at now.
func (a *Account) addLot(now int64, id InstrumentID, from int64, q Quantity) {
	a.lots = slices.DeleteFunc(a.lots, func(l lot) bool { return l.from <= now })
	at, found := a.findLot(id, from)
	if !found {
		a.lots = slices.Insert(a.lots, at, lot{id, from, 0})
	}
	if a.lots[at].quantity += q; a.lots[at].quantity <= 0 {
		a.lots = slices.Delete(a.lots, at, at+1)
	}
}

// addDue adds cash, and drops what can be spent at now.
func (a *Account) addDue(now, from int64, m Money) {
	a.proceeds = slices.DeleteFunc(a.proceeds, func(d due) bool { return d.from <= now })
	at, found := slices.BinarySearchFunc(a.proceeds, from, func(d due, from int64) int { return cmp.Compare(d.from, from) })
	if !found {
		a.proceeds = slices.Insert(a.proceeds, at, due{from, 0})
	}
	if a.proceeds[at].amount += m; a.proceeds[at].amount <= 0 {
		a.proceeds = slices.Delete(a.proceeds, at, at+1)
	}
}
