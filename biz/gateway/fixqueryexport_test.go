package gateway

import "holdfast/biz/ledger"

// MarketSubscribers returns how many FIX sessions have subscriptions to market data.
func (g *Gateway) MarketSubscribers() int {
	g.queries.mu.Lock()
	defer g.queries.mu.Unlock()
	return len(g.queries.subscribers)
}

// MarkPrice does what a round of the publisher does with a price that has changed, and returns to how many
// FIX sessions it would send changes now.
func (g *Gateway) MarkPrice(id ledger.InstrumentID) (due int) {
	g.queries.pricesChanged([]ledger.InstrumentID{id})
	list, _ := g.queries.due()
	return len(list)
}

// FIXAnswers returns how many answers are on their way.
func (g *Gateway) FIXAnswers() int { return int(g.queries.answers.Load()) }

// FIXDue returns how many bytes the first FIX session of a customer has not taken.
func (g *Gateway) FIXDue(c ledger.Customer) (due int64) {
	a := g.account(c)
	a.View(func(*ledger.Account) {
		if id := a.identities[0]; id.conn != nil {
			due = id.conn.Due()
		}
	})
	return due
}
