package gateway

import (
	"context"
	"slices"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// publishInterval is the time between two rounds of the publisher, unless a round takes
// longer. Of several changes of a price in between, only the last is pushed.
const publishInterval = 100 * time.Millisecond

// publisher pushes changed prices and the positions that they revalue, and pushes them
// again to sessions that were too slow to get them. A price is one push for all its
// subscribers. With positions the publisher goes from session to session at the speed at
// which the event loops write, and leaves these half of the time for requests. Prices that
// change meanwhile wait for the next round. It has one goroutine.
type publisher struct {
	*Gateway
	w     *workspace
	pacer pacer

	changed       []ledger.InstrumentID
	prices        []int64 // of those
	online        []*account
	sessions      []*engine.Session // of one account
	live          []*engine.Session // those of one chunk that are still logged in
	subscriptions []*subscription   // of those
	subscribers   []*engine.Session // those of them that want one quote
}

// publish runs the publisher until ctx ends.
func (g *Gateway) publish(ctx context.Context) {
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	p := &publisher{Gateway: g, w: g.newWorkspace(), pacer: pacer{core: g.core}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.pushChanged(ctx)
			p.pushMissed(ctx)
			p.pushMarketData(ctx, p.w)
		}
	}
}

func (p *publisher) pushChanged(ctx context.Context) {
	p.changed = p.desk.ChangedPrices(p.changed[:0])
	p.queries.pricesChanged(p.changed)
	if len(p.changed) == 0 || !p.pushPrices(ctx) {
		return
	}
	p.online = p.presence.list(p.online[:0])
	for _, a := range p.online {
		p.sessions = a.sessions.Append(p.sessions[:0])
		for chunk := range slices.Chunk(p.sessions, pushChunk) {
			if ctx.Err() != nil {
				return
			}
			p.push(ctx, a, chunk, nil, p.changed)
		}
		clear(p.sessions)
	}
	clear(p.online)
	p.pacer.finishWindow(ctx)
}

// pushPrices pushes the changed prices to all subscribers, once what has changed them is
// durable. It returns false if that failed.
func (p *publisher) pushPrices(ctx context.Context) bool {
	if p.quotes.feed.Len() == 0 {
		return true
	}
	p.prices = p.prices[:0]
	for _, id := range p.changed {
		p.prices = append(p.prices, int64(p.market.Last(id)))
	}
	if p.desk.Durable(ctx) != nil {
		return false
	}
	q := pb.Quote{Time: p.now()}
	for i, id := range p.changed {
		q.LastPrice = p.prices[i]
		q.Market, q.Code = p.instrument(id)
		p.quotes.feed.Append(quoteKey(id), codec.PushQuote, 0, &q)
	}
	return true
}

// pushMissed pushes the newest state of what sessions have missed and can now take, to each
// session at most catchUpPage instruments that it has not named.
func (p *publisher) pushMissed(ctx context.Context) {
	for session, missed := range p.catchUps.take() {
		if ctx.Err() != nil {
			return
		}
		if a := p.state.Get(session).account.Load(); a != nil {
			quotes, positions, rest := missed.split(p.market.Len())
			p.push(ctx, a, []*engine.Session{session}, quotes, positions)
			if rest.left > 0 {
				p.catchUps.addRest(session, rest)
			}
		}
	}
	p.pacer.finishWindow(ctx)
}

// push pushes quotes and positions, a few in each turn of the account.
func (p *publisher) push(ctx context.Context, a *account, sessions []*engine.Session, quotes, positions []ledger.InstrumentID) {
	for len(quotes)+len(positions) > 0 && ctx.Err() == nil {
		q, r := min(len(quotes), pushRows), min(len(positions), pushRows)
		p.pacer.startWindow()
		if !p.pushTurn(a, sessions, quotes[:q], positions[:r]) {
			p.pushLater(sessions, quotes, positions)
			return
		}
		p.pacer.added(ctx, len(sessions))
		quotes, positions = quotes[q:], positions[r:]
	}
}

// pushTurn pushes the last prices of quotes to those sessions that subscribe to them, and the
// account's positions to all. Sessions that have logged out are skipped.
//
// Such a push has no place in the sequence: the next one replaces it. It shows the
// account's state and so leaves with the next commit. If too much waits for the disk, or the
// account's pushes are held, pushTurn pushes nothing and returns false.
func (p *publisher) pushTurn(a *account, sessions []*engine.Session, quotes, positions []ledger.InstrumentID) bool {
	pushed := false
	err := a.Do(p.w.turn, func(t *desk.Turn) {
		if pushed = !a.held.Load(); !pushed {
			return
		}
		p.live = slices.DeleteFunc(append(p.live[:0], sessions...), func(s *engine.Session) bool { return p.state.Get(s).account.Load() != a })
		p.subscriptions = p.quotes.subscriptionsOf(p.subscriptions[:0], p.live)
		p.pushQuotes(p.live, quotes)
		p.pushPositions(t.Ledger(), p.live, positions)
		clear(p.live)
	})
	return err == nil && pushed
}

// pushLater makes the sessions get those pushes in a later round.
func (p *publisher) pushLater(sessions []*engine.Session, quotes, positions []ledger.InstrumentID) {
	keys := make([]uint32, 0, len(quotes)+len(positions))
	for _, id := range quotes {
		keys = append(keys, quoteKey(id))
	}
	for _, id := range positions {
		keys = append(keys, positionKey(id))
	}
	for _, s := range sessions {
		p.catchUps.add(s, keys)
	}
}

func (p *publisher) pushQuotes(sessions []*engine.Session, ids []ledger.InstrumentID) {
	if !slices.ContainsFunc(p.subscriptions, func(w *subscription) bool { return w != nil }) {
		return
	}
	q := pb.Quote{Time: p.now()}
	for _, id := range ids {
		p.subscribers = p.subscribers[:0]
		for i, s := range sessions {
			if p.subscriptions[i].has(id) {
				p.subscribers = append(p.subscribers, s)
			}
		}
		q.LastPrice = int64(p.market.Last(id))
		q.Market, q.Code = p.instrument(id)
		p.w.out.PushDroppable(p.subscribers, quoteKey(id), codec.PushQuote, &q)
	}
	clear(p.subscribers)
}

// pushPositions pushes the account's positions in those instruments, at last prices.
func (p *publisher) pushPositions(of *ledger.Account, sessions []*engine.Session, ids []ledger.InstrumentID) {
	for _, id := range ids {
		of.Reprice(id, p.market.Last(id))
	}
	b, now := &p.w.out.bodies, p.now()
	b.number = 0
	b.update.Change = pb.Change_CHANGE_REPRICED
	b.update.RowCount = uint32(of.Rows())
	b.setTotals(of, of.MarketValue(), now)
	for _, id := range ids {
		if row, held := of.Position(id); held {
			p.setPosition(&b.position, &row, p.market.Last(id), of, now)
			p.w.out.PushDroppable(sessions, positionKey(id), codec.PushPositionUpdate, &b.update)
		}
	}
}
