package journal

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrLocked means that another process, or another Journal in this one,
	// has the folder open.
	ErrLocked = errors.New("journal: folder is in use")
	// ErrClosed means that the journal or its committer was closed.
	ErrClosed = errors.New("journal: closed")
	// ErrAhead means that a reader asked for batches beyond the end: what it
	// was fed from is longer than this journal.
	ErrAhead = errors.New("journal: reader is ahead of the journal")
	// ErrFenced means that somebody else wrote the batch that was ours to write.
	ErrFenced = errors.New("journal: another writer owns the stream")
	// ErrUnacknowledged means that the store did not answer. The batch may or
	// may not be on the disk.
	ErrUnacknowledged = errors.New("journal: no acknowledgement")
	// ErrBroken means that a write or an fsync failed, or that the disk is full.
	// The batch may or may not be on the disk; no later one will be.
	ErrBroken = errors.New("journal: the disk failed")
	// ErrForeign means that the folder holds files of another program.
	ErrForeign = errors.New("journal: folder is not a journal")
	// ErrNoJournal means that there is nothing to read.
	ErrNoJournal = errors.New("journal: no journal there")
	// ErrLazySync means that a server outside may acknowledge what is not on its
	// disk, or does not tell.
	ErrLazySync = errors.New("journal: a server must call fsync before it acknowledges")
	// ErrRefused means that the store answered a write or a read with an error.
	ErrRefused = errors.New("journal: refused by the store")
)

// A DamageError says that the files do not hold what was acknowledged.
type DamageError struct {
	Dir   string // the journal's folder
	File  string // the file at fault, relative to Dir; "" if not known
	Batch uint64 // the first batch that is wrong or missing; 0 if not known
	What  string
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
	return b.String() + ": " + e.What
}
