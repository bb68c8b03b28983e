// Package ledger is the core of the trading simulation: accounts, their
// positions, and the executions and busts that change them.
//
// It does no I/O and reads no clock. A command (Order, Bust) goes in; what the
// account decided comes out as an Event, which holds all that is needed to apply
// it again (Account.Replay), to tell the customer, and to write it down
// (AppendEvent, DecodeEvent). The same events give the same state and the same
// Account.Hash on any machine.
//
// # Money
//
// Price and Money count 1/10000 of a currency unit, Quantity counts shares. All
// arithmetic is on integers and checked, so that for every account
//
//	cash - realised profit + sum of the positions' cost
//
// keeps the value it was opened with through every fill and bust.
//
//   - Buy of q at p: cash -q*p, cost +q*p.
//   - Sell of q at p out of Q with cost C: the sold part takes c = C*q/Q with
//     it, rounded half up (all of C when q = Q): cash +q*p, cost -c,
//     realised +q*p-c.
//   - Bust of a buy: quantity -q, cost -q*p, cash +q*p.
//   - Bust of a sell: quantity +q, cost +c with the c that the sell took, cash
//     -q*p, realised -(q*p-c).
//   - Where a bust leaves cost below zero, or cost without shares, that rest
//     goes to realised and the cost becomes zero.
//
// A bust may leave cash below zero: the proceeds may be spent already. Buys are
// refused until it is above zero again.
//
// A position's own realised profit counts from the moment its row opened. A
// bust of a sell that is older than the row changes the account's total alone.
//
// # Numbers
//
// Each account numbers its executions 1, 2, 3... (Execution.ID holds the number
// and the customer) and, apart from that, its events, busts included.
//
// # Goroutines
//
// An Account is not safe for concurrent use; the caller holds the account's
// lock. Nothing here starts a goroutine.
//
// # Limits
//
// MaxQuantity, MaxPrice, MaxMoney, MaxRows, MaxReason and ClientOrderIDSize; an
// order or bust beyond one is refused and changes nothing. Recent events are
// kept up to the number given to NewAccount; the set of busted executions is
// kept for ever.
package ledger
