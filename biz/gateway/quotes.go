package gateway

import (
	"slices"
	"sync"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// quoteBoard holds the quote subscriptions of all sessions. Goroutine: any.
type quoteBoard struct {
	feed *engine.Feed // set by Start

	mu          sync.Mutex
	subscribers map[*engine.Session]*subscription
}

// subscription is a set of instruments that does not change once it is on the board; nil
// is empty.
type subscription struct {
	all  bool
	bits []uint64 // by instrument, where it is not all
}

// add adds an instrument. It returns false if it was there already.
func (w *subscription) add(id ledger.InstrumentID) bool {
	if w.has(id) {
		return false
	}
	if missing := int(id/64) + 1 - len(w.bits); missing > 0 {
		w.bits = append(w.bits, make([]uint64, missing)...)
	}
	w.bits[id/64] |= 1 << (id % 64)
	return true
}

func (w *subscription) equal(to *subscription) bool {
	return w != nil && w.all == to.all && slices.Equal(w.bits, to.bits)
}

func (w *subscription) has(id ledger.InstrumentID) bool {
	return w != nil && (w.all || int(id/64) < len(w.bits) && w.bits[id/64]>>(id%64)&1 != 0)
}

// subscribe makes the next prices of these instruments, and of no others, be pushed to the
// session of a request.
func (q *quoteBoard) subscribe(c *engine.Context, ids *subscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.subscribers[c.Session].equal(ids) { // such as for the next page
		return
	}
	q.subscribers[c.Session] = ids
	var wants func(uint32) bool
	if !ids.all {
		wants = func(key uint32) bool { return ids.has(instrumentOf(key)) }
	}
	q.feed.Leave(c.Session)
	c.Join(q.feed, wants)
}

func (q *quoteBoard) unsubscribe(s *engine.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.subscribers, s)
	q.feed.Leave(s)
}

// subscriptionsOf appends the subscription of each session.
func (q *quoteBoard) subscriptionsOf(dst []*subscription, sessions []*engine.Session) []*subscription {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range sessions {
		dst = append(dst, q.subscribers[s])
	}
	return dst
}

// quote handles Quotes: it replies with a page of last prices, and subscribes to the
// changes of all pages or ends the session's subscription.
func (g *Gateway) quote(c *engine.Context, _ *account) {
	var request pb.QuotesRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	list, err := g.listOf(request.Instruments)
	if err != nil {
		refuse(c, err)
		return
	}
	start, err := g.quotesStart(list, request.After)
	if err != nil {
		refuse(c, err)
		return
	}
	if request.Subscribe { // before reading prices: each change is in the reply or pushed
		g.subscribe(c, list.set)
	} else {
		g.quotes.unsubscribe(c.Session)
	}
	c.Reply(codec.ResultOK, g.quotesPage(list, start, pageRows(request.Limit)))
}

// instrumentList is the instruments of a Quotes request. ids has each once, in the order of
// the request; it is nil if the request means all.
type instrumentList struct {
	ids []ledger.InstrumentID
	set *subscription
}

// listOf returns the instruments of keys, all instruments if there are no keys. The error
// is a refusal.
func (g *Gateway) listOf(keys []*pb.InstrumentKey) (instrumentList, error) {
	l := instrumentList{set: &subscription{all: len(keys) == 0}}
	for _, k := range keys {
		id, ok := g.market.Find(k.Market, k.Code)
		if !ok {
			return l, ledger.ErrUnknownInstrument
		}
		if l.set.add(id) {
			l.ids = append(l.ids, id)
		}
	}
	return l, nil
}

// quotesStart returns the place in l of the row after that one. The error is a refusal.
func (g *Gateway) quotesStart(l instrumentList, after *pb.InstrumentKey) (int, error) {
	first, err := g.pageStart(after)
	if err != nil || l.set.all || after == nil {
		return int(first), err
	}
	at := slices.Index(l.ids, first-1)
	if at < 0 {
		return 0, ledger.ErrUnknownInstrument
	}
	return at + 1, nil
}

// quotesPage returns at most limit rows of l, from place start on.
func (g *Gateway) quotesPage(l instrumentList, start, limit int) *pb.QuotesReply {
	end := len(l.ids)
	if l.set.all {
		end = g.market.Len()
	}
	body := new(pb.QuotesReply)
	var size pageBytes
	for n := start; n < end; n++ {
		id := ledger.InstrumentID(n)
		if !l.set.all {
			id = l.ids[n]
		}
		row := g.describeInstrument(id)
		if body.More = len(body.Instruments) == limit || !size.add(row); body.More {
			break
		}
		body.Instruments = append(body.Instruments, row)
	}
	return body
}

func (g *Gateway) describeInstrument(id ledger.InstrumentID) *pb.Instrument {
	i := g.market.At(id)
	var low, high int64
	if i.Rules.Band != 0 {
		limits := g.market.Limits(id)
		low, high = int64(limits.Low), int64(limits.High)
	}
	return &pb.Instrument{
		Market: i.Market, Code: i.Code, Name: i.Name,
		LotSize: int64(i.LotSize()), MinimumLot: int64(i.MinimumLot()), PriceTick: int64(i.Tick),
		LastPrice: int64(g.market.Last(id)), LowPrice: low, HighPrice: high, Halted: g.market.Halted(id),
	}
}

// subscribe adds a subscription unless the session has ended.
func (g *Gateway) subscribe(c *engine.Context, ids *subscription) {
	state := g.state.Get(c.Session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if !state.closed {
		g.quotes.subscribe(c, ids)
	}
}
