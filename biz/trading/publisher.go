package trading

import (
	"context"
	"slices"
	"time"

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
	*Service
	w    *workspace
	pace pace

	changed  []ledger.InstrumentID
	online   []*account
	sessions []*engine.Session // of one account
	wanted   []*wanted         // by those of one chunk
	all      *wanted
	quoted   pushes
	repriced pushes // of one account
}

// publish runs the publisher until ctx ends.
func (s *Service) publish(ctx context.Context) {
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	p := &publisher{Service: s, w: newWorkspace(), all: &wanted{all: true}, pace: pace{core: s.core}}
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
	p.changed = p.quotes.take(p.changed[:0])
	if len(p.changed) == 0 {
		return
	}
	p.online = p.presence.list(p.online[:0])
	for _, a := range p.online {
		p.pushTo(ctx, a)
	}
	clear(p.online)
	p.pace.settle(ctx)
}

// pushTo pushes what has changed to the sessions of a.
func (p *publisher) pushTo(ctx context.Context, a *account) {
	a.mu.Lock()
	p.sessions = append(p.sessions[:0], a.sessions...)
	a.mu.Unlock()
	for rest := p.sessions; len(rest) > 0 && ctx.Err() == nil; {
		n := min(len(rest), pushChunk)
		p.pace.begin()
		p.pushChunk(a, rest[:n])
		p.pace.end(ctx, n)
		rest = rest[n:]
	}
	clear(p.sessions)
}

// pushChunk pushes what has changed to those sessions, as far as a is still theirs;
// the others it clears.
func (p *publisher) pushChunk(a *account, sessions []*engine.Session) {
	p.wanted = p.quotes.wantedBy(p.wanted[:0], sessions)
	a.mu.Lock()
	defer a.mu.Unlock()
	p.reprice(a, p.changed)
	p.quoted.reset()
	if slices.ContainsFunc(p.wanted, func(w *wanted) bool { return w != nil }) {
		p.appendQuotes(p.changed)
	}
	for i, session := range sessions {
		if p.state.Get(session).account.Load() != a {
			sessions[i] = nil
		}
	}
	if p.quoted.empty() && p.repriced.empty() {
		return
	}
	out := p.begin()
	for i, session := range sessions {
		if session != nil {
			p.quoted.to(out, session, p.wanted[i])
			p.repriced.to(out, session, p.all)
		}
	}
	p.end()
}

// pushMissed pushes the newest state of what sessions have missed.
func (p *publisher) pushMissed(ctx context.Context) {
	for session, missed := range p.room.take() {
		if ctx.Err() != nil {
			return
		}
		if a := p.state.Get(session).account.Load(); a != nil {
			p.pace.begin()
			p.pushAgain(a, session, missed)
			p.pace.end(ctx, 1)
		}
	}
	p.pace.settle(ctx)
}

func (p *publisher) pushAgain(a *account, session *engine.Session, missed missedPushes) {
	quotes, positions := missed.split(p.market.Len())
	p.wanted = p.quotes.wantedBy(p.wanted[:0], []*engine.Session{session})
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.state.Get(session).account.Load() != a {
		return
	}
	p.quoted.reset()
	p.appendQuotes(quotes)
	p.reprice(a, positions)
	out := p.begin()
	p.quoted.to(out, session, p.wanted[0])
	p.repriced.to(out, session, p.all)
	p.end()
}

// appendQuotes adds the last prices to p.quoted.
func (p *publisher) appendQuotes(ids []ledger.InstrumentID) {
	q := pb.Quote{Time: p.config.Now().UnixNano()}
	for _, id := range ids {
		q.LastPrice = int64(p.market.Last(id))
		q.Market, q.Code = p.instrument(id)
		p.quoted.frames = codec.AppendBody(p.quoted.frames, codec.PushQuote, 0, &q)
		p.quoted.add(quoteKey(id), id)
	}
}

// reprice makes p.repriced the market value of the positions of a in those
// instruments. Such a push has no place in the sequence: the next one replaces it.
// It leaves with the next commit, since it shows the state. The caller holds the
// lock of a until it has.
func (p *publisher) reprice(a *account, ids []ledger.InstrumentID) {
	p.repriced.reset()
	for _, id := range ids {
		row, ok := a.ledger.Position(id)
		if !ok {
			continue
		}
		update := &p.w.update
		p.fillPosition(&p.w.position, &row, p.market.Last(id))
		update.Change = pb.Change_CHANGE_REPRICED
		update.RowCount = uint32(a.ledger.Rows())
		update.MarketValue = int64(a.ledger.MarketValue(p.market))
		p.repriced.frames = codec.AppendBody(p.repriced.frames, codec.PushPositionUpdate, 0, update)
		p.repriced.add(positionKey(id), id)
	}
}
