// Package journal stores records durably and in order, and detects every change to them.
//
// It owns one folder. An embedded JetStream server stores the records there; it opens no
// port and calls fsync before it acknowledges. Records are opaque bytes. No other package
// uses NATS.
//
// # Words
//
// A record is one slice passed to Commit.Record. A batch is one JetStream message: a
// header and up to 8,192 records. Batches are numbered by their place in the stream,
// records by their place in the entire journal; both numbers start at 1 and have no gaps.
// A commit is everything that was waiting when the committer became free; it is one
// batch, or several if it is large.
//
// # Group commit
//
// Callers put records into the open commit while the previous one is written. There is no
// timer and no minimum size: a commit gathers records for as long as the fsync before it
// takes. Each commit has a Held, the caller's collection of what may leave once the
// records are durable:
//
//	g := c.Begin()             // locks
//	g.Record(event)            // copies
//	g.Held().Add(reply)        // leaves after the fsync
//	c.End()                    // unlocks, wakes the committer
//
// # The chain
//
// Every batch has the number of its first record, its record count, the CRC32C of its
// content and the CRC32C of the batch before it. Every read checks that each batch
// continues the one before, so a flipped bit or a missing batch stops the reader with a
// DamageError and is never served. The file "mark" names the last acknowledged batch, so
// that Open notices a tail that was cut off. Open reads every byte of the store's files
// before the store starts, since the store repairs files silently. A torn write after the
// mark was never acknowledged: Open cuts it off and logs it; torn.go says what passes for one.
// Complete batches after the mark are written again, since after a failed fsync they may be in
// memory only.
//
// # A start reads the tail
//
// Whoever knows that an earlier run checked the batches up to a Point, since a checkpoint says
// so, passes it as Options.Checked. Open then reads the files from the one with that batch on,
// and of each older file only size and first batch. It also writes the store's summary of the
// files, without which the store would read them all after a kill. With 7.6 GB and 107 million
// records, a start after a kill takes 50 ms instead of 4.4 s. VerifyOlder reads the older files
// in the background. No other way leads to a file that was not checked: Replay and Follow check
// what they read, Trim checks first.
//
// # Trim
//
// Trim removes the oldest block files, whole ones, so that no other file changes. Before the
// first goes, the file "trimmed" has the last batch that may be gone, with its checksum: batches
// after it that are missing are damage, and the first one must continue that checksum. After a
// crash the next Open removes what Trim left.
//
// Read does the same checks without the store and changes nothing. With Options.URL the
// journal is on external JetStream servers; then only what is read is checked.
//
// # Journals of a cluster
//
// With Options.Shared the journal is a stream that several processes have open, and only mark and lock
// are in the folder. Journal.Lead makes this process follow it, and then the one that writes. A batch
// of a process that was fenced before is void: readers skip it, and its number is in no chain. LastBatch
// and all other numbers that the journal returns are those of batches that are not void; Point and the
// readers must be called with such ones, or the one after. shared.go says more.
//
// # Files that are taken away
//
// A file that was removed or moved still takes writes and an fsync, but the next Open does
// not find it. Each commit therefore compares the paths of the newest block file, the mark
// and the lock file with the open files, and the block file's size with what was written: six
// system calls, some 5 us. Twice a second, also without commits, the older block files are
// compared, too, except those that Trim takes off the list. After a difference the committer ends
// with ErrChanged.
//
// # Copies
//
// Copy writes a second journal, also while a process writes the first one: it reads the mark
// first and ends with the batch in it. Meanwhile Trim removes nothing.
//
// # Failing disks
//
// After a failed write or fsync, or on a full disk, the committer ends with ErrBroken: it
// releases neither that batch nor a later one, and the process must end. The next Open
// finds everything that was released.
//
// # Goroutines
//
// Any goroutine may call Begin, End and the methods between them. One goroutine of the
// Committer writes; only it calls Release and Abandon. Replay, Follow, VerifyOlder and Trim run
// on their caller's goroutine, concurrently with the committer. One goroutine syncs the mark.
package journal
