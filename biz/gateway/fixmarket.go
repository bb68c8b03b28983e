package gateway

import (
	"context"
	"slices"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

const (
	// maxMarketSubscriptions is how many subscriptions to market data a FIX session may have.
	maxMarketSubscriptions = 16
	// entriesPerMessage is how many entries of market data one message has, some 6 KiB.
	entriesPerMessage = 60
	// marketPiece is how many changed instruments of a subscription are sent in one turn.
	marketPiece = 200
)

// Values of MDReqRejReason (281).
const (
	noSuchSymbol        = '0'
	duplicateRequest    = '1'
	tooMuch             = '2'
	unsupportedDepth    = '5'
	unsupportedEntry    = '8'
	withoutRejectReason = 0
)

// marketSubscriber is a connection with subscriptions to market data. A price that changes is only marked:
// its newest value leaves when the client has taken earlier messages. Guarded by fixQueries.mu.
type marketSubscriber struct {
	conn *engine.Session
	list []*marketSubscription
}

// marketSubscription is one subscription, or a request for a snapshot.
type marketSubscription struct {
	request string
	types   []byte                // MDEntryType
	full    bool                  // changes are sent as snapshots
	ids     []ledger.InstrumentID // in the order of the request
	set     subscription          // those. Fixed

	started bool                  // the snapshots have left. Guarded by fixQueries.mu, as what follows
	marked  subscription          // the instruments in changed
	changed []ledger.InstrumentID // since they were last sent
}

// marketData answers a request for market data.
func (t *fixTurn) marketData(m *codecfix.Message) {
	s, reason, text := t.g.marketRequest(m)
	kind := char(m, codecfix.SubscriptionRequest)
	switch {
	case kind == '2' && t.g.queries.unsubscribe(t.id, s.request): // what it is about does not matter
	case kind == '2':
		t.rejectMarketData(s.request, withoutRejectReason, "no subscription has this MDReqID")
	case text != "":
		t.rejectMarketData(s.request, reason, text)
	case kind == '0':
		t.answerAll(m, t.snapshots(s))
	default:
		if reason, text = t.g.queries.mayAdd(t.id, s.request); text != "" {
			t.rejectMarketData(s.request, reason, text)
			return
		}
		answer := t.snapshots(s)
		answer.head = func() { t.g.queries.add(t.id, t.id.conn, s) } // before prices are read: each change is in the snapshot or sent
		answer.sent = func(t *fixTurn) { t.g.queries.open(s) }
		t.answerAll(m, answer)
	}
}

// marketRequest returns what a request asks for. A text refuses it.
func (g *Gateway) marketRequest(m *codecfix.Message) (s *marketSubscription, reason byte, text string) {
	s = &marketSubscription{request: string(get(m, codecfix.MDReqID)), full: char(m, codecfix.MDUpdateType) == '0'}
	for i := range m.Fields {
		f := &m.Fields[i]
		switch {
		case f.Tag == codecfix.MDEntryType && (f.Value[0] > '2' || len(f.Value) > 1):
			return s, unsupportedEntry, "MDEntryType (269) is 0, 1 or 2 here"
		case f.Tag == codecfix.MDEntryType && !slices.Contains(s.types, f.Value[0]):
			s.types = append(s.types, f.Value[0])
		case f.Tag == codecfix.Symbol:
			id, err := g.fixInstrument(&codecfix.Message{Fields: entryOf(m.Fields[i:])})
			if err != nil {
				return s, noSuchSymbol, ledger.ErrUnknownInstrument.Error() + " " + string(f.Value)
			}
			if s.set.add(id) {
				s.ids = append(s.ids, id)
			}
		}
	}
	switch {
	case len(s.types) == 0:
		return s, unsupportedEntry, "there is no MDEntryType (269)"
	case len(s.ids) == 0:
		return s, noSuchSymbol, "there is no Symbol (55)"
	}
	if depth := string(get(m, codecfix.MarketDepth)); depth != "0" && depth != "1" {
		return s, unsupportedDepth, "MarketDepth (264) is 0 or 1 here: the book has one level"
	}
	return s, 0, ""
}

// entryOf returns the fields of the entry that fields start with: up to the next Symbol.
func entryOf(fields []codecfix.Field) []codecfix.Field {
	for i := 1; i < len(fields); i++ {
		if fields[i].Tag == codecfix.Symbol {
			return fields[:i]
		}
	}
	return fields
}

// rejectMarketData refuses a request.
func (t *fixTurn) rejectMarketData(request string, reason byte, text string) {
	t.send(codecfix.MarketDataReject, func(w *codecfix.Writer) {
		w.Text(codecfix.Text, text)
		w.Text(codecfix.MDReqID, request)
		if reason != withoutRejectReason {
			w.Char(codecfix.MDReqRejReason, reason)
		}
	})
}

// snapshots returns the answer with a snapshot of each instrument.
func (t *fixTurn) snapshots(s *marketSubscription) *fixAnswer {
	return &fixAnswer{messages: len(s.ids), send: func(t *fixTurn, from, to int) {
		for _, id := range s.ids[from:to] {
			t.snapshot(s, id)
		}
	}}
}

// snapshot sends the prices of an instrument as they are now.
func (t *fixTurn) snapshot(s *marketSubscription, id ledger.InstrumentID) {
	market, code := t.g.instrument(id)
	t.send(codecfix.MarketDataSnapshot, func(w *codecfix.Writer) {
		w.Text(codecfix.Symbol, code)
		w.Text(codecfix.SecurityExchange, market)
		w.Text(codecfix.MDReqID, s.request)
		w.Int(codecfix.NoMDEntries, int64(len(s.types)))
		for _, kind := range s.types {
			w.Char(codecfix.MDEntryType, kind)
			t.appendPrice(w, id, kind)
		}
	})
}

// appendPrice appends price, size, time and condition of an entry. Orders are executed at the last price:
// it is bid and offer, too, with the depth of the instrument as the size, if that is limited. While
// trading is halted there is nothing to execute: the condition is that the quote is closed.
func (t *fixTurn) appendPrice(w *codecfix.Writer, id ledger.InstrumentID, kind byte) {
	w.Decimal(codecfix.MDEntryPx, int64(t.g.market.Last(id)), decimals)
	if depth := t.g.market.At(id).Depth; kind != '2' && depth != 0 {
		w.Int(codecfix.MDEntrySize, int64(depth))
	}
	var b [24]byte
	at := codecfix.AppendTime(b[:0], t.now)
	w.Bytes(codecfix.MDEntryDate, at[:8])
	w.Bytes(codecfix.MDEntryTime, at[9:])
	if kind != '2' && t.g.market.Halted(id) {
		w.Char(codecfix.QuoteCondition, 'B') // closed
	}
}

// changes sends the newest prices of instruments.
func (t *fixTurn) changes(s *marketSubscription, ids []ledger.InstrumentID) {
	if s.full {
		for _, id := range ids {
			t.snapshot(s, id)
		}
		return
	}
	for part := range slices.Chunk(ids, max(1, entriesPerMessage/len(s.types))) {
		t.send(codecfix.MarketDataIncremental, func(w *codecfix.Writer) {
			w.Text(codecfix.MDReqID, s.request)
			w.Int(codecfix.NoMDEntries, int64(len(part)*len(s.types)))
			for _, id := range part {
				for _, kind := range s.types {
					t.appendChange(w, id, kind)
				}
			}
		})
	}
}

func (t *fixTurn) appendChange(w *codecfix.Writer, id ledger.InstrumentID, kind byte) {
	action := byte('1') // the bid or the offer changes
	if kind == '2' {
		action = '0' // a trade is new
	}
	market, code := t.g.instrument(id)
	w.Char(codecfix.MDUpdateAction, action)
	w.Char(codecfix.MDEntryType, kind)
	w.Text(codecfix.Symbol, code)
	w.Text(codecfix.SecurityExchange, market)
	t.appendPrice(w, id, kind)
}

// mayAdd returns why a session may not have one more subscription; without a text it may.
func (q *fixQueries) mayAdd(id *fixIdentity, request string) (reason byte, text string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.subscribers[id]
	switch {
	case of == nil || of.conn != id.conn:
	case of.find(request) >= 0:
		return duplicateRequest, "a subscription has this MDReqID"
	case len(of.list) == maxMarketSubscriptions:
		return tooMuch, "this session has 16 subscriptions; end one first"
	}
	return 0, ""
}

// find returns the place of a subscription, -1 without it.
func (of *marketSubscriber) find(request string) int {
	return slices.IndexFunc(of.list, func(s *marketSubscription) bool { return s.request == request })
}

// add adds a subscription of a connection. Those of an earlier connection end.
func (q *fixQueries) add(id *fixIdentity, conn *engine.Session, s *marketSubscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.subscribers[id]
	if of == nil || of.conn != conn {
		of = &marketSubscriber{conn: conn}
		q.subscribers[id] = of
	}
	of.list = append(of.list, s)
}

// open makes the changes of a subscription leave: its snapshots have left.
func (q *fixQueries) open(s *marketSubscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.started = true
}

// unsubscribe ends a subscription, and reports whether there was one.
func (q *fixQueries) unsubscribe(id *fixIdentity, request string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.subscribers[id]
	if of == nil || of.conn != id.conn {
		return false
	}
	n := of.find(request)
	if n < 0 {
		return false
	}
	if of.list = slices.Delete(of.list, n, n+1); len(of.list) == 0 {
		delete(q.subscribers, id)
	}
	return true
}

// pricesChanged marks instruments in all subscriptions to them. Goroutine: the publisher's.
func (q *fixQueries) pricesChanged(ids []ledger.InstrumentID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, of := range q.subscribers {
		for _, s := range of.list {
			for _, id := range ids {
				if s.set.has(id) && s.marked.add(id) {
					s.changed = append(s.changed, id)
				}
			}
		}
	}
}

// due returns the sessions to which changes can be sent now, and removes connections that have ended.
func (q *fixQueries) due() (list []*fixIdentity, conns []*engine.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, of := range q.subscribers {
		if of.conn.Closing() {
			delete(q.subscribers, id)
			continue
		}
		if of.conn.Due() <= fixDue && slices.ContainsFunc(of.list, (*marketSubscription).ready) {
			list, conns = append(list, id), append(conns, of.conn)
		}
	}
	return list, conns
}

func (s *marketSubscription) ready() bool { return s.started && len(s.changed) > 0 }

// take returns a subscription of a connection that is ready, and some of its changed instruments, which
// are no longer marked; nil if no subscription is.
func (q *fixQueries) take(id *fixIdentity, conn *engine.Session) (*marketSubscription, []ledger.InstrumentID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.subscribers[id]
	if of == nil || of.conn != conn {
		return nil, nil
	}
	n := slices.IndexFunc(of.list, (*marketSubscription).ready)
	if n < 0 {
		return nil, nil
	}
	s := of.list[n]
	ids := slices.Clone(s.changed[:min(len(s.changed), marketPiece)])
	s.changed = slices.Delete(s.changed, 0, len(ids))
	for _, id := range ids {
		s.marked.remove(id)
	}
	return s, ids
}

// remove removes an instrument.
func (w *subscription) remove(id ledger.InstrumentID) {
	if int(id/64) < len(w.bits) {
		w.bits[id/64] &^= 1 << (id % 64)
	}
}

// pushMarketData sends changed prices to the FIX sessions that have subscribed to them, once what has
// changed them is durable. It is called in each round of the publisher.
func (g *Gateway) pushMarketData(ctx context.Context, w *workspace) {
	ids, conns := g.queries.due()
	for n, id := range ids {
		conn := conns[n]
		for more := true; more && ctx.Err() == nil && !conn.Closing() && conn.Due() <= fixDue; {
			more = false
			_ = g.inFIX(w, id, conn, func(t *fixTurn) {
				s, changed := g.queries.take(id, conn)
				if more = s != nil && t.id.session.Online(); more {
					t.counted = true
					t.changes(s, changed)
				}
			}) // overloaded: in the next round
		}
	}
}
