// Package desk is the durable half of the server: accounts under their locks, the
// commit that their events ride on, recovery, snapshots, the history's projection and
// the watch of the disk. Commands in, events out: it knows no session, no message and
// no encoding; what leaves with an event is opaque to it (Outbound).
//
// The way of a command: Account.Do takes the account's lock; Turn.Place or Turn.Bust
// applies it to the ledger; the watcher adds what others get to see; and CommitLog.Append
// puts record, replies and pushes into the open commit, which leaves after the fsync.
// Everything that shows an account's state leaves that way, so that no reply, push or
// query ever shows what is not durable, and what one client sees of an account is in
// the order of the account's life.
//
// Locks: Account's, then the committer's; never the other way. Nothing blocks under
// either, but for a CommitLog that writes in Append.
//
// The history follows the journal in its own goroutine (projector), and snapshots of the
// accounts make a restart short. Neither stops trading when it fails. With
// little disk space left (disk) whatever would add to the journal is refused.
//
// A desk is one partition: one committer, one journal. Limits are in Config.
package desk
