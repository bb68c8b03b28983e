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

// publishInterval is how often changed prices are pushed, where that takes no
// longer. Of several changes in between only the last is.
const publishInterval = 100 * time.Millisecond

// publisher pushes prices, and the positions that they reprice: when they change,
// and again to a session that was too slow to get them. It goes from session to
// session at the speed at which the event loops write, and leaves them half of the
// time for what clients ask; prices that change meanwhile wait for the next turn.
// Goroutine: its own.
type publisher struct {
	*Gateway
	w    *workspace
	pace pace

	changed  []ledger.InstrumentID
	online   []*account
	sessions []*engine.Session // of one account
	wanted   []*wanted         // by those of one chunk
	wanting  []*engine.Session // of those, who wants one quote
}

// publish runs the publisher until ctx ends.
func (g *Gateway) publish(ctx context.Context) {
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	p := &publisher{Gateway: g, w: g.newWorkspace(), pace: pace{core: g.core}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.pushChanged(ctx)
			p.pushMissed(ctx)
		}
	}
}

func (p *publisher) pushChanged(ctx context.Context) {
	p.changed = p.desk.ChangedPrices(p.changed[:0])
	if len(p.changed) == 0 {
		return
	}
	p.online = p.presence.list(p.online[:0])
	for _, a := range p.online {
		p.sessions = a.sessions.Append(p.sessions[:0])
		for chunk := range slices.Chunk(p.sessions, pushChunk) {
			if ctx.Err() != nil {
				return
			}
			p.pace.begin()
			p.push(a, chunk, p.changed, p.changed)
			p.pace.end(ctx, len(chunk))
		}
		clear(p.sessions)
	}
	clear(p.online)
	p.pace.settle(ctx)
}

// pushMissed pushes the newest state of what sessions have missed.
func (p *publisher) pushMissed(ctx context.Context) {
	for session, missed := range p.room.take() {
		if ctx.Err() != nil {
			return
		}
		if a := p.state.Get(session).account.Load(); a != nil {
			quotes, positions := missed.split(p.market.Len())
			p.pace.begin()
			p.push(a, []*engine.Session{session}, quotes, positions)
			p.pace.end(ctx, 1)
		}
	}
	p.pace.settle(ctx)
}

// push pushes the last prices of quotes to those sessions that want them, and to all
// of them the market value of the account's positions. It takes those out of sessions
// that the account has no more.
//
// Such a push has no place in the sequence: the next one replaces it. It leaves with
// the next commit, since it shows the state. Where too much waits for the disk already
// the sessions are pushed to again later.
func (p *publisher) push(a *account, sessions []*engine.Session, quotes, positions []ledger.InstrumentID) {
	err := a.Do(p.w.turn, func(t *desk.Turn) {
		sessions = slices.DeleteFunc(sessions, func(s *engine.Session) bool { return p.state.Get(s).account.Load() != a })
		p.wanted = p.quotes.wantedBy(p.wanted[:0], sessions)
		p.pushQuotes(sessions, quotes)
		p.pushPositions(t.Ledger(), sessions, positions)
	})
	if err != nil {
		for _, s := range sessions {
			p.room.add(s, nil)
		}
	}
}

func (p *publisher) pushQuotes(sessions []*engine.Session, ids []ledger.InstrumentID) {
	if !slices.ContainsFunc(p.wanted, func(w *wanted) bool { return w != nil }) {
		return
	}
	q := pb.Quote{Time: p.config.Now().UnixNano()}
	for _, id := range ids {
		p.wanting = p.wanting[:0]
		for i, s := range sessions {
			if p.wanted[i].has(id) {
				p.wanting = append(p.wanting, s)
			}
		}
		q.LastPrice = int64(p.market.Last(id))
		q.Market, q.Code = p.instrument(id)
		p.w.out.PushDroppable(p.wanting, quoteKey(id), codec.PushQuote, &q)
	}
	clear(p.wanting)
}

// pushPositions pushes what the account holds of those instruments, at their last
// prices.
func (p *publisher) pushPositions(of *ledger.Account, sessions []*engine.Session, ids []ledger.InstrumentID) {
	for _, id := range ids {
		of.Reprice(id, p.market.Last(id))
	}
	b := &p.w.out.bodies
	b.number = 0
	b.update.Change = pb.Change_CHANGE_REPRICED
	b.update.RowCount = uint32(of.Rows())
	b.update.MarketValue = int64(of.MarketValue())
	for _, id := range ids {
		if row, held := of.Position(id); held {
			p.fillPosition(&b.position, &row, p.market.Last(id))
			p.w.out.PushDroppable(sessions, positionKey(id), codec.PushPositionUpdate, &b.update)
		}
	}
}
