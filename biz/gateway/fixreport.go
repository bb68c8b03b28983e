package gateway

import (
	"errors"
	"strconv"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

// Values of ExecType (150) that FIX 4.4 has.
var execTypes = [...]byte{
	ledger.KindFill: 'F', ledger.KindBust: 'H', ledger.KindAccept: '0', ledger.KindCancel: '4', ledger.KindExpire: 'C',
	ledger.KindReplace: '5', ledger.KindTrigger: 'D', ledger.KindCorrect: 'G',
}

// Values of OrdStatus (39).
var ordStatuses = [...]byte{ledger.Filled: '2', ledger.New: '0', ledger.PartiallyFilled: '1', ledger.Cancelled: '4', ledger.Expired: 'C'}

// Values of OrdType (40) and TimeInForce (59).
var (
	ordTypes     = [...]byte{ledger.Market: '1', ledger.Limit: '2', ledger.Stop: '3', ledger.StopLimit: '4'}
	timesInForce = [...]byte{ledger.Day: '0', ledger.GoodTillCancelled: '1', ledger.GoodTillDate: '6', ledger.ImmediateOrCancel: '3', ledger.FillOrKill: '4'}
)

// causeTexts say why an order has ended, if no request of its client has ended it.
var causeTexts = [...]string{
	ledger.ByOperator:          "by an operator",
	ledger.ByImmediateOrCancel: "immediate or cancel: the rest could not be executed at once",
	ledger.ByFillOrKill:        "fill or kill: not all of it could be executed at once",
	ledger.ByLiquidity:         "the market offers no more inside its price band",
	ledger.ByCash:              "there is no longer enough cash",
	ledger.ByShares:            "a bust or correction took the shares",
	ledger.ByReset:             "the account was reset",
	ledger.ByClose:             "expired at the close of the trading day",
	ledger.ByDate:              "expired at its date",
	ledger.ByStopPrice:         "the stop price was reached",
	ledger.ByLimits:            "an execution would have exceeded a limit of the account",
}

// textOf returns Text (58) of the report for an event.
func textOf(e *ledger.Event) string {
	if e.Text == "" && !e.Kind.HasExecution() && int(e.Cause) < len(causeTexts) {
		return causeTexts[e.Cause]
	}
	return e.Text
}

// appendReport appends the body of the ExecutionReport for an event of an order, with ascending tags.
// asked is the ClOrdID of the request that has caused it, and order that of its order then; nil: it is
// that of the order.
func (g *Gateway) appendReport(w *codecfix.Writer, e *ledger.Event, asked, order []byte) {
	o, x := &e.Order, &e.Execution
	if asked == nil {
		asked = o.ClientOrderID.Bytes()
	}
	w.Decimal(codecfix.AvgPx, int64(o.AveragePrice()), decimals)
	if len(asked) > 0 {
		w.Bytes(codecfix.ClOrdID, asked)
	}
	if e.Kind.HasExecution() && x.Fee != 0 {
		w.Decimal(tagCommission, int64(x.Fee), decimals)
		w.Char(tagCommType, '3') // absolute
	}
	w.Int(codecfix.CumQty, int64(o.Filled))
	if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
		w.ID(codecfix.ExecID, uint32(x.ID.Customer()), x.ID.Number(), "")
	} else {
		w.ID(codecfix.ExecID, uint32(e.Customer()), uint32(e.Number), "e")
	}
	switch e.Kind {
	case ledger.KindBust:
		w.ID(codecfix.ExecRefID, uint32(x.ID.Customer()), x.ID.Number(), "")
	case ledger.KindCorrect:
		w.ID(codecfix.ExecRefID, uint32(x.ID.Customer()), x.Corrects, "")
	}
	if e.Kind.HasExecution() {
		w.Decimal(codecfix.LastPx, int64(x.Price), decimals)
		w.Int(codecfix.LastQty, int64(x.Quantity))
	}
	w.ID(codecfix.OrderID, uint32(o.ID.Customer()), o.ID.Number(), "")
	g.appendTerms(w, o, order, textOf(e), e.Time)
	w.Char(codecfix.ExecType, execTypes[e.Kind])
	w.Int(codecfix.LeavesQty, int64(o.Leaves()))
	market, _ := g.instrument(o.Instrument)
	w.Text(codecfix.SecurityExchange, market)
	if e.Kind == ledger.KindTrigger {
		w.Int(codecfix.ExecRestatement, 99)
	}
}

// appendTerms appends the fields of an order from OrderQty (38) to ExpireTime (126).
func (g *Gateway) appendTerms(w *codecfix.Writer, o *ledger.Order, order []byte, text string, at int64) {
	w.Int(codecfix.OrderQty, int64(o.Quantity))
	w.Char(codecfix.OrdStatus, ordStatuses[o.Status])
	w.Char(codecfix.OrdType, ordTypes[o.Type])
	if len(order) > 0 {
		w.Bytes(codecfix.OrigClOrdID, order)
	}
	if o.Type.HasLimit() {
		w.Decimal(codecfix.Price, int64(o.Price), decimals)
	}
	w.Char(codecfix.Side, '0'+byte(o.Side))
	_, code := g.instrument(o.Instrument)
	w.Text(codecfix.Symbol, code)
	if text != "" {
		w.Text(codecfix.Text, text)
	}
	w.Char(codecfix.TimeInForce, timesInForce[o.TimeInForce])
	w.Time(codecfix.TransactTime, at)
	if o.Type.HasStop() {
		w.Decimal(codecfix.StopPx, int64(o.Stop), decimals)
	}
	if o.Expires != 0 {
		w.Time(codecfix.ExpireTime, o.Expires)
	}
}

// rejectOrder answers an order that was refused.
func (t *fixTurn) rejectOrder(m *codecfix.Message, err error) {
	reason, _, text := refusedBy(err)
	t.answer(codecfix.ExecutionReport, func(w *codecfix.Writer) {
		w.Int(codecfix.AvgPx, 0)
		t.copy(w, m, codecfix.ClOrdID)
		w.Int(codecfix.CumQty, 0)
		t.appendRejectID(w)
		w.Text(codecfix.OrderID, noOrder)
		t.copy(w, m, codecfix.OrderQty)
		w.Char(codecfix.OrdStatus, rejected)
		t.copy(w, m, codecfix.OrdType)
		t.copy(w, m, codecfix.Price)
		t.copy(w, m, codecfix.Side)
		t.copy(w, m, codecfix.Symbol)
		w.Text(codecfix.Text, text)
		t.copy(w, m, codecfix.TimeInForce)
		w.Time(codecfix.TransactTime, t.now)
		t.copy(w, m, codecfix.StopPx)
		w.Int(codecfix.OrdRejReason, reason)
		w.Char(codecfix.ExecType, rejected)
		w.Int(codecfix.LeavesQty, 0)
		t.copy(w, m, codecfix.SecurityExchange)
	}, true)
}

const (
	noOrder  = "NONE" // OrderID (37)
	rejected = '8'    // OrdStatus (39) and ExecType (150)
)

// appendRejectID appends an ExecID for a message that is for no event: no other message has it, also
// after a reset of the numbers.
func (t *fixTurn) appendRejectID(w *codecfix.Writer) {
	number := t.id.session.NextOut - 1 // of the message that was started
	w.Text(codecfix.ExecID, "r"+strconv.FormatUint(number, 10)+"-"+strconv.FormatInt(t.wall, 36))
}

// rejectCancel answers a cancel or replace that was refused. o is its order; nil: there is no such order.
func (t *fixTurn) rejectCancel(m *codecfix.Message, o *ledger.Order, err error) {
	_, reason, text := refusedBy(err)
	if o != nil && errors.Is(err, ledger.ErrTooLate) {
		text += ": the order is " + statusName(o.Status)
	}
	to := byte('1')
	if string(m.Type) == codecfix.OrderCancelReplace {
		to = '2'
	}
	t.answer(codecfix.OrderCancelReject, func(w *codecfix.Writer) {
		t.copy(w, m, codecfix.ClOrdID)
		if o != nil {
			w.ID(codecfix.OrderID, uint32(o.ID.Customer()), o.ID.Number(), "")
			w.Char(codecfix.OrdStatus, ordStatuses[o.Status])
		} else {
			w.Text(codecfix.OrderID, noOrder)
			w.Char(codecfix.OrdStatus, rejected)
		}
		t.copy(w, m, codecfix.OrigClOrdID)
		w.Text(codecfix.Text, text)
		w.Time(codecfix.TransactTime, t.now)
		w.Int(codecfix.CxlRejReason, reason)
		w.Char(codecfix.CxlRejResponseTo, to)
	}, true)
}

// appendStatus appends the body of a report that says how the order is that m asks for.
func (t *fixTurn) appendStatus(w *codecfix.Writer, m *codecfix.Message, of *fixOld) {
	o, found := of.order, of.err == nil
	if !found {
		o = new(ledger.Order)
	}
	w.Decimal(codecfix.AvgPx, int64(o.AveragePrice()), decimals)
	if name := o.ClientOrderID.Bytes(); len(name) > 0 {
		w.Bytes(codecfix.ClOrdID, name)
	} else {
		t.copy(w, m, codecfix.ClOrdID)
	}
	w.Int(codecfix.CumQty, int64(o.Filled))
	w.Text(codecfix.ExecID, "0") // as FIX 4.4 has it for ExecType I
	if !found {
		reason, _, text := refusedBy(of.err)
		w.Text(codecfix.OrderID, noOrder)
		w.Char(codecfix.OrdStatus, rejected)
		t.copy(w, m, codecfix.Side)
		t.copy(w, m, codecfix.Symbol)
		w.Text(codecfix.Text, text)
		w.Time(codecfix.TransactTime, t.now)
		w.Int(codecfix.OrdRejReason, reason)
	} else {
		w.ID(codecfix.OrderID, uint32(o.ID.Customer()), o.ID.Number(), "")
		t.g.appendTerms(w, o, nil, textOf(&ledger.Event{Kind: ledger.KindCancel, Cause: of.cause}), t.now)
	}
	w.Char(codecfix.ExecType, 'I')
	w.Int(codecfix.LeavesQty, int64(o.Leaves()))
	if found {
		market, _ := t.g.instrument(o.Instrument)
		w.Text(codecfix.SecurityExchange, market)
	}
	t.copy(w, m, tagStatusReqID)
}

// Tags of reports alone.
const (
	tagCommission  = 12
	tagCommType    = 13
	tagStatusReqID = 790
)

// appendMassCancel appends the body of a report on a mass cancel.
func (t *fixTurn) appendMassCancel(w *codecfix.Writer, m *codecfix.Message, count int, err error) {
	t.copy(w, m, codecfix.ClOrdID)
	w.Text(codecfix.OrderID, noOrder)
	t.copy(w, m, codecfix.Side)
	t.copy(w, m, codecfix.Symbol)
	if err != nil {
		_, _, text := refusedBy(err)
		w.Text(codecfix.Text, text)
	}
	w.Time(codecfix.TransactTime, t.now)
	t.copy(w, m, codecfix.SecurityExchange)
	t.copy(w, m, codecfix.MassCancelType)
	if err == nil {
		w.Char(codecfix.MassCancelResult, char(m, codecfix.MassCancelType))
		w.Int(codecfix.TotalAffected, int64(count))
		return
	}
	w.Char(codecfix.MassCancelResult, '0')
	reason := byte('0') // not supported: 99, for others, is not one character, which the field must be
	if errors.Is(err, ledger.ErrUnknownInstrument) {
		reason = '1'
	}
	w.Char(codecfix.MassCancelReason, reason)
}

func (t *fixTurn) copy(w *codecfix.Writer, m *codecfix.Message, tag int) {
	if v, _ := m.Get(tag); len(v) > 0 {
		w.Bytes(tag, v)
	}
}

// answer sends a message. With keep it can be sent again as it is.
func (t *fixTurn) answer(msgType string, body func(*codecfix.Writer), keep bool) {
	s := t.id.session
	number := s.NextOut
	w := s.Start(t.out.message[:0], msgType, t.wall)
	from := w.Len()
	body(&w)
	var kept []byte
	if keep {
		kept = append([]byte(msgType), w.Since(from)...)
	}
	t.out.message = w.End()
	s.Send(t.out.message, t.wall, t)
	if keep {
		t.keep(number, kept)
	}
}
