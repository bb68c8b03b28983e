package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/highwayhash"
)

// The scan reads the block files before the store does. The store mends what it
// can: it cuts a damaged block without a word, and a damaged batch number can
// keep it busy until the memory is used up. After the scan it only gets files
// whose every byte was checked.

// Reasons why an entry is refused.
var (
	errEntryCut     = errors.New("the file ends within an entry")
	errEntrySize    = errors.New("an entry has an impossible size")
	errEntrySubject = errors.New("an entry is not one of the journal's")
	errEntryHash    = errors.New("the store's checksum of an entry differs")
	errFileSize     = errors.New("the file is larger than the store makes them")
)

// maxBlockBytes is far above what the store puts into one file (8 MiB).
const maxBlockBytes = 64 << 20

// A scan is what the block files of a folder hold. Making it changes nothing.
type scan struct {
	dir    string
	mark   mark
	each   func(*Batch) error // called for each batch; nil: nobody looks
	seen   func(done, total int64)
	files  []string
	end    chain // behind the last batch
	counts Counts
	marked bool // the batch that the mark names was found and is the right one
	torn   int64
	buf    []byte
	// The place behind the marked batch: what follows was never acknowledged.
	markedFile   int
	markedOffset int64
}

// scanBlocks checks every byte of all block files: that the entries follow each
// other from batch 1 to the last, which must not lie before the marked one, and
// that the batches continue the chain. A write that was torn, which only the last
// file can end with, is left out; torn is its size in bytes. Everything else that
// is wrong is a *DamageError. Other errors are those of the disk, of each, and of
// ctx.
func scanBlocks(ctx context.Context, s *scan) error {
	s.files, s.end = blockFiles(s.dir), startOfChain()
	total, err := totalSize(s.files)
	if err != nil {
		return fmt.Errorf("journal: scan: %w", err)
	}
	if s.mark.batch == 0 {
		s.marked = s.mark.crc == 0
	}
	done := int64(0)
	for i := range s.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.file(i)
		if err != nil {
			return err
		}
		done += n
		if s.seen != nil {
			s.seen(done, total)
		}
	}
	switch {
	case s.end.batch <= s.mark.batch:
		return &DamageError{Dir: s.dir, Batch: s.end.batch,
			What: fmt.Sprintf("missing, batch %d was acknowledged", s.mark.batch)}
	case !s.marked:
		return damageIn(s.dir, s.mark.batch, errors.New("not the batch that was acknowledged"))
	}
	return nil
}

// file scans one file and returns its size.
func (s *scan) file(i int) (int64, error) {
	name := s.files[i]
	b, err := s.open(name)
	if errors.Is(err, errFileSize) {
		return 0, s.damage(i, 0, err)
	}
	if err != nil {
		return 0, fmt.Errorf("journal: scan: %w", err)
	}
	return int64(len(b.data)), s.block(i, b)
}

// block scans the bytes of the ith file.
func (s *scan) block(i int, b *blockScan) error {
	for b.good < len(b.data) {
		size, msg, wrong := b.entry(s.end.batch)
		if wrong == nil {
			wrong = s.batch(msg)
		}
		switch {
		case wrong == nil:
		case s.isTorn(i, len(b.data)-b.good):
			s.torn = int64(len(b.data) - b.good)
			return nil
		default:
			return s.damage(i, b.good, wrong)
		}
		b.good += size
		if err := s.hand(msg); err != nil {
			return err
		}
		if s.end.batch == s.mark.batch+1 {
			s.markedFile, s.markedOffset = i, int64(b.good)
			s.marked = s.end.crc == s.mark.crc || !checksChain
		}
	}
	return nil
}

// batch checks that msg continues the chain and moves behind it.
func (s *scan) batch(msg []byte) error {
	_, err := s.end.follow(s.end.batch, msg)
	return err
}

// hand counts the batch that was checked last, and shows it.
func (s *scan) hand(msg []byte) error {
	count := binary.LittleEndian.Uint32(msg[12:])
	s.counts.Batches++
	s.counts.Records += uint64(count)
	s.counts.Bytes += uint64(len(msg))
	if s.each == nil {
		return nil
	}
	return s.each(&Batch{Number: s.end.batch - 1, First: s.end.record - uint64(count), Count: int(count), body: msg[headerBytes:]})
}

// isTorn tells whether n bytes at the end of a file can be a write that did not
// come to its end.
func (s *scan) isTorn(file, n int) bool {
	return file == len(s.files)-1 && s.end.batch > s.mark.batch && n <= maxEntryBytes
}

func (s *scan) damage(file, at int, wrong error) error {
	return &DamageError{Dir: s.dir, File: relative(s.dir, s.files[file]), Batch: s.end.batch,
		What: fmt.Sprintf("from byte %d on: %v", at, wrong)}
}

// A blockScan walks through one file.
type blockScan struct {
	data []byte
	good int // offset behind the last entry that is right
	hash *highwayhash.Digest64
}

func (s *scan) open(name string) (*blockScan, error) {
	data, err := readBlock(name, s.buf)
	if err != nil {
		return nil, err
	}
	s.buf = data
	return newBlockScan(name, data)
}

func newBlockScan(name string, data []byte) (*blockScan, error) {
	// The store's key of the checksums in a block: stream and number of the block.
	key := sha256.Sum256([]byte(streamName + "-" + strings.TrimSuffix(filepath.Base(name), ".blk")))
	hash, err := highwayhash.NewDigest64(key[:])
	return &blockScan{data: data, hash: hash}, err
}

// readBlock reads a whole file of at most maxBlockBytes, into buf if it fits.
func readBlock(name string, buf []byte) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.Size() > maxBlockBytes {
		return nil, errFileSize
	}
	buf = slices.Grow(buf[:0], int(fi.Size()))[:fi.Size()]
	_, err = io.ReadFull(f, buf)
	return buf, err
}

// entry checks the entry behind the last good one, which should hold the batch of
// this number.
func (b *blockScan) entry(number uint64) (size int, msg []byte, wrong error) {
	rest := b.data[b.good:]
	size, body, wrong := parseEntry(rest[:min(len(rest), entryStartBytes)], number)
	if wrong != nil {
		return 0, nil, wrong
	}
	if size > len(rest) {
		return 0, nil, errEntryCut
	}
	e := rest[:size]
	if checksChain && !b.hashed(e) {
		return 0, nil, errEntryHash
	}
	return size, e[body : size-entryHashBytes], nil
}

// hashed compares the store's checksum: it covers number, time, subject, headers
// and batch; parseEntry wants the rest to be as it is.
func (b *blockScan) hashed(e []byte) bool {
	const subjectEnd = entryHeaderBytes + len(subject)
	end := len(e) - entryHashBytes
	b.hash.Reset()
	for _, part := range [][]byte{e[4:20], e[entryHeaderBytes:subjectEnd], e[subjectEnd+4 : end]} {
		_, _ = b.hash.Write(part) // it never fails
	}
	var sum [entryHashBytes]byte
	return bytes.Equal(b.hash.Sum(sum[:0]), e[end:])
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

func totalSize(files []string) (total int64, err error) {
	for _, name := range files {
		fi, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		total += fi.Size()
	}
	return total, nil
}
