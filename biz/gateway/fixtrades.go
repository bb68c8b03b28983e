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

// Values of TradeRequestResult (749).
const (
	tradesFound       = 0
	tradesInstrument  = 1
	tradesUnsupported = 8
	tradesForbidden   = 9
	tradesOther       = 99
)

// tradeQuery is a request for executions, newest first.
type tradeQuery struct {
	request  string
	kind     int64
	symbol   string // of the request
	exchange string
	query    desk.Query
	order    ledger.OrderID       // only of this order; 0: of any
	name     ledger.ClientOrderID // only of the order with this id; zero: of any
	only     ledger.ExecutionID   // only this one; 0: any
	count    int                  // of reports
	held     *ledger.Execution    // the newest one that was found but not reported: the last one is marked
}

// trades answers a request for executions. Their reports come from the history.
func (t *fixTurn) trades(m *codecfix.Message) {
	q, result, text := t.g.tradeQueryOf(m)
	switch {
	case result != tradesFound:
	case t.foreign(m):
		result, text = tradesForbidden, "this session is that of another account"
	case q.order != 0 && q.order.Customer() != t.id.key.Customer || q.only != 0 && q.only.Customer() != t.id.key.Customer:
		result, text = tradesForbidden, "this id is that of another account"
	default:
		if t.streamFor(m, q.stream) {
			t.ackTrades(q, tradesFound, '0', "")
		}
		return
	}
	t.ackTrades(q, result, '2', text)
}

// tradeQueryOf returns what a request asks for. A result other than tradesFound refuses it, with a text.
func (g *Gateway) tradeQueryOf(m *codecfix.Message) (q *tradeQuery, result int, text string) {
	kind, _ := codecfix.Decimal(get(m, codecfix.TradeRequestType), 0)
	q = &tradeQuery{
		request: string(get(m, codecfix.TradeRequestID)), kind: kind,
		symbol: string(get(m, codecfix.Symbol)), exchange: string(get(m, codecfix.SecurityExchange)),
	}
	id, named, found := g.symbolOf(m)
	q.query.Limit, q.query.ByInstrument, q.query.Instrument, q.query.Side = fixPiece, named, id, fixSide(m)
	switch subscribe := char(m, codecfix.SubscriptionRequest); {
	case kind != 0 && kind != 1:
		return q, tradesUnsupported, "TradeRequestType (569) is 0 or 1 here"
	case subscribe != 0 && subscribe != '0':
		return q, tradesOther, "there is no subscription to trades: executions are reported by ExecutionReport"
	case !found:
		return q, tradesInstrument, ledger.ErrUnknownInstrument.Error()
	}
	q.query.From, q.query.To = tradeTimes(m)
	ok := true
	if v, asked := m.Get(codecfix.OrderID); asked {
		var id uint64
		id, ok = fixID(v)
		q.order = ledger.OrderID(id)
	}
	if v, asked := m.Get(codecfix.ExecID); asked && ok {
		var id uint64
		id, ok = fixID(v)
		q.only = ledger.ExecutionID(id)
	}
	if v, asked := m.Get(codecfix.ClOrdID); asked && ok {
		var err error
		q.name, err = ledger.ParseClientOrderID(v)
		ok = err == nil
	}
	if !ok {
		return q, tradesOther, "an id that no order or execution has"
	}
	return q, tradesFound, ""
}

// fixID returns an id such as 100001-7.
func fixID(v []byte) (uint64, bool) {
	customer, number, _ := strings.Cut(string(v), "-")
	c, err := strconv.ParseUint(customer, 10, 32)
	n, err2 := strconv.ParseUint(number, 10, 32)
	return c<<32 | n, err == nil && err2 == nil
}

// day is the length of a day, in nanoseconds.
const day = 24 * 60 * 60 * 1_000_000_000

// tradeTimes returns the range of times that a request asks for: the day of its TradeDate, or from the first
// one to the end of the second. A TransactTime is more exact than its day: where the range starts, or, in
// the second entry, ends.
func tradeTimes(m *codecfix.Message) (from, to int64) {
	entries := 0
	for i := range m.Fields {
		switch f := &m.Fields[i]; f.Tag {
		case codecfix.TradeDate:
			at, _ := codecfix.ParseTime(append(slices.Clone(f.Value), "-00:00:00"...)) // the dictionary has checked it
			if entries++; entries == 1 {
				from = at
			}
			to = at + day
		case codecfix.TransactTime:
			at, _ := codecfix.ParseTime(f.Value)
			if entries > 1 {
				to = at + 1
			} else {
				from = at
			}
		}
	}
	return from, to
}

// stream sends the reports, and an answer that says that they are complete. Goroutine: a separate one.
func (q *tradeQuery) stream(s *fixStream) {
	err := q.find(s)
	for more := err == nil; more && s.ready(); {
		var page []ledger.Execution
		var next ledger.ExecutionID
		if page, next, err = q.page(s); err != nil {
			break
		}
		q.query.Before, more = next, next != 0
		if len(page) > 0 {
			q.sendPage(s, page)
		}
	}
	for done := false; !done && s.ready(); {
		s.turn(func(t *fixTurn) {
			done = true
			q.end(t, err)
		})
	}
}

// find looks up the order that the request names: its executions are not older than it is.
func (q *tradeQuery) find(s *fixStream) error {
	if q.order == 0 && q.name.IsZero() {
		return nil
	}
	ctx, cancel := historyContext()
	defer cancel()
	o, _, err := s.g.findOrder(ctx, s.id.account, q.order, q.name)
	if err != nil {
		return err
	}
	q.order, q.query.From = o.ID, max(q.query.From, o.Time)
	return nil
}

// page reads the next executions from the history.
func (q *tradeQuery) page(s *fixStream) (page []ledger.Execution, next ledger.ExecutionID, err error) {
	ctx, cancel := historyContext()
	defer cancel()
	if q.only != 0 {
		x, err := s.g.desk.FindExecution(ctx, s.id.account.Account, q.only)
		return q.matching([]ledger.Execution{x}), 0, err
	}
	page, next, err = s.g.desk.Executions(ctx, s.id.account.Account, q.query)
	return q.matching(page), next, err
}

// matching returns the executions that the request asks for, of those that the query has found.
func (q *tradeQuery) matching(page []ledger.Execution) []ledger.Execution {
	rest := page[:0]
	for n := range page {
		x := &page[n]
		f := &q.query.Filter
		if (q.order == 0 || x.Order == q.order) && (!f.ByInstrument || x.Instrument == f.Instrument) && (f.Side == 0 || x.Side == f.Side) {
			rest = append(rest, *x)
		}
	}
	return rest
}

// sendPage reports the execution that was held back and those of a page, without its last one.
func (q *tradeQuery) sendPage(s *fixStream, page []ledger.Execution) {
	for done := false; !done && s.ready(); {
		s.turn(func(t *fixTurn) {
			done = true
			for n := range page {
				if q.held != nil {
					q.report(t, false)
				}
				q.held = &page[n]
			}
		})
	}
}

// end reports the last execution, and sends the answer that comes after the reports.
func (q *tradeQuery) end(t *fixTurn, err error) {
	if err == nil && q.held != nil {
		q.report(t, true)
	}
	switch {
	case err == nil, errors.Is(err, ledger.ErrUnknownOrder), errors.Is(err, ledger.ErrUnknownExecution):
		t.ackTrades(q, tradesFound, '1', "")
	default:
		t.ackTrades(q, tradesOther, '2', t.g.historyProblem(err).Message)
	}
}

// ackTrades sends an answer before or after the reports, with TradeRequestStatus (750).
func (t *fixTurn) ackTrades(q *tradeQuery, result int, status byte, text string) {
	t.send(codecfix.TradeCaptureRequestAck, func(w *codecfix.Writer) {
		symbol := q.symbol
		if symbol == "" {
			symbol = notAvailable
		}
		w.Text(codecfix.Symbol, symbol)
		if text != "" {
			w.Text(codecfix.Text, text)
		}
		if q.exchange != "" {
			w.Text(codecfix.SecurityExchange, q.exchange)
		}
		w.Text(codecfix.TradeRequestID, q.request)
		w.Int(codecfix.TradeRequestType, q.kind)
		if status == '1' {
			w.Int(codecfix.TotNumTradeReports, int64(q.count))
		}
		w.Int(codecfix.TradeRequestResult, int64(result))
		w.Char(codecfix.TradeRequestStatus, status)
	})
}

// report sends the report of the execution that was held back. One that was busted or corrected is a
// cancelled trade; a correction replaces the trade that it corrects.
func (q *tradeQuery) report(t *fixTurn, last bool) {
	x := q.held
	q.held = nil
	q.count++
	b, busted := t.turn.Ledger().FindBust(x.ID)
	kind, change := byte('F'), int64(0) // a new trade
	switch {
	case busted:
		kind, change = 'H', 1
	case x.Corrects != 0:
		kind, change = 'G', 2
	}
	customer := uint32(x.ID.Customer())
	market, code := t.g.instrument(x.Instrument)
	t.send(codecfix.TradeCaptureReport, func(w *codecfix.Writer) {
		w.ID(codecfix.ExecID, customer, x.ID.Number(), "")
		w.Decimal(codecfix.LastPx, int64(x.Price), decimals)
		w.Int(codecfix.LastQty, int64(x.Quantity))
		w.Text(codecfix.Symbol, code)
		w.Time(codecfix.TransactTime, x.Time)
		appendDate(w, codecfix.TradeDate, x.Time)
		w.Char(codecfix.ExecType, kind)
		w.Text(codecfix.SecurityExchange, market)
		w.Int(codecfix.TradeReportTransType, change)
		t.appendSide(w, x, b.Reason)
		w.Text(codecfix.TradeRequestID, q.request)
		w.Char(codecfix.PreviouslyReported, 'N')
		suffix := ""
		if busted {
			suffix = "h"
		}
		w.Text(codecfix.TradeReportID, x.ID.String()+suffix)
		switch {
		case busted:
			w.ID(codecfix.TradeReportRefID, customer, x.ID.Number(), "")
		case x.Corrects != 0:
			w.ID(codecfix.TradeReportRefID, customer, x.Corrects, "")
		}
		w.Char(codecfix.LastRptRequested, yes(last))
	})
}

// appendSide appends the side of an execution, as the only entry of its group.
func (t *fixTurn) appendSide(w *codecfix.Writer, x *ledger.Execution, text string) {
	w.Int(codecfix.NoSides, 1)
	w.Char(codecfix.Side, '0'+byte(x.Side))
	w.ID(codecfix.OrderID, uint32(x.Order.Customer()), x.Order.Number(), "")
	if name := x.ClientOrderID.Bytes(); len(name) > 0 {
		w.Bytes(codecfix.ClOrdID, name)
	}
	w.Text(codecfix.Account, t.customer())
	w.Decimal(codecfix.Commission, int64(x.Fee), decimals)
	w.Char(codecfix.CommType, '3') // absolute
	if text != "" {
		w.Text(codecfix.Text, text)
	}
}
