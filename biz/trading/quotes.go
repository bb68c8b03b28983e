package trading

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxQuotesBytes keeps a reply within the frame that every client takes.
const maxQuotesBytes = codec.DefaultMaxFrame - codec.PacketHeaderLen - 1

// quoteBoard knows which prices have changed and who wants to hear of it.
// Goroutine: any.
type quoteBoard struct {
	mu          sync.Mutex
	changed     []bool // by instrument
	ids         []ledger.InstrumentID
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

func (q *quoteBoard) init(instruments int) {
	q.changed = make([]bool, instruments)
	q.subscribers = make(map[*engine.Session]*wanted)
}

func (q *quoteBoard) mark(id ledger.InstrumentID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.changed[id] {
		q.changed[id] = true
		q.ids = append(q.ids, id)
	}
}

// take appends the instruments that have changed since the last take.
func (q *quoteBoard) take(dst []ledger.InstrumentID) []ledger.InstrumentID {
	q.mu.Lock()
	defer q.mu.Unlock()
	dst = append(dst, q.ids...)
	for _, id := range q.ids {
		q.changed[id] = false
	}
	q.ids = q.ids[:0]
	return dst
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
func (s *Service) quote(c *engine.Context, _ *account) {
	var request pb.QuotesRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	ids, err := s.instruments(request.Instruments)
	if err != nil {
		refuse(c, err)
		return
	}
	if request.Subscribe {
		w := &wanted{all: true}
		if len(request.Instruments) > 0 {
			w = wantedOf(ids, s.market.Len())
		}
		s.subscribe(c.Session, w)
	} else {
		s.quotes.unsubscribe(c.Session)
	}
	body := &pb.QuotesReply{}
	for _, id := range ids {
		i := s.market.At(id)
		body.Instruments = append(body.Instruments, &pb.Instrument{
			Market: i.Market, Code: i.Code, Name: i.Name,
			LotSize: int64(i.Lot), PriceTick: int64(i.Tick), LastPrice: int64(s.market.Last(id)),
		})
	}
	if body.SizeVT() > maxQuotesBytes {
		fail(c, codec.ResultTooLarge, "the reply would be larger than a frame; name fewer instruments")
		return
	}
	c.Reply(codec.ResultOK, body)
}

// subscribe adds a session unless it is gone already.
func (s *Service) subscribe(session *engine.Session, ids *wanted) {
	state := s.state.Get(session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if !state.closed {
		s.quotes.subscribe(session, ids)
	}
}

// instruments finds the ids of keys; none means all.
func (s *Service) instruments(keys []*pb.InstrumentKey) ([]ledger.InstrumentID, error) {
	var ids []ledger.InstrumentID
	if len(keys) == 0 {
		for i := range s.market.Len() {
			ids = append(ids, ledger.InstrumentID(i))
		}
		return ids, nil
	}
	for _, k := range keys {
		id, ok := s.market.Find(k.Market, k.Code)
		if !ok {
			return nil, ledger.ErrUnknownInstrument
		}
		ids = append(ids, id)
	}
	return ids, nil
}
