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
)

const (
	markFile  = "mark"
	markMagic = "HFM\x01"
	markBytes = 24 // magic, batch, CRC of the batch, CRC of the mark, 4 zero bytes
)

// A mark is the last acknowledged batch: its number and its CRC32C. It is written after
// each commit without an fsync. After a power cut it may therefore be old, but it is never
// ahead of the batches.
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

// A markWriter overwrites the mark in place.
type markWriter struct {
	file *os.File
	buf  []byte
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
	w := &markWriter{file: f}
	if err := errors.Join(w.write(m), f.Sync(), syncDir(dir)); err != nil {
		f.Close()
		return nil, fmt.Errorf("journal: mark: %w", err)
	}
	return w, nil
}

func (w *markWriter) write(m mark) error {
	w.buf = appendMark(w.buf[:0], m)
	_, err := w.file.WriteAt(w.buf, 0)
	return err
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
	return errors.Join(w.file.Sync(), w.file.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
