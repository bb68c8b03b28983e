// Package journal keeps records in order and on the disk, and can prove that
// none of them changed.
//
// It owns one folder. In it runs an embedded JetStream server that opens no
// port and calls fsync before it acknowledges. Records are opaque bytes: what
// they mean is the caller's business. It is the only package that knows NATS.
//
// # Words
//
// A record is one slice handed to Commit.Record. A batch is one JetStream
// message: a header and up to 8,192 records. Batches are numbered by their
// place in the stream, records by their place in the whole journal; both start
// at 1 and have no gaps. A commit is everything that was waiting when the
// committer was free again; it is one batch, or several if it is large.
//
// # Group commit
//
// Two commits are open in turn. Callers put records into one of them while the
// other is on its way to the disk. There is no timer and no minimum size: the
// time an fsync takes is what makes a commit. Each has a Release, the caller's
// list of what may leave once the records are durable:
//
//	g := c.Begin()             // locks
//	g.Record(event)            // copies
//	g.Release().Add(reply)     // leaves after the fsync
//	c.End()                    // unlocks, wakes the committer
//
// # The chain
//
// Every batch carries the number of its first record, its record count, the
// CRC32C of its content and the CRC32C of the batch before it. Every read
// checks that each batch continues the last one, so that a flipped bit or a
// missing batch stops the reader with a DamageError and is never served. The
// file "mark" in the folder names the last acknowledged batch; it shows a tail
// that was cut off. Open reads every byte of the store's files before the store
// may mend them, which takes seconds for a gigabyte. A write torn behind the mark
// was never acknowledged; it is cut off and logged. Whole batches behind it are
// written again, since after a failed fsync they may be in memory only.
//
// Read does the same checks without the store and changes nothing. Options.URL
// puts the journal on servers outside; then only what is read is checked.
//
// # Failing disks
//
// A write or an fsync that fails, or finds the disk full, ends the committer with
// ErrBroken: nothing of that batch and no later one is released, and the process
// must end. The next Open finds all that was released.
//
// # Goroutines
//
// Begin, End and what lies between them may be used by any goroutine. One
// goroutine of the Committer writes; it alone calls Release and Abandon.
// Replay, Follow and Verify run on their caller's goroutine and may run beside
// the committer.
package journal
