// Package history is the SQL projection of the journal: every execution of
// every customer in one SQLite file, newest first by page, plus the snapshots
// of the accounts that make a restart short.
//
// The journal is the truth and this file only follows it. It can be deleted at
// any time (Remove) and is then filled again from the first batch, so it is
// written without an fsync per transaction: after a power cut the file is
// consistent, merely older, and Progress says where to go on. Every row and
// every snapshot carries a checksum that is compared when it is read, so that a
// byte altered on disk is reported (ErrDamaged) and not served.
//
// One goroutine projects: Begin, then Insert and Bust for each event, then
// Commit with the number of the last journal batch that is wholly in. Rows and
// progress become visible and durable together, so each event counts once.
// Snapshots may be saved by another goroutine; both take turns at the one
// connection that writes. Readers use connections of their own, are safe from
// any goroutine, never wait for the writer, and stop when their context ends.
// They block on disk: never call them on an event loop or a lane.
//
// The rows of a customer lie together on disk, so a page of history is one range
// of the primary key. The price is paid in writing: a transaction rewrites a
// page of the file for each customer in it, however few rows that customer has.
// Rows are therefore sorted before they are written, and the projector should
// let a transaction grow while it lags: with 10,000 customers a row cost 6.9 us
// of CPU in transactions of 65,536 rows and 4.0 us in those of 262,144.
//
// Limits: MaxLimit executions in a page, MaxReason bytes in a reason, MaxState
// bytes in the snapshot of an account, Options.Readers queries at a time (more
// wait for their turn), some 30 MiB of rows that wait to be sorted.
package history
