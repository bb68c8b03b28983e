package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	markFile  = "mark"
	markMagic = "HFM\x01"
	markBytes = 24 // magic, batch, CRC of the batch, CRC of the mark, 4 zero bytes
)

// A mark is the last acknowledged batch: its number and its CRC32C. It is written after each
// commit and before its acknowledgement, but synced afterwards, at most every markInterval: a
// second sync in each commit would cost a quarter of the throughput. After a kill it is
// exact. After a power cut it may be that old, but it is never ahead of the batches. This takes
// nothing away from what is checked: blockScan.torn says why.
type mark struct {
	batch uint64
	crc   uint32
}

// appendMark appends the 24 bytes of m. They fit in one disk sector, so overwriting them
// is atomic.
func appendMark(dst []byte, m mark) []byte {
	at := len(dst)
	dst = append(dst, markMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, m.batch)
	dst = binary.LittleEndian.AppendUint32(dst, m.crc)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
	return append(dst, 0, 0, 0, 0)
}

// parseMark reads a mark. It refuses all bytes that appendMark does not produce.
func parseMark(src []byte) (mark, error) {
	if len(src) != markBytes {
		return mark{}, fmt.Errorf("%d bytes instead of %d", len(src), markBytes)
	}
	m := mark{
		batch: binary.LittleEndian.Uint64(src[4:]),
		crc:   binary.LittleEndian.Uint32(src[12:]),
	}
	if !bytes.Equal(appendMark(nil, m), src) {
		return mark{}, errors.New("not a mark, or its checksum differs")
	}
	return m, nil
}

// markInterval is the least time between two syncs of the mark.
const markInterval = 100 * time.Millisecond

// A markWriter overwrites the mark in place. Its goroutine syncs the file.
type markWriter struct {
	file    *os.File
	buf     []byte
	written chan struct{} // holds one: the mark is newer than the last sync
	quit    chan struct{} // closed: the goroutine ends
	ended   chan struct{} // closed when it has ended
	failed  atomic.Pointer[error]
}

// readMark reads the mark of a folder; found is false if there is no mark.
func readMark(dir string) (m mark, found bool, err error) {
	src, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, fmt.Errorf("journal: mark: %w", err)
	}
	m, err = parseMark(src)
	if err != nil {
		return mark{}, false, &DamageError{Dir: dir, File: markFile, What: err.Error()}
	}
	return m, true, nil
}

// noMark returns the error for a folder that has batches but no mark.
func noMark(dir string) error {
	return &DamageError{Dir: dir, File: markFile, What: "missing, but there are batches"}
}

// openMark opens the mark of a folder for overwriting. It writes m and syncs the file and
// the folder, so that the file survives a power cut.
func openMark(dir string, m mark) (*markWriter, error) {
	f, err := os.OpenFile(filepath.Join(dir, markFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: mark: %w", err)
	}
	w := newMarkWriter(f)
	if err := errors.Join(w.write(m), f.Sync(), syncDir(dir)); err != nil {
		return nil, fmt.Errorf("journal: mark: %w", errors.Join(err, w.close()))
	}
	return w, nil
}

// newMarkWriter starts the goroutine of a mark.
func newMarkWriter(f *os.File) *markWriter {
	w := &markWriter{file: f, written: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.sync()
	return w
}

// write writes the mark. It returns the error of an earlier sync.
func (w *markWriter) write(m mark) error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	w.buf = appendMark(w.buf[:0], m)
	if _, err := w.file.WriteAt(w.buf, 0); err != nil {
		return err
	}
	select {
	case w.written <- struct{}{}:
	default:
	}
	return nil
}

// sync syncs the mark after it was written, until quit is closed.
func (w *markWriter) sync() {
	defer close(w.ended)
	pause := time.NewTicker(markInterval)
	defer pause.Stop()
	for {
		select {
		case <-w.written:
		case <-w.quit:
			return
		}
		if err := syscall.Fdatasync(int(w.file.Fd())); err != nil {
			w.failed.CompareAndSwap(nil, &err)
		}
		select {
		case <-pause.C:
		case <-w.quit:
			return
		}
	}
}

// check returns an error if the file has other bytes than were written last.
func (w *markWriter) check() error {
	var there [markBytes]byte
	if _, err := w.file.ReadAt(there[:], 0); err != nil {
		return err
	}
	if !bytes.Equal(there[:], w.buf) {
		return errors.New("was overwritten")
	}
	return nil
}

func (w *markWriter) close() error {
	close(w.quit)
	<-w.ended
	return errors.Join(w.file.Sync(), w.file.Close())
}

// lockMark locks the mark of a folder against Trim (LOCK_SH) or Copy (LOCK_EX), and returns a
// function that unlocks it. It returns ErrCopying if another process has it.
func lockMark(dir string, how int) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(dir, markFile))
	if err != nil {
		return nil, fmt.Errorf("journal: mark: %w", err)
	}
	f, err = lockFileOf(dir, f, how)
	if errors.Is(err, ErrLocked) {
		return nil, ErrCopying
	}
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
