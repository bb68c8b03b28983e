// Package history is the SQL projection of the journal: every execution of every customer, read
// in pages with the newest first, and the newest state of every order. A market order that one
// execution filled wholly has no row: it follows from the execution. It is one SQLite file
// (Options.Path) or a PostgreSQL database (Options.URL). Both answer every query alike.
//
// The journal is the source, and the history is derived from it. As long as the journal has all
// of its batches, the history can be deleted (Remove) and is then rebuilt from the first one. After
// a power cut it is consistent but can be older, and Progress says where to continue. Sync waits
// for the disk: only what is synced may be trimmed from the journal.
//
// One goroutine, the projector, writes: Begin, then Insert, Bust, Correct and PutOrder for each
// event, then Commit with the number of the last journal batch that is complete. The
// transaction is in memory until Commit. Rows and progress become visible and durable
// together, so each event counts once. The checksum of that batch shows whether the history
// was made from this journal. Readers are safe from any goroutine, see one committed state
// per call, never wait for the writer, and stop when their context ends. They block on disk:
// never call them on an event loop or a lane.
//
// SQLite: it is written without an fsync per transaction. Every row has a checksum, which is
// verified on every read: a byte that was altered on disk is reported (ErrDamaged) and not served.
// The consecutive executions of a customer share a row, a chunk of up to 4 KB. Its
// newest chunk is written again with each transaction until it has 1 KB, some 20 executions.
// So the cost of a transaction is mostly that of the customers in it, 15 to 25 us each, however
// few executions they have: larger transactions are much cheaper. A row cost 17 us of CPU in
// transactions of 2,000 rows of 2,000 customers, 0.9 us in 262,144 rows of 10,000 customers and
// 0.6 us in as many of 1,000 customers.
//
// The file can also be removed or moved while it is open. Present notices this, Recreate
// starts again with an empty file. Another program may read the file at any time. If it holds
// a write lock, Commit fails with ErrLocked after 10 seconds, and the same transaction can be
// projected again.
//
// PostgreSQL: each execution and order is a row in a schema (search_path in the URL), for people
// to query, too. Checksums and commits are those of the database. While it can't be reached, calls
// fail with ErrUnavailable. A commit whose outcome is uncertain is resolved before anything else is
// written, so that each event counts once here, too; ErrTaken means that another server has
// written. Present notices missing tables. If the database went back to an earlier state, Commit
// fails, and Progress says where to continue.
//
// Tables of the schema version before are changed when the history is opened. Those of another one
// are refused (ErrVersion): remove the file, or choose another schema, and project the journal again.
//
// Limits: MaxLimit executions or orders in a page, MaxReason bytes in a reason, two queries at a
// time in SQLite, four in PostgreSQL (further ones wait). A transaction needs some 150 bytes per
// execution, and double that for an order: the projector commits at 262,144 rows.
package history
