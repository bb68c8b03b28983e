package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"holdfast/biz/desk"
	"holdfast/biz/fserror"
	"holdfast/biz/journal"
)

// Progress is called with the number of bytes read so far and in total.
type Progress func(done, total int64)

// journalOf returns the folder of the journal.
func journalOf(data string) string { return filepath.Join(data, "journal") }

// entries reads the journal of a data folder and calls each for every record.
func entries(ctx context.Context, data string, seen Progress, each func(b *journal.Batch, number uint64, e *desk.Entry) error) (journal.Report, error) {
	dir := journalOf(data)
	report, err := journal.Read(ctx, journal.ReadOptions{Dir: dir, Progress: seen, Each: func(b *journal.Batch) error {
		for number, record := range b.Records() {
			e, err := desk.DecodeEntry(record)
			if err == nil {
				err = each(b, number, &e)
			}
			if err != nil {
				return &RecordError{journal: dir, batch: b.Number, record: number, err: err}
			}
		}
		return nil
	}})
	var file *fs.PathError
	switch {
	case errors.Is(err, journal.ErrLocked):
		err = fmt.Errorf("%w: a server has it open; stop the server first, or make a backup and look at that", err)
	case errors.Is(err, journal.ErrNoJournal):
		err = fmt.Errorf("%w: set --data to the data folder of the server", err)
	case errors.As(err, &file):
		err = fserror.Explain(file.Path, err)
	}
	return report, err
}

// RecordError is an invalid record of the journal.
type RecordError struct {
	journal       string
	batch, record uint64
	err           error
}

// Error implements error.
func (e *RecordError) Error() string {
	return fmt.Sprintf("%s: record %d, batch %d: %s", e.journal, e.record, e.batch, e.err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.err }

// errFirst stops the reading after the first batch.
var errFirst = errors.New("first batch")

// firstBatch returns the number of the first batch of the journal of a data folder: above 1 if
// it was trimmed. If it can't be read, whoever reads it next reports why.
func firstBatch(ctx context.Context, data string) uint64 {
	report, _ := journal.Read(ctx, journal.ReadOptions{Dir: journalOf(data), Each: func(*journal.Batch) error { return errFirst }})
	return report.First
}

// readBook adds to a book what the journal of a data folder defines, and calls each for every
// record. At a damaged place it stops: whoever reads the journal next reports the damage.
func readBook(ctx context.Context, data string, book *desk.Book, each func(batch uint64, e *desk.Entry)) {
	_, _ = entries(ctx, data, nil, func(b *journal.Batch, _ uint64, e *desk.Entry) error {
		each(b.Number, e)
		return book.Add(e)
	})
}
