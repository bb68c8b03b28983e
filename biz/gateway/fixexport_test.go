package gateway

import "holdfast/biz/ledger"

// FIXState is where a FIX identity is.
type FIXState struct {
	In, Out   uint64 // the next numbers
	Connected bool
	Resending bool
	Held      int   // messages that are held back
	Due       int64 // bytes that the client has still to take
	Looks     int64 // into the past, of all identities
}

// FIX returns where the identity of a customer is.
func (g *Gateway) FIX(c ledger.Customer, name string) (s FIXState) {
	s.Looks = g.fix.looks.Load()
	a := g.account(c)
	a.View(func(*ledger.Account) {
		for _, id := range a.identities {
			if id.key.Name == name {
				s = FIXState{In: id.session.NextIn, Out: id.session.NextOut, Connected: id.conn != nil, Resending: id.session.Resending(), Looks: s.Looks, Held: len(id.misbehaviour.held)}
				if id.conn != nil {
					s.Due = id.conn.Due()
				}
			}
		}
	})
	return s
}

// RevokeFIX marks the login of an identity's connection as revoked, and does not end the connection, as if
// the turn that does were refused.
func (g *Gateway) RevokeFIX(c ledger.Customer, name string) {
	a := g.account(c)
	a.View(func(*ledger.Account) {
		for _, id := range a.identities {
			if id.key.Name == name && id.conn != nil {
				g.state.Get(id.conn).revoked.Store(true)
			}
		}
	})
}
