package journal

import (
	"context"
	"fmt"
)

// ReadOptions are the settings of Read. Only Dir is required.
type ReadOptions struct {
	// Dir is the folder of a journal that nobody has open.
	Dir string
	// Each is called for every batch, in order. Its error ends the reading.
	Each func(*Batch) error
	// Progress is called after every file with the bytes read so far and the bytes
	// of all files.
	Progress func(done, total int64)
}

// A Report is what Read found.
type Report struct {
	Counts
	// Acknowledged is the number of the batch that the mark names: all up to there
	// was acknowledged. After a power cut it may be an older one.
	Acknowledged uint64
	// Torn is the size of a write behind the last batch that did not come to its
	// end. It was never acknowledged; Open cuts it off.
	Torn int64
}

// Read reads and checks all files of a journal without the store, as Open does,
// and changes nothing.
//
// Errors: ErrLocked, ErrForeign, ErrNoJournal, a *DamageError (then the report
// counts what comes before the damage), what Each returned, or what the disk says.
func Read(ctx context.Context, o ReadOptions) (r Report, err error) {
	if !isJournal(o.Dir) {
		return r, fmt.Errorf("%w: %s", ErrNoJournal, o.Dir)
	}
	lock, err := lockDirToRead(o.Dir)
	if err != nil {
		return r, err
	}
	if lock != nil {
		defer lock.Close()
	}
	if err := checkFolder(o.Dir); err != nil {
		return r, err
	}
	m, marked, err := readMark(o.Dir)
	if err != nil {
		return r, err
	}
	s := &scan{dir: o.Dir, mark: m, each: o.Each, seen: o.Progress}
	err = scanBlocks(ctx, s)
	r = Report{Counts: s.counts, Acknowledged: m.batch, Torn: s.torn}
	if err == nil && !marked && r.Batches > 0 {
		err = &DamageError{Dir: o.Dir, File: markFile, What: "missing, but the store is not empty"}
	}
	return r, err
}
