package gateway

import (
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// positionSubscription makes the changes of positions be sent to a connection.
type positionSubscription struct {
	conn    *engine.Session
	request string              // PosReqID
	one     bool                // only for instrument
	id      ledger.InstrumentID // if one
	shown   subscription        // the instruments whose position was shown and may be open
}

// Values of PosReqResult (728).
const (
	positionsFound       = 0
	positionsNone        = 2
	positionsForbidden   = 3
	positionsUnsupported = 4
	positionsOther       = 99
)

// positions answers a request for positions.
func (t *fixTurn) positions(m *codecfix.Message) {
	id, one, found := t.g.symbolOf(m)
	request := string(get(m, codecfix.PosReqID))
	subscribe := char(m, codecfix.SubscriptionRequest)
	current := t.positionSubscription()
	switch {
	case t.foreign(m):
		t.ackPositions(request, positionsForbidden, 0, "this session is that of another account")
	case string(get(m, codecfix.PosReqType)) != "0":
		t.ackPositions(request, positionsUnsupported, 0, "PosReqType (724) is 0 here")
	case !found:
		t.ackPositions(request, 1, 0, ledger.ErrUnknownInstrument.Error()) // invalid
	case subscribe == '2' && (current == nil || current.request != request):
		t.ackPositions(request, positionsOther, 0, "no subscription has this PosReqID")
	case subscribe == '2':
		t.id.queries.positions = nil
		t.ackPositions(request, positionsFound, 0, "")
	case subscribe == '1' && current != nil && current.request != request:
		t.ackPositions(request, positionsOther, 0, "this session has a subscription to positions; end it first")
	default:
		t.listPositions(m, &positionSubscription{conn: t.id.conn, request: request, one: one, id: id}, subscribe == '1')
	}
}

// positionSubscription returns the subscription of the connection, or nil.
func (t *fixTurn) positionSubscription() *positionSubscription {
	if p := t.id.queries.positions; p != nil && p.conn == t.id.conn {
		return p
	}
	return nil
}

// listPositions sends the positions that p is about, and subscribes to their changes.
func (t *fixTurn) listPositions(m *codecfix.Message, p *positionSubscription, subscribe bool) {
	var ids []ledger.InstrumentID
	for _, row := range t.turn.Ledger().Positions(nil) {
		if !p.one || row.Instrument == p.id {
			ids = append(ids, row.Instrument)
		}
	}
	t.answerAll(m, &fixAnswer{
		messages: len(ids),
		head: func() {
			result := positionsFound
			if len(ids) == 0 {
				result = positionsNone
			}
			t.ackPositions(p.request, result, len(ids), "")
			if !subscribe {
				return
			}
			t.id.queries.positions = p
			for _, id := range ids {
				p.shown.add(id)
			}
		},
		send: func(t *fixTurn, from, to int) {
			for _, id := range ids[from:to] {
				t.reportPosition(p.request, id, len(ids), false)
			}
		},
	})
}

// ackPositions sends the answer that comes before the reports.
func (t *fixTurn) ackPositions(request string, result, reports int, text string) {
	t.send(codecfix.RequestForPositionsAck, func(w *codecfix.Writer) {
		w.Text(codecfix.Account, t.customer())
		if text != "" {
			w.Text(codecfix.Text, text)
		}
		t.appendParty(w)
		w.Int(codecfix.AccountType, 1)
		w.Text(codecfix.PosReqID, request)
		t.uniqueID(w, codecfix.PosMaintRptID, "p")
		w.Int(codecfix.TotalNumPosReports, int64(reports))
		w.Int(codecfix.PosReqResult, int64(result))
		status := byte('2') // rejected
		if result == positionsFound || result == positionsNone {
			status = '0'
		}
		w.Char(codecfix.PosReqStatus, status)
	})
}

// appendParty appends the customer as a party: a customer account, with an id of this server.
func (t *fixTurn) appendParty(w *codecfix.Writer) {
	w.Int(codecfix.NoPartyIDs, 1)
	w.Text(codecfix.PartyID, t.customer())
	w.Char(codecfix.PartyIDSource, 'D')
	w.Int(codecfix.PartyRole, 24)
}

// reportPosition sends the position in an instrument as it is now, at the last price. total 0: it has
// changed.
func (t *fixTurn) reportPosition(request string, id ledger.InstrumentID, total int, changed bool) {
	row, held := t.turn.Ledger().Position(id)
	if !held {
		row = ledger.Position{Instrument: id}
	}
	last := t.g.market.Last(id)
	before, _ := t.g.market.PreviousClose(id)
	market, code := t.g.instrument(id)
	t.send(codecfix.PositionReport, func(w *codecfix.Writer) {
		w.Text(codecfix.Account, t.customer())
		w.Text(codecfix.Symbol, code)
		w.Text(codecfix.SecurityExchange, market)
		if changed {
			w.Char(codecfix.Unsolicited, 'Y')
		}
		t.appendParty(w)
		w.Int(codecfix.AccountType, 1)
		w.Int(codecfix.NoPositions, 1)
		w.Text(codecfix.PosType, "TQ")
		w.Int(codecfix.LongQty, int64(row.Quantity))
		w.Int(codecfix.ShortQty, 0)
		w.Text(codecfix.PosReqID, request)
		appendDate(w, codecfix.ClearingBusinessDate, t.now)
		t.uniqueID(w, codecfix.PosMaintRptID, "p")
		if !changed {
			w.Int(codecfix.TotalNumPosReports, int64(total))
		}
		w.Int(codecfix.PosReqResult, positionsFound)
		w.Decimal(codecfix.SettlPrice, int64(last), decimals)
		w.Int(codecfix.SettlPriceType, 2) // theoretical
		w.Decimal(codecfix.PriorSettlPrice, int64(before), decimals)
		w.Int(codecfix.NoPosAmt, 3)
		appendAmount(w, "FMTM", row.MarketValue(last))
		appendAmount(w, "TVAR", row.UnrealisedProfit(last))
		appendAmount(w, "CASH", row.Realised)
	})
}

func appendAmount(w *codecfix.Writer, kind string, m ledger.Money) {
	w.Text(codecfix.PosAmtType, kind)
	w.Decimal(codecfix.PosAmt, int64(m), decimals)
}

// appendDate appends a field with a UTC date.
func appendDate(w *codecfix.Writer, tag int, nanos int64) {
	var b [8]byte
	w.Bytes(tag, codecfix.AppendDate(b[:0], nanos))
}

// pushPositions sends the positions that the events of a turn have changed to a session that has
// subscribed to them. It is called after the reports of the events.
func (t *fixTurn) pushPositions(events []ledger.Event) {
	p := t.positionSubscription()
	if p == nil || !t.id.session.Online() {
		return
	}
	changed := p.changedBy(events)
	if len(changed) == 0 {
		return
	}
	t.reportChanges(p, changed)
	t.finish()
}

// reportChanges sends changed positions. If there are very many, as after a reset, only some leave at once.
func (t *fixTurn) reportChanges(p *positionSubscription, changed []ledger.InstrumentID) {
	now := min(len(changed), fixPiece)
	if rest := changed[now:]; len(rest) > 0 && !t.stream(func(s *fixStream) {
		for len(rest) > 0 && s.ready() {
			s.turn(func(t *fixTurn) {
				n := min(len(rest), fixPiece)
				t.reportChanged(p, rest[:n])
				rest = rest[n:]
			})
		}
	}) {
		now = len(changed)
	}
	t.reportChanged(p, changed[:now])
}

func (t *fixTurn) reportChanged(p *positionSubscription, ids []ledger.InstrumentID) {
	for _, id := range ids {
		t.reportPosition(p.request, id, 0, true)
		p.shown.add(id)
	}
}

// changedBy returns the instruments whose positions events have changed, each once.
func (p *positionSubscription) changedBy(events []ledger.Event) (ids []ledger.InstrumentID) {
	var seen subscription
	for n := range events {
		e := &events[n]
		if e.Kind == ledger.KindReset {
			ids = p.shown.list(ids, &seen)
		}
		if id := e.Execution.Instrument; e.Kind.HasExecution() && (!p.one || id == p.id) && seen.add(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// list appends the instruments of a subscription that are not in seen, and adds them to it.
func (w *subscription) list(ids []ledger.InstrumentID, seen *subscription) []ledger.InstrumentID {
	for n := range 64 * len(w.bits) {
		if id := ledger.InstrumentID(n); w.has(id) && seen.add(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
