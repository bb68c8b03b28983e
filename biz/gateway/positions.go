package gateway

import (
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// positions handles Positions: it replies with the account, or for an operator with another
// one, and a page of its positions.
func (g *Gateway) positions(c *engine.Context, a *account) {
	w := c.Local.(*workspace)
	w.page.Reset()
	if err := w.page.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if a = g.about(c, a, w.page.Customer, "another customer's positions need"); a == nil {
		return
	}
	first, err := g.pageStart(w.page.After)
	if err != nil {
		refuse(c, err)
		return
	}
	g.inTurn(asked{c: c}, w, a, func(t *desk.Turn) {
		g.describePositions(w, a, t.Ledger(), first, pageRows(w.page.Limit))
		w.out.Reply(c.Defer(), codec.ResultOK, &w.list)
	})
}

// describePositions makes w.list describe the account and a page of at most limit
// positions, from the one in first or the next one after it.
func (g *Gateway) describePositions(w *workspace, a *account, l *ledger.Account, first ledger.InstrumentID, limit int) {
	g.describeAccount(w, a, l)
	w.rows, w.list.More = l.PositionsFrom(w.rows[:0], first, limit)
	var size pageBytes
	now := g.now()
	n := 0
	for ; n < len(w.rows); n++ {
		if n == len(w.positions) {
			w.positions = append(w.positions, new(pb.Position))
		}
		g.setPosition(w.positions[n], &w.rows[n], g.market.Last(w.rows[n].Instrument), l, now)
		if !size.add(w.positions[n]) {
			w.list.More = true
			break
		}
	}
	w.list.Positions = w.positions[:n]
	w.list.MarketValue, w.list.PushSequence = w.account.MarketValue, l.LastPush()
}
