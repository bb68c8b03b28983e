package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// The scan looks at the block files before the store does. The store mends
// what it can: it cuts a damaged block without a word, and a damaged batch
// number can keep it busy until the memory is used up. After the scan it only
// gets files whose entries follow each other.

// Reasons why an entry is refused.
var (
	errEntryCut     = errors.New("the file ends within an entry")
	errEntrySize    = errors.New("an entry has an impossible size")
	errEntrySubject = errors.New("an entry is not one of the journal's")
)

// scanBlocks checks that the entries of all block files follow each other from
// batch 1 to the last, which must not lie before batch acknowledged. In the
// last file it also checks the batches themselves, but not the time, headers
// and checksum that the store adds; the store does that when it starts. It
// returns the number of the last batch.
//
// A write that was torn, which only the last file can end with, is cut off; cut
// is its size in bytes. Everything else that is wrong is a *DamageError, and
// the files stay as they are.
func scanBlocks(dir string, acknowledged uint64) (last uint64, cut int64, err error) {
	files := blockFiles(dir)
	next := uint64(1)
	for i, name := range files {
		s, err := scanBlock(name, next, i == len(files)-1)
		if err != nil {
			return 0, 0, fmt.Errorf("journal: scan: %w", err)
		}
		next = s.next
		if s.wrong == nil {
			continue
		}
		torn := s.size - s.good
		if i < len(files)-1 || next <= acknowledged || torn > maxEntryBytes {
			return 0, 0, &DamageError{Dir: dir, File: relative(dir, name), Batch: next,
				What: fmt.Sprintf("from byte %d on: %v", s.good, s.wrong)}
		}
		if err := os.Truncate(name, s.good); err != nil {
			return 0, 0, fmt.Errorf("journal: scan: %w", err)
		}
		cut = torn
	}
	if next <= acknowledged {
		return 0, 0, &DamageError{Dir: dir, Batch: next,
			What: fmt.Sprintf("missing, batch %d was acknowledged", acknowledged)}
	}
	return next - 1, cut, nil
}

// A blockScan is what was found in one file.
type blockScan struct {
	file  *os.File
	size  int64
	good  int64  // offset behind the last entry that is right
	next  uint64 // number of the batch that belongs there
	wrong error  // what is wrong there; nil at the end of the file
	whole bool   // look at the batches too
	buf   []byte
}

func scanBlock(name string, first uint64, whole bool) (*blockScan, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s := &blockScan{file: f, size: fi.Size(), next: first, whole: whole}
	for s.good < s.size && s.wrong == nil {
		if err := s.entry(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// entry checks one entry and moves behind it, or sets what is wrong. The error
// is that of the disk.
func (s *blockScan) entry() error {
	b, err := s.read(entryStartBytes)
	if err != nil {
		return err
	}
	size, body, wrong := parseEntry(b, s.next)
	switch {
	case wrong != nil:
		s.wrong = wrong
	case s.good+int64(size) > s.size:
		s.wrong = errEntryCut
	case s.whole:
		if b, err = s.read(size); err != nil {
			return err
		}
		_, s.wrong = parseMessage(b[body : size-entryHashBytes])
	}
	if s.wrong == nil {
		s.good += int64(size)
		s.next++
	}
	return nil
}

// parseEntry checks the start of the entry of batch number, up to where the
// batch begins. body is that offset and size the one behind the entry.
func parseEntry(b []byte, number uint64) (size, body int, wrong error) {
	const head = entryHeaderBytes + len(subject) + 4
	if len(b) < head {
		return 0, 0, errEntryCut
	}
	size = int(binary.LittleEndian.Uint32(b) &^ entryHasHeaders)
	body = head + int(binary.LittleEndian.Uint32(b[head-4:]))
	switch {
	case binary.LittleEndian.Uint64(b[4:]) != number:
		return 0, 0, fmt.Errorf("an entry says batch %d", binary.LittleEndian.Uint64(b[4:]))
	case binary.LittleEndian.Uint32(b)&entryHasHeaders == 0,
		int(binary.LittleEndian.Uint16(b[20:])) != len(subject),
		string(b[entryHeaderBytes:head-4]) != subject:
		return 0, 0, errEntrySubject
	case size > maxEntryBytes, size < body+headerBytes+entryHashBytes, body > entryStartBytes-len(magic):
		return 0, 0, errEntrySize
	case len(b) < body+len(magic):
		return 0, 0, errEntryCut
	case string(b[body:body+len(magic)]) != magic:
		return 0, 0, errMagic
	}
	return size, body, nil
}

// read returns the first n bytes of the entry, fewer at the end of the file.
// They are valid until the next read.
func (s *blockScan) read(n int) ([]byte, error) {
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	got, err := s.file.ReadAt(s.buf[:n], s.good)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return s.buf[:got], err
}
