// Package history is the SQL projection of the journal: one SQLite file with every execution of
// every customer, read in pages with the newest first, the newest state of every order, and the
// snapshots of the accounts, which make a restart short. A market order that one execution
// filled wholly has no row: it follows from the execution.
//
// The journal is the source, and this file is derived from it. It can be deleted at any
// time (Remove) and is then rebuilt from the first batch. So it is written without an
// fsync per transaction: after a power cut the file is consistent but older, and Progress
// says where to continue. Every row and every snapshot has a checksum, which is verified
// on every read: a byte that was altered on disk is reported (ErrDamaged) and not served.
//
// One goroutine, the projector, writes executions and orders: Begin, then Insert, Bust, Correct
// and PutOrder for each event, then Commit with the number of the last journal batch that is
// complete. Rows and progress become visible and durable together, so each event counts once.
// The checksum of that batch shows whether the file was made from this journal. Another
// goroutine may save snapshots; both share the only connection that writes. Readers use
// separate connections, are safe from any goroutine, never wait for the writer, and stop
// when their context ends. They block on disk: never call them on an event loop or a lane.
//
// The rows of a customer are adjacent on disk, so a page of history is one range of the
// primary key. This makes writing more expensive: a transaction rewrites a page of the
// file for each customer in it, however few rows that customer has. So rows are sorted
// before they are written, and the projector should use larger transactions while it lags:
// with 10,000 customers a row cost 6.9 us of CPU in transactions of 65,536 rows and 4.0 us
// in transactions of 262,144 rows.
//
// The file can also be removed or moved while it is open. Present notices this, Recreate
// starts again with an empty file.
//
// A file of the first schema version is changed when it is opened, in one transaction. Its rows
// remain as they are, with their checksums.
//
// Limits: MaxLimit executions in a page, MaxReason bytes in a reason, MaxState bytes in
// the snapshot of an account, two queries at a time (further ones wait), some 50 MiB of
// rows that wait to be sorted.
package history
