package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readAhead is how much of a block file a fileReader reads at once.
const readAhead = 512 << 10

// A fileReader is a batchReader of the store in this process: it reads the block files beside the
// store, which takes a third of the time and of the memory. The store's checksum of each entry is checked.
// Goroutine: any, one at a time.
type fileReader struct {
	j    *Journal
	file *os.File // nil at first
	path string
	blockScan
	begin int64  // offset of data in the file
	next  uint64 // the batch after the last one read
	sure  uint64 // the last batch that was durable when data was read; later ones may be incomplete there
}

func newFileReader(j *Journal) *fileReader {
	return &fileReader{j: j, blockScan: blockScan{data: make([]byte, 0, readAhead)}}
}

func (r *fileReader) close() {
	if r.file != nil {
		_ = r.file.Close() // it was only read
	}
}

func (r *fileReader) window(ctx context.Context, number, last uint64, fn func(found) error) error {
	if r.file == nil || r.next != number {
		if err := r.open(number); err != nil {
			return err
		}
	}
	for r.next <= last {
		if err := r.j.open(ctx); err != nil {
			return err
		}
		size, msg, err := r.read()
		if err != nil {
			return err
		}
		time := entryTime(r.data[r.good:])
		r.good += size
		r.next++
		if r.next <= number { // before it in its file
			continue
		}
		if err := fn(found{number: r.next - 1, time: time, msg: msg}); err != nil {
			return err
		}
	}
	return nil
}

// open opens the file that has a batch, at its start.
func (r *fileReader) open(number uint64) error {
	b, _ := r.j.blocks.has(number)
	if b.path == "" || b.path == r.path && r.next == number { // where it should be, the file ends
		return r.j.trimmedOr(number, damageIn(r.j.dir, number, errors.New("missing")))
	}
	file, err := os.Open(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r.j.trimmedOr(number, damageIn(r.j.dir, number, errors.New("its file is missing")))
	}
	if err != nil {
		return fmt.Errorf("journal: read: %w", err)
	}
	r.close()
	r.file, r.path, r.next, r.begin = file, b.path, b.first, 0
	r.blockScan = *newBlockScan(b.path, r.data[:0])
	return nil
}

// read is entry for the next batch. It reads more of the file if that is needed, and goes on with the next
// file at the end of one.
func (r *fileReader) read() (size int, msg []byte, err error) {
	if r.next > r.sure { // it may be newer than what was read
		r.data = r.data[:r.good]
	}
	for {
		size, msg, err = r.entry(r.next)
		if !errors.Is(err, errEntryCut) {
			break
		}
		rest := len(r.data) - r.good
		n, readErr := r.more()
		switch {
		case readErr != nil:
			return 0, nil, readErr
		case n > 0:
		case rest > 0:
			return 0, nil, r.damage(err)
		default:
			if err := r.open(r.next); err != nil {
				return 0, nil, err
			}
		}
	}
	if err != nil {
		err = r.damage(err)
	}
	return size, msg, err
}

// more reads more of the file after what is left of data.
func (r *fileReader) more() (int, error) {
	r.begin += int64(r.good)
	rest := copy(r.data[:cap(r.data)], r.data[r.good:])
	if rest == cap(r.data) {
		r.data = append(r.data[:rest], make([]byte, maxEntryBytes)...)
	}
	r.sure = r.j.LastBatch()
	n, err := r.file.ReadAt(r.data[rest:cap(r.data)], r.begin+int64(rest))
	r.data, r.good = r.data[:rest+n], 0
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("journal: read: %w", err)
	}
	return n, nil
}

func (r *fileReader) damage(wrong error) error {
	return r.j.trimmedOr(r.next, damageAt(r.j.dir, r.path, r.next, r.begin+int64(r.good), wrong))
}
