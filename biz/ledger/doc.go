// Package ledger is the core of the trading simulation: accounts, their positions and orders,
// and the executions, busts and corrections that change them.
//
// It does no I/O and reads no clock. It has no market either: the caller passes the rules
// (Terms) and what the market lets an order have (Offer). A command such as Place, Cancel or
// Bust appends its Events to a slice. An event has everything that is needed to apply it again
// (Account.Replay), to inform the customer, and to store it (AppendEvent, DecodeEvent). The same
// events result in the same state and the same Account.Hash on every machine.
//
// # Orders
//
// While an order works, its quantity = filled + leaves. A working buy freezes cash: what is
// left x its limit (or Terms.Reserve), with the fees. A working sell freezes shares. After
// every event the frozen amounts of the account are the sums over the working orders.
//
// A new order that is refused changes nothing. An order that works already, and that the
// account can't take any more (for lack of cash, or because of a limit), is cancelled.
//
// # Money
//
// Price and Money count 1/10000 of a currency unit, Quantity counts shares. All arithmetic
// is on integers and checked for overflow. After every event
//
//	cash + sum of the positions' cost = opening + deposits + realised profit - fees
//
// where opening is the cash and the cost at the opening, and fees are those in no cost and no
// profit (Account.Fees).
//
//   - Buy of q at p with fee f: cash -q*p-f, cost +q*p. The fee counts in Account.Fees, or, if
//     the market says so, in the cost.
//   - Sell of q at p with fee f from Q shares with cost C: the sold part has the cost
//     c = C*q/Q, rounded half even (all of C if q = Q): cash +q*p-f, cost -c,
//     realised +q*p-c-f.
//   - Bust: its flow of cash and its fee are undone. The position is that of the other
//     executions in their order (Refold), as if the busted one had never been; the realised
//     profit follows from the sum above.
//   - Correction: a bust and another execution at the same place of that order (Place), with the
//     fee of that place.
//
// Cash may be negative after a bust, since the proceeds may already be spent. Buys are
// refused until there is enough cash again.
//
// Shares of a buy and proceeds of a sell may wait for their settlement. What is sellable or
// free is derived for a time, so no nightly job is needed.
//
// # Numbers
//
// Each account numbers its orders, executions, events and pushes 1, 2, 3... An event has one
// to four pushes (Event.Pushes).
//
// # Versions
//
// Events and states of version 1, of releases without orders, are read and applied as they
// were (Event.Early).
//
// # Goroutines
//
// An Account is not safe for concurrent use: the caller holds the account's lock. The
// package starts no goroutine.
//
// # Limits
//
// MaxQuantity, MaxPrice, MaxMoney, MaxRows, MaxOrders, MaxReason and ClientOrderIDSize: a
// command beyond a limit is refused and changes nothing. Options sets how many events stay in
// memory, how many orders may work and how many client order ids are remembered. All busts
// stay in memory.
package ledger
