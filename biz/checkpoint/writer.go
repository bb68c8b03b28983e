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

// A Writer writes one file. Goroutine: one.
type Writer struct {
	// Rest, if set, is called after each piece of the file with the time that it took to bring it
	// to the disk. Without it, Finish brings all to the disk.
	Rest func(time.Duration) error

	path  string // when it is complete
	file  *os.File
	point journal.Point
	count uint64
	size  int64
	sum   hash.Hash
	buf   []byte
}

// Create starts the file of a point in a folder, which it creates if it is missing. End it with
// Finish or Abort.
func Create(dir string, p journal.Point) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	w := &Writer{path: filepath.Join(dir, name(p.Batch)), point: p, sum: sha256.New()}
	f, err := os.OpenFile(w.path+partialSuffix, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	w.file = f
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint64(b, p.Batch)
	b = binary.LittleEndian.AppendUint64(b, p.Record)
	b = binary.LittleEndian.AppendUint32(b, p.Checksum)
	w.buf = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return w, nil
}

// Add adds a section. It does not retain content.
func (w *Writer) Add(key uint32, content []byte) error {
	if len(content) > MaxSection {
		return fmt.Errorf("%w: %d bytes under the key %d", ErrTooLarge, len(content), key)
	}
	start := len(w.buf)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, key)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(content)))
	w.buf = append(w.buf, content...)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum(w.buf[start:], castagnoli))
	w.count++
	if len(w.buf) < pieceBytes {
		return nil
	}
	return w.flush()
}

// flush writes what is in the buffer.
func (w *Writer) flush() error {
	_, _ = w.sum.Write(w.buf) // it never fails
	start := time.Now()
	if err := w.write(w.Rest != nil); err != nil || w.Rest == nil {
		return err
	}
	return w.Rest(time.Since(start))
}

// write writes the buffer, and syncs the file if asked.
func (w *Writer) write(sync bool) error {
	_, err := w.file.Write(w.buf)
	w.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	if err == nil && sync {
		err = w.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// Finish completes the file. When it returns nil, the file is on the disk under its name. After
// an error, only Abort may follow.
func (w *Writer) Finish(end End) (*Checkpoint, error) {
	w.buf = binary.LittleEndian.AppendUint64(w.buf, endMark)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.count)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, end.Through)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(end.Time))
	w.buf = append(w.buf, end.StateHash[:]...)
	_, _ = w.sum.Write(w.buf) // it never fails
	w.buf = w.sum.Sum(w.buf)
	if err := w.write(true); err != nil {
		return nil, err
	}
	if err := w.file.Close(); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.Rename(w.path+partialSuffix, w.path); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := syncFolder(filepath.Dir(w.path)); err != nil {
		return nil, err
	}
	return &Checkpoint{Path: w.path, Point: w.point, End: end, SizeBytes: w.size}, nil
}

// Abort removes what was written. It does nothing to a file that is complete.
func (w *Writer) Abort() error {
	err := w.file.Close()
	if errors.Is(err, os.ErrClosed) { // by Finish
		err = nil
	}
	if gone := os.Remove(w.path + partialSuffix); !errors.Is(gone, os.ErrNotExist) {
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
