// Package ledger is the core of the trading simulation: accounts, their
// positions, and the executions and busts that change them.
//
// It does no I/O and reads no clock. A command (Order, Bust) goes in, and an Event comes
// out. The event has everything that is needed to apply it again (Account.Replay), to
// inform the customer, and to store it (AppendEvent, DecodeEvent). The same events result
// in the same state and the same Account.Hash on every machine.
//
// # Money
//
// Price and Money count 1/10000 of a currency unit, Quantity counts shares. All arithmetic
// is on integers and checked for overflow. For every account
//
//	cash - realised profit + sum of the positions' cost
//
// never changes, whatever fills and busts it has.
//
//   - Buy of q at p: cash -q*p, cost +q*p.
//   - Sell of q at p from Q shares with cost C: the sold part has the cost
//     c = C*q/Q, rounded half up (all of C if q = Q): cash +q*p, cost -c,
//     realised +q*p-c.
//   - Bust of a buy: quantity -q, cost -q*p, cash +q*p.
//   - Bust of a sell: quantity +q, cost +c with the c of that sell, cash -q*p,
//     realised -(q*p-c).
//   - If a bust leaves a negative cost, or a cost without shares, this cost is
//     moved to realised and becomes zero.
//
// Cash may be negative after a bust, since the proceeds may already be spent. Buys are
// refused until there is enough cash again.
//
// The realised profit of a position counts from the moment its row opened. The bust of an
// older sell changes only the account's total.
//
// # Numbers
//
// Each account numbers its executions 1, 2, 3... (Execution.ID has the customer and this
// number). Separately it numbers its events, which are fills and busts.
//
// # Goroutines
//
// An Account is not safe for concurrent use: the caller holds the account's lock. The
// package starts no goroutine.
//
// # Limits
//
// MaxQuantity, MaxPrice, MaxMoney, MaxRows, MaxReason and ClientOrderIDSize: an order or
// bust beyond a limit is refused and changes nothing. NewAccount sets how many recent
// events stay in memory. All busts stay in memory.
package ledger
