package gateway

import (
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/engine"
)

// right is what roles allow.
type right uint8

// The rights.
const (
	readOwn    right = iota // and the market
	trade                   // change one's own orders
	readOthers              // read every account
	operate                 // change every account and the market
)

// may reports whether the customer has the right now. A reload of the seed may change it, but not
// during a turn of the account.
func (a *account) may(r right) bool {
	switch role := a.Owner().Role; r {
	case readOwn:
		return true
	case trade:
		return role != seed.RoleViewer
	case readOthers:
		return role != seed.RoleCustomer
	default:
		return role == seed.RoleOperator
	}
}

// needs says which role has the right.
func (r right) needs() string {
	switch r {
	case readOwn:
		return "no role"
	case trade:
		return "the customer or operator role"
	case readOthers:
		return "the operator or viewer role"
	default:
		return "the operator role"
	}
}

// traded makes a handler for customers who may trade; what is how the refusal of others begins.
func traded(what string, next func(*engine.Context, *account)) func(*engine.Context, *account) {
	return func(c *engine.Context, a *account) {
		if !a.may(trade) {
			fail(c, codec.ResultForbidden, what+" "+trade.needs())
			return
		}
		next(c, a)
	}
}

// mayTrade refuses a request, in a turn, whose session may not trade any more: a reload has revoked
// its login, or made its customer a viewer.
func (g *Gateway) mayTrade(q asked) bool {
	state := g.state.Get(q.session())
	if state.revoked.Load() {
		q.fail(codec.ResultUnauthenticated, loginRevoked)
		return false
	}
	if a := state.account.Load(); a != nil && !a.may(trade) {
		q.fail(codec.ResultForbidden, "changing orders needs "+trade.needs())
		return false
	}
	return true
}
