package gateway

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxQuotesBytes limits a reply to a frame that every client accepts.
const maxQuotesBytes = codec.DefaultMaxFrame - codec.PacketHeaderLen - 1

// quoteBoard holds the quote subscriptions of all sessions. Goroutine: any.
type quoteBoard struct {
	mu          sync.Mutex
	subscribers map[*engine.Session]*subscription
}

// subscription is an immutable set of instruments; nil is empty.
type subscription struct {
	all  bool
	bits []uint64 // by instrument, where it is not all
}

func subscriptionOf(ids []ledger.InstrumentID, instruments int) *subscription {
	w := &subscription{bits: make([]uint64, (instruments+63)/64)}
	for _, id := range ids {
		w.bits[id/64] |= 1 << (id % 64)
	}
	return w
}

func (w *subscription) has(id ledger.InstrumentID) bool {
	return w != nil && (w.all || w.bits[id/64]>>(id%64)&1 != 0)
}

func (q *quoteBoard) subscribe(s *engine.Session, ids *subscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.subscribers[s] = ids
}

func (q *quoteBoard) unsubscribe(s *engine.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.subscribers, s)
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

// quote handles Quotes: it replies with last prices, and subscribes to their changes or
// ends the session's subscription.
func (g *Gateway) quote(c *engine.Context, _ *account) {
	var request pb.QuotesRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	ids, err := g.instruments(request.Instruments)
	if err != nil {
		refuse(c, err)
		return
	}
	if request.Subscribe { // before reading prices: each change is in the reply or pushed
		w := &subscription{all: true}
		if len(request.Instruments) > 0 {
			w = subscriptionOf(ids, g.market.Len())
		}
		g.subscribe(c.Session, w)
	} else {
		g.quotes.unsubscribe(c.Session)
	}
	body := &pb.QuotesReply{}
	for _, id := range ids {
		i := g.market.At(id)
		body.Instruments = append(body.Instruments, &pb.Instrument{
			Market: i.Market, Code: i.Code, Name: i.Name,
			LotSize: int64(i.Lot), PriceTick: int64(i.Tick), LastPrice: int64(g.market.Last(id)),
		})
	}
	if body.SizeVT() > maxQuotesBytes {
		g.quotes.unsubscribe(c.Session)
		fail(c, codec.ResultTooLarge, "the reply would be larger than a frame; name fewer instruments")
		return
	}
	c.Reply(codec.ResultOK, body)
}

// subscribe adds a subscription unless the session has ended.
func (g *Gateway) subscribe(session *engine.Session, ids *subscription) {
	state := g.state.Get(session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if !state.closed {
		g.quotes.subscribe(session, ids)
	}
}

// instruments returns the ids of keys, of all instruments if there are no keys.
func (g *Gateway) instruments(keys []*pb.InstrumentKey) ([]ledger.InstrumentID, error) {
	var ids []ledger.InstrumentID
	if len(keys) == 0 {
		for i := range g.market.Len() {
			ids = append(ids, ledger.InstrumentID(i))
		}
		return ids, nil
	}
	for _, k := range keys {
		id, ok := g.market.Find(k.Market, k.Code)
		if !ok {
			return nil, ledger.ErrUnknownInstrument
		}
		ids = append(ids, id)
	}
	return ids, nil
}
