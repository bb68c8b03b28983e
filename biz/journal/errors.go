package journal

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrLocked means that another process, or another Journal in this one,
	// has the folder open.
	ErrLocked = errors.New("journal: folder is in use by another process")
	// ErrClosed means that the journal or its committer was closed.
	ErrClosed = errors.New("journal: closed")
	// ErrAhead means that a reader asked for batches beyond the end: it has read a
	// longer journal before.
	ErrAhead = errors.New("journal: reader is ahead of the journal")
	// ErrTrimmed means that a batch was removed by Trim.
	ErrTrimmed = errors.New("journal: the batch was trimmed")
	// ErrCopying means that Trim removed nothing, since a Copy reads the journal.
	ErrCopying = errors.New("journal: a copy is being made")
	// ErrFenced means that another writer stored a batch under our next number.
	ErrFenced = errors.New("journal: another server writes to the same stream; stop one of the two")
	// ErrGivenUp means that GiveUp was called.
	ErrGivenUp = errors.New("journal: this node does not lead the stream any more")
	// ErrUnacknowledged means that the store did not answer. The batch may or may not
	// be on the disk.
	ErrUnacknowledged = errors.New("journal: no acknowledgement from the store")
	// ErrBroken means that a write or an fsync failed, or that the disk is full. The
	// batch may or may not be on the disk; no later batch will be.
	ErrBroken = errors.New("journal: write or fsync failed")
	// ErrChanged means that another program removed, moved, replaced or truncated a file of
	// the open journal. What was acknowledged before may be in these files only; nothing is
	// acknowledged afterwards.
	ErrChanged = errors.New("journal: its files were changed while the server was running")
	// ErrForeign means that the folder holds files of another program, or that the
	// stream has settings which a journal can't have.
	ErrForeign = errors.New("journal: not a journal of holdfast")
	// ErrNoJournal means that the folder has no journal to read.
	ErrNoJournal = errors.New("journal: no journal in this folder")
	// ErrLazySync means that an external server acknowledges before fsync, or that this
	// is unknown.
	ErrLazySync = errors.New("journal: every JetStream server must call fsync before it acknowledges")
	// ErrRefused means that the store answered a write or a read with an error.
	ErrRefused = errors.New("journal: the store refused a request")
)

// A DamageError means that the files do not hold what was acknowledged.
type DamageError struct {
	Dir   string // the journal's folder
	File  string // the damaged file, relative to Dir; "" if unknown
	Batch uint64 // the first batch that is wrong or missing; 0 if unknown
	What  string // what is wrong
}

func (e *DamageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "journal: damage in %s", e.Dir)
	if e.File != "" {
		fmt.Fprintf(&b, ", file %s", e.File)
	}
	if e.Batch != 0 {
		fmt.Fprintf(&b, ", batch %d", e.Batch)
	}
	return b.String() + ": " + e.What + "; restore the journal from a backup"
}
