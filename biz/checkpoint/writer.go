package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"holdfast/biz/journal"
)

// pieceBytes is how much is written at a time. With Rest, it is on the disk before more is
// written, since what waits for the disk delays the fsync of the journal.
const pieceBytes = 256 << 10

// partialSuffix ends the name of a file that is not complete.
const partialSuffix = ".partial"

// A Writer writes one file, and appends to its log. Goroutine: one.
type Writer struct {
	// Rest, if set, is called after each piece of the file with the time that it took to bring it
	// to the disk. Without it, Finish brings all to the disk.
	Rest func(time.Duration) error

	path  string // when it is complete
	point journal.Point
	count uint64
	sum   hash.Hash
	file  output
	part  Log  // Finish sets its size
	fresh bool // Abort removes the log
	log   output
}

// output is a file and what is to be appended to it.
type output struct {
	*os.File
	size int64 // with buf
	buf  []byte
}

func (o *output) add(b []byte) {
	o.buf = append(o.buf, b...)
	o.size += int64(len(b))
}

// addSection appends a section, and returns its checksum.
func (o *output) addSection(key uint32, content []byte) (check uint32) {
	start := len(o.buf)
	o.buf = binary.LittleEndian.AppendUint32(o.buf, key)
	o.buf = binary.LittleEndian.AppendUint32(o.buf, uint32(len(content)))
	o.buf = append(o.buf, content...)
	check = crc32.Checksum(o.buf[start:], castagnoli)
	o.buf = binary.LittleEndian.AppendUint32(o.buf, check)
	o.size += int64(len(o.buf) - start)
	return check
}

// write writes the buffer, and syncs the file if asked.
func (o *output) write(sync bool) error {
	_, err := o.Write(o.buf)
	o.buf = o.buf[:0]
	if err == nil && sync {
		err = o.Sync()
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// Create starts the file of a point in a folder, which it creates if it is missing. It goes on with the
// log of an earlier one, which stays good, or for the zero value with a new log. Two checkpoints can't
// go on with the same part of a log: then only the later one is good. End it with Finish or Abort.
func Create(dir string, p journal.Point, after Log) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	w := &Writer{path: filepath.Join(dir, name(p.Batch)), point: p, sum: sha256.New(), part: after, fresh: after.Number == 0}
	if err := w.openLog(dir); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var err error
	w.file.File, err = os.OpenFile(w.path+partialSuffix, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint: %w", err), w.abortLog())
	}
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint64(b, p.Batch)
	b = binary.LittleEndian.AppendUint64(b, p.Record)
	b = binary.LittleEndian.AppendUint32(b, p.Checksum)
	w.file.add(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
	return w, nil
}

// openLog opens the log to append to the part, or a new one.
func (w *Writer) openLog(dir string) (err error) {
	if !w.fresh {
		w.log.size = w.part.SizeBytes
		w.log.File, err = continueLog(dir, w.part)
		return err
	}
	for w.part.Number = max(w.point.Batch, 1); ; w.part.Number++ {
		w.log.File, err = os.OpenFile(filepath.Join(dir, logName(w.part.Number)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, os.ErrExist) {
			break
		}
	}
	w.log.add(logHeader(w.part.Number))
	return err
}

// Add adds a section. It does not retain content.
func (w *Writer) Add(key uint32, content []byte) error {
	if len(content) > MaxSection {
		return fmt.Errorf("%w: %d bytes under the key %d", ErrTooLarge, len(content), key)
	}
	w.file.addSection(key, content)
	w.count++
	return w.flush()
}

// AddLog adds a section to the log. It does not retain content.
func (w *Writer) AddLog(key uint32, content []byte) error {
	if len(content) > MaxSection {
		return fmt.Errorf("%w: %d bytes under the key %d", ErrTooLarge, len(content), key)
	}
	w.part.Checksum = addChecksum(w.part.Checksum, w.log.addSection(key, content))
	return w.flush()
}

// flush writes the buffers if there is enough in them.
func (w *Writer) flush() error {
	if len(w.file.buf)+len(w.log.buf) < pieceBytes {
		return nil
	}
	start := time.Now()
	for _, o := range [...]*output{&w.file, &w.log} {
		if len(o.buf) == 0 {
			continue
		}
		if o == &w.file {
			_, _ = w.sum.Write(o.buf) // it never fails
		}
		if err := o.write(w.Rest != nil); err != nil {
			return err
		}
	}
	if w.Rest == nil {
		return nil
	}
	return w.Rest(time.Since(start))
}

// Finish completes the file. When it returns nil, the file is on the disk under its name. After
// an error, only Abort may follow.
func (w *Writer) Finish(end End) (*Checkpoint, error) {
	w.part.SizeBytes = w.log.size
	if err := w.log.write(true); err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint64(nil, endMark)
	b = binary.LittleEndian.AppendUint64(b, w.part.Number)
	b = binary.LittleEndian.AppendUint64(b, uint64(w.part.SizeBytes))
	b = binary.LittleEndian.AppendUint32(b, w.part.Checksum)
	b = binary.LittleEndian.AppendUint64(b, w.count)
	b = binary.LittleEndian.AppendUint64(b, end.Through)
	b = binary.LittleEndian.AppendUint64(b, uint64(end.Time))
	w.file.add(append(b, end.StateHash[:]...))
	_, _ = w.sum.Write(w.file.buf) // it never fails
	w.file.add(w.sum.Sum(nil))
	if err := w.file.write(true); err != nil {
		return nil, err
	}
	if err := errors.Join(w.file.Close(), w.log.Close()); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.Rename(w.path+partialSuffix, w.path); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	w.fresh = false
	if err := syncFolder(filepath.Dir(w.path)); err != nil {
		return nil, err
	}
	return &Checkpoint{Path: w.path, Point: w.point, End: end, Log: w.part, SizeBytes: w.file.size}, nil
}

// Abort removes what was written. It does nothing to a file that is complete.
func (w *Writer) Abort() error {
	return errors.Join(w.file.drop(true), w.abortLog())
}

// abortLog removes a log that the Writer has made. In another one, what was added does not count.
func (w *Writer) abortLog() error { return w.log.drop(w.fresh) }

// drop closes the file, and removes it if asked and if it is still there under this name.
func (o *output) drop(remove bool) error {
	err := o.Close()
	if errors.Is(err, os.ErrClosed) { // by Finish
		err = nil
	}
	if !remove {
		return err
	}
	if gone := os.Remove(o.Name()); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}
