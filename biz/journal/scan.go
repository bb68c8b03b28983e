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

// The scan reads the block files before the store does. The store repairs what it can: it
// truncates a damaged block silently, and a damaged batch number can make it use up all
// memory. After the scan the store only opens files in which every byte was checked.

// Why an entry is refused.
var (
	errEntryCut     = errors.New("the file ends within an entry")
	errEntrySize    = errors.New("an entry has an impossible size")
	errEntrySubject = errors.New("an entry is not one of the journal's")
	errEntryHash    = errors.New("the store's checksum of an entry differs")
	errFileSize     = errors.New("the file is larger than the store makes them")
)

// maxBlockBytes is far above what the store puts into one file (8 MiB).
const maxBlockBytes = 64 << 20

// A scan is the content of the block files of a folder. Scanning changes nothing.
type scan struct {
	dir      string
	mark     mark
	each     func(*Batch) error // called for each batch; may be nil
	progress func(done, total int64)
	copied   func(name string, content []byte) error // called with the valid part of each file; may be nil
	toMark   bool                                    // stop after the batch of the mark
	files    []string
	end      chain // after the last batch
	report   Report
	marked   bool // the batch of the mark was found and has its checksum
	buf      []byte
	// The place after the marked batch: what follows may not be acknowledged.
	markedFile   int
	markedOffset int64
}

// scanBlocks checks every byte of all block files: the entries must have all batches from
// 1 on, at least up to the marked one, and the batches must continue the chain. Only the
// last file can end with a torn write, which is skipped; Report.Torn is its size.
// Everything else that is wrong is a *DamageError. Other errors are those of the disk, of
// each, and of ctx.
func scanBlocks(ctx context.Context, s *scan) error {
	s.files, s.end, s.report.Acknowledged = blockFiles(s.dir), startOfChain(), s.mark.batch
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
		if s.complete() {
			break
		}
		n, err := s.file(i)
		if err != nil {
			return err
		}
		done += n
		if s.progress != nil {
			s.progress(done, total)
		}
	}
	switch {
	case s.end.batch <= s.mark.batch:
		return &DamageError{Dir: s.dir, Batch: s.end.batch,
			What: fmt.Sprintf("missing, although batch %d was acknowledged", s.mark.batch)}
	case !s.marked:
		return damageIn(s.dir, s.mark.batch, errors.New("not the batch that was acknowledged"))
	}
	return nil
}

// complete reports whether nothing after the last batch is wanted.
func (s *scan) complete() bool { return s.toMark && s.end.batch > s.mark.batch }

// file scans one file and returns its size.
func (s *scan) file(i int) (int64, error) {
	data, err := readBlock(s.files[i], s.buf)
	if errors.Is(err, errFileSize) {
		return 0, s.damage(i, 0, err)
	}
	if err != nil {
		return 0, fmt.Errorf("journal: scan: %w", err)
	}
	s.buf = data
	b := newBlockScan(s.files[i], data)
	if err := s.block(i, b); err != nil {
		return 0, err
	}
	if s.copied != nil {
		err = s.copied(s.files[i], data[:b.good])
	}
	return int64(len(data)), err
}

// block scans the bytes of the ith file.
func (s *scan) block(i int, b *blockScan) error {
	for b.good < len(b.data) && !s.complete() {
		size, msg, wrong := b.entry(s.end.batch)
		if wrong == nil {
			_, wrong = s.end.follow(s.end.batch, msg)
		}
		switch {
		case wrong == nil:
		case s.isTorn(i, len(b.data)-b.good):
			s.report.Torn = int64(len(b.data) - b.good)
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

// hand counts the batch that was checked last, and passes it to each.
func (s *scan) hand(msg []byte) error {
	count := binary.LittleEndian.Uint32(msg[12:])
	s.report.Batches++
	s.report.Records += uint64(count)
	s.report.Bytes += uint64(len(msg))
	if s.each == nil {
		return nil
	}
	return s.each(&Batch{Number: s.end.batch - 1, First: s.end.record - uint64(count), Count: int(count), Checksum: s.end.crc, body: msg[headerBytes:]})
}

// isTorn reports whether the n bytes at the end of a file can be an incomplete write.
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
	good int // offset after the last valid entry
	hash *highwayhash.Digest64
}

func newBlockScan(name string, data []byte) *blockScan {
	// The store's key for the checksums in a block: stream and number of the block.
	key := sha256.Sum256([]byte(streamName + "-" + strings.TrimSuffix(filepath.Base(name), ".blk")))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil { // only for a key of another length
		panic("journal: " + err.Error())
	}
	return &blockScan{data: data, hash: hash}
}

// readBlock reads a file of at most maxBlockBytes, into buf if it fits.
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

// entry checks the entry after the last valid one. It must hold batch number.
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

// hashed reports whether an entry has the store's checksum. The checksum covers number,
// time, subject, headers and batch; parseEntry checks the other fields.
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

// parseEntry checks the start of the entry of batch number. body is the offset of the
// batch, size the size of the entry.
func parseEntry(b []byte, number uint64) (size, body int, wrong error) {
	const head = entryHeaderBytes + len(subject) + 4
	if len(b) < head {
		return 0, 0, errEntryCut
	}
	size = int(binary.LittleEndian.Uint32(b) &^ entryHasHeaders)
	body = head + int(binary.LittleEndian.Uint32(b[head-4:]))
	switch {
	case binary.LittleEndian.Uint64(b[4:]) != number:
		return 0, 0, fmt.Errorf("an entry has batch %d instead of %d", binary.LittleEndian.Uint64(b[4:]), number)
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
