package trading

import (
	"context"
	"sync"
	"time"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// publishInterval is how often changed prices are pushed. Of several changes in
// between only the last is.
const publishInterval = 100 * time.Millisecond

// maxQuotesBytes keeps a reply within the frame that every client takes.
const maxQuotesBytes = codec.DefaultMaxFrame - codec.PacketHeaderLen - 1

// quoteBoard knows which prices have changed and who wants to hear of it.
// Goroutine: any.
type quoteBoard struct {
	mu          sync.Mutex
	changed     []bool // by instrument
	ids         []ledger.InstrumentID
	subscribers map[*engine.Session]map[ledger.InstrumentID]bool
}

func (q *quoteBoard) init(instruments int) {
	q.changed = make([]bool, instruments)
	q.subscribers = make(map[*engine.Session]map[ledger.InstrumentID]bool)
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

func (q *quoteBoard) subscribe(s *engine.Session, ids map[ledger.InstrumentID]bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.subscribers[s] = ids
}

func (q *quoteBoard) unsubscribe(s *engine.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.subscribers, s)
}

// deliver adds the frame of each changed instrument for those who want it.
func (q *quoteBoard) deliver(out *engine.Outbox, ids []ledger.InstrumentID, frames [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for session, wanted := range q.subscribers {
		for i, id := range ids {
			if wanted[id] {
				out.AppendDroppable(session, frames[i])
			}
		}
	}
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
		wanted := make(map[ledger.InstrumentID]bool, len(ids))
		for _, id := range ids {
			wanted[id] = true
		}
		s.subscribe(c.Session, wanted)
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
func (s *Service) subscribe(session *engine.Session, wanted map[ledger.InstrumentID]bool) {
	state := s.state.Get(session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if !state.closed {
		s.quotes.subscribe(session, wanted)
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

// publish pushes changed prices, and the positions that they reprice.
func (s *Service) publish(ctx context.Context) {
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	var ids []ledger.InstrumentID
	out := s.core.NewOutbox()
	w := newWorkspace()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if ids = s.quotes.take(ids[:0]); len(ids) == 0 {
			continue
		}
		s.quotes.deliver(out, ids, s.quoteFrames(ids))
		out.Post()
		s.reprice(w, ids)
	}
}

func (s *Service) quoteFrames(ids []ledger.InstrumentID) [][]byte {
	now := s.config.Now().UnixNano()
	frames := make([][]byte, len(ids))
	for i, id := range ids {
		q := &pb.Quote{LastPrice: int64(s.market.Last(id)), Time: now}
		q.Market, q.Code = s.instrument(id)
		frames[i] = codec.AppendBody(nil, codec.PushQuote, 0, q)
	}
	return frames
}

// reprice pushes the changed market value of positions to those who are logged
// in. Such a push has no place in the sequence: the next one replaces it.
func (s *Service) reprice(w *workspace, ids []ledger.InstrumentID) {
	for _, a := range s.presence.list(nil) {
		a.mu.Lock()
		w.pushes = w.pushes[:0]
		for _, id := range ids {
			row, ok := a.ledger.Position(id)
			if !ok {
				continue
			}
			s.fillPosition(&w.position, &row, s.market.Last(id))
			w.update.Change = pb.Change_CHANGE_REPRICED
			w.update.RowCount = uint32(a.ledger.Rows())
			w.update.MarketValue = int64(a.ledger.MarketValue(s.market))
			w.pushes = codec.AppendBody(w.pushes, codec.PushPositionUpdate, 0, &w.update)
		}
		if len(w.pushes) > 0 {
			s.pushDroppable(a, w.pushes)
		}
		a.mu.Unlock()
	}
}

// pushDroppable lets frames go with the next commit, since they show the state.
// The caller holds the account's lock.
func (s *Service) pushDroppable(a *account, frames []byte) {
	out := s.begin()
	for _, session := range a.sessions {
		out.AppendDroppable(session, frames)
	}
	s.end()
}
