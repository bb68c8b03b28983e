package journal

import (
	"context"
	"fmt"
)

// ReadOptions are the settings of Read. Only Dir is required.
type ReadOptions struct {
	// Dir is the folder of a journal that no process has open.
	Dir string
	// Each is called for every batch, in order. Its error ends Read.
	Each func(*Batch) error
	// Progress is called after every file with the bytes read so far and the bytes
	// of all files.
	Progress func(done, total int64)
}

// A Report is what Read found.
type Report struct {
	First   uint64 // number of the first batch: above 1 if the journal was trimmed
	Batches uint64
	Records uint64
	Bytes   uint64 // of the batches, headers included
	// Acknowledged is the number of the batch in the mark: everything up to this batch
	// was acknowledged. After a power cut it may be a number of up to 100 ms before.
	Acknowledged uint64
	// Torn is the size of an incomplete write after the last batch. It was never
	// acknowledged; Open cuts it off.
	Torn int64
}

// Read reads and checks all files of a journal without the store, as Open does without
// Options.Checked, and changes nothing. A trimmed journal starts with batch Report.First; files
// that a crash kept from being trimmed are left out.
//
// Errors: ErrLocked, ErrForeign, ErrNoJournal, a *DamageError (the report then counts
// everything before the damage), the error of Each, or an error of the disk.
func Read(ctx context.Context, o ReadOptions) (Report, error) {
	if !isJournal(o.Dir) {
		return Report{}, fmt.Errorf("%w: %s", ErrNoJournal, o.Dir)
	}
	lock, err := lockDirToRead(o.Dir)
	if err != nil {
		return Report{}, err
	}
	if lock != nil {
		defer lock.Close()
	}
	if err := checkFolder(o.Dir); err != nil {
		return Report{}, err
	}
	m, marked, err := readMark(o.Dir)
	if err != nil {
		return Report{}, err
	}
	s := &scan{dir: o.Dir, mark: m, each: o.Each, progress: o.Progress}
	err = scanBlocks(ctx, s)
	if err == nil && !marked && s.report.Batches > 0 {
		err = noMark(o.Dir)
	}
	return s.report, err
}
