// Package desk is the durable half of the server: accounts and their locks, group commit,
// recovery, checkpoints, the projection into the history, and the disk watermark. Commands
// go in, events come out. A desk knows nothing of sessions, messages or encodings; the
// output that leaves with an event is opaque to it (Outbound).
//
// The way of a command: Account.Do takes the account's lock. Turn.Place or Turn.Bust
// applies the command to the ledger, the watcher adds pushes, and CommitLog.Append puts
// the record and the output into the open commit, which leaves after the fsync. All output
// that shows an account's state leaves this way. So no reply, push or query shows a state
// that is not durable, and a client sees the events of an account in their order.
//
// The working orders of all accounts are in one order book per instrument, too. A price step
// (SetPrice) assigns what it offers to the orders of a book, and then visits their accounts one
// after the other. Whoever changes an order first wins: a match that no longer fits its order
// has no effect.
//
// Locks, in the order in which they are taken: that of price steps (stepping), that of the Book
// of definitions (held while definitions become durable, see Reload), an Account's, an order
// book's, and last that of the expiries or the committer's. Nothing blocks under an Account's
// or a later one, except a CommitLog that writes in Append.
//
// The projector writes the history from the journal in its own goroutine, and checkpoints of
// the accounts make a restart short. If either fails, trading goes on. With little disk
// space left (disk), commands that add to the journal are refused.
//
// A desk is one partition: one committer, one journal. Limits are in Config.
package desk
