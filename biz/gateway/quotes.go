package gateway

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxQuotesBytes keeps a reply within the frame that every client takes.
const maxQuotesBytes = codec.DefaultMaxFrame - codec.PacketHeaderLen - 1

// quoteBoard knows who wants to hear of which prices. Goroutine: any.
type quoteBoard struct {
	mu          sync.Mutex
	subscribers map[*engine.Session]*wanted
}

// wanted is a set of instruments. It is never changed; nil is the empty one.
type wanted struct {
	all  bool
	bits []uint64 // by instrument, where it is not all
}

func wantedOf(ids []ledger.InstrumentID, instruments int) *wanted {
	w := &wanted{bits: make([]uint64, (instruments+63)/64)}
	for _, id := range ids {
		w.bits[id/64] |= 1 << (id % 64)
	}
	return w
}

func (w *wanted) has(id ledger.InstrumentID) bool {
	return w != nil && (w.all || w.bits[id/64]>>(id%64)&1 != 0)
}

func (q *quoteBoard) subscribe(s *engine.Session, ids *wanted) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.subscribers[s] = ids
}

func (q *quoteBoard) unsubscribe(s *engine.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.subscribers, s)
}

// wantedBy appends what each of the sessions has subscribed to.
func (q *quoteBoard) wantedBy(dst []*wanted, sessions []*engine.Session) []*wanted {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range sessions {
		dst = append(dst, q.subscribers[s])
	}
	return dst
}

// quote replies with last prices, and subscribes to their changes if asked to;
// without asking, an earlier subscription ends.
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
	if request.Subscribe { // first: a price that changes from here on is in the reply, or pushed
		w := &wanted{all: true}
		if len(request.Instruments) > 0 {
			w = wantedOf(ids, g.market.Len())
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

// subscribe adds a session unless it is gone already.
func (g *Gateway) subscribe(session *engine.Session, ids *wanted) {
	state := g.state.Get(session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if !state.closed {
		g.quotes.subscribe(session, ids)
	}
}

// instruments finds the ids of keys; none means all.
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
