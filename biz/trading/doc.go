// Package trading joins the engine's sessions to accounts, the journal and the
// history: it has the handler of every command, and the pushes.
//
// The way of an order: PlaceOrder is decoded on the lane, applied to the account
// under the account's lock, recorded in the journal's open commit together with
// the reply and the pushes that wait for it (release), and let go after the
// fsync. Everything that shows an account's state leaves through a commit, so
// that no reply, push or query ever shows what is not durable, and what one
// client sees of an account is in the order of the account's life.
//
// Locks: account.mu, then the committer's; never the other way. presence.mu and
// sessionState.mu are taken before account.mu; guesses.mu is taken alone. Nothing
// blocks under account.mu, but for the disk where an order is a transaction of its
// own (Config.TransactionPerOrder).
//
// A client that comes back gets the pushes it missed: they are made again from the
// account's recent events, which hold the position after each, so that nothing is
// kept for it (missed).
//
// Passwords are verified by two goroutines of their own; wrong ones slow down the
// address that sends them (guesses). With little disk space left (disk) whatever
// would add to the journal is refused.
//
// The history follows the journal in a goroutine of its own (projector), and
// snapshots of the accounts make a restart short. Neither stops trading when it
// fails.
package trading
