package gateway

import (
	"strconv"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

func base36(n int64) string { return strconv.FormatInt(n, 36) }

// customer returns the number of the customer, as in Account (1).
func (t *fixTurn) customer() string { return strconv.FormatUint(uint64(t.id.key.Customer), 10) }

// massStatus reports all working orders, or those of an instrument, as they are when each report leaves.
func (t *fixTurn) massStatus(m *codecfix.Message) {
	id, named, found := t.g.symbolOf(m)
	side := fixSide(m)
	kind, _ := m.Get(codecfix.MassStatusReqType)
	request := string(get(m, codecfix.MassStatusReqID))
	none := func(reason int64, text string) {
		t.send(codecfix.ExecutionReport, func(w *codecfix.Writer) { t.appendNoOrder(w, m, request, reason, text) })
	}
	switch {
	case t.foreign(m):
		none(15, "this session is that of another account") // unknown account
	case string(kind) != "7" && string(kind) != "1":
		none(11, "MassStatusReqType (585) is 1 or 7 here") // unsupported
	case string(kind) == "1" && (!named || !found):
		none(1, ledger.ErrUnknownInstrument.Error()) // unknown symbol
	default:
		orders := t.ordersWhere(func(o *ledger.Order) bool {
			return (string(kind) == "7" || o.Instrument == id) && (side == 0 || o.Side == side)
		})
		if len(orders) == 0 {
			none(5, "no working order matches") // unknown order
			return
		}
		t.answerAll(m, &fixAnswer{messages: len(orders), send: func(t *fixTurn, from, to int) {
			for n := from; n < to; n++ {
				t.orderStatus(request, orders[n], len(orders), n == len(orders)-1)
			}
		}})
	}
}

// get returns the value of a field, nil without it.
func get(m *codecfix.Message, tag int) []byte {
	v, _ := m.Get(tag)
	return v
}

// ordersWhere returns the working orders that match.
func (t *fixTurn) ordersWhere(match func(*ledger.Order) bool) (ids []ledger.OrderID) {
	l := t.turn.Ledger()
	all, _ := l.OrdersFrom(nil, 0, l.WorkingOrders())
	for n := range all {
		if match(&all[n]) {
			ids = append(ids, all[n].ID)
		}
	}
	return ids
}

// orderStatus sends the report for an order as it is now. One that has ended since the request, and whose
// last event is no longer in memory, is left out: its end was reported.
func (t *fixTurn) orderStatus(request string, id ledger.OrderID, total int, last bool) {
	l := t.turn.Ledger()
	e := ledger.Event{Time: t.now}
	found := true
	if o := l.Order(id); o != nil {
		e.Order = *o
	} else {
		e.Order, e.Cause, found = l.FindOrder(id)
	}
	if !found && !last {
		return
	}
	t.send(codecfix.ExecutionReport, func(w *codecfix.Writer) {
		if !found {
			t.appendNoOrder(w, &codecfix.Message{}, request, 5, "this order has ended")
			return
		}
		t.appendStatus(w, new(codecfix.Message), &fixOld{order: &e.Order, cause: e.Cause})
		w.Text(codecfix.MassStatusReqID, request)
		w.Int(codecfix.TotNumReports, int64(total))
		w.Char(codecfix.LastRptRequested, yes(last))
	})
}

func yes(b bool) byte {
	if b {
		return 'Y'
	}
	return 'N'
}

// appendNoOrder appends the body of the only report of an answer without orders. reason is OrdRejReason.
func (t *fixTurn) appendNoOrder(w *codecfix.Writer, m *codecfix.Message, request string, reason int64, text string) {
	w.Int(codecfix.AvgPx, 0)
	w.Int(codecfix.CumQty, 0)
	t.appendRejectID(w)
	w.Text(codecfix.OrderID, noOrder)
	w.Char(codecfix.OrdStatus, rejected)
	side := char(m, codecfix.Side)
	if side == 0 {
		side = '7' // undisclosed
	}
	w.Char(codecfix.Side, side)
	if _, named := m.Get(codecfix.Symbol); named {
		t.copy(w, m, codecfix.Symbol)
	} else {
		w.Text(codecfix.Symbol, notAvailable)
	}
	w.Text(codecfix.Text, text)
	w.Time(codecfix.TransactTime, t.now)
	w.Int(codecfix.OrdRejReason, reason)
	w.Char(codecfix.ExecType, 'I')
	w.Int(codecfix.LeavesQty, 0)
	t.copy(w, m, codecfix.SecurityExchange)
	w.Text(codecfix.MassStatusReqID, request)
	w.Int(codecfix.TotNumReports, 0)
	w.Char(codecfix.LastRptRequested, 'Y')
}
