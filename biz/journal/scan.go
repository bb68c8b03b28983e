package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
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
	errEntryCut        = errors.New("the file ends within an entry")
	errEntrySize       = errors.New("an entry has an impossible size")
	errEntrySubject    = errors.New("an entry is not one of the journal's")
	errEntryHash       = errors.New("the store's checksum of an entry differs")
	errOtherCheckpoint = errors.New("not the batch that the checkpoint has")
	errFileSize        = errors.New("the file is larger than the store makes them")
)

// noTear as marked batch: everything was acknowledged.
const noTear = math.MaxUint64

// maxBlockBytes is far above what the store puts into one file (8 MiB).
const maxBlockBytes = 64 << 20

// A scan is the content of the block files of a folder. Scanning changes nothing.
type scan struct {
	dir      string
	mark     mark
	checked  Point              // Options.Checked
	each     func(*Batch) error // called for each batch; may be nil
	progress func(done, total int64)
	copied   func(name string, content []byte) error // called with the valid part of each file; may be nil
	toMark   bool                                    // stop after the batch of the mark
	base     Point                                   // the last trimmed batch
	leftover []block                                 // files that Trim did not get to remove
	older    []block                                 // files before the first one that is read
	blocks   []block                                 // those that are read
	files    []string                                // their paths
	end      chain                                   // after the last batch
	report   Report
	marked   bool  // the batch of the mark was found and has its checksum
	lastTime int64 // of the last batch
	buf      []byte
	// The place after the marked batch: what follows may not be acknowledged.
	markedFile   int
	markedOffset int64
}

// scanBlocks checks every byte of the block files: the entries must have all batches, at
// least up to the marked one, and the batches must continue the chain. Only the last file can
// end with a torn write, which is skipped; Report.Torn is its size. Everything else that is
// wrong is a *DamageError. Other errors are ErrTrimmed, those of the disk, of each, and of ctx.
//
// It starts after the last trimmed batch, or with the file that has both the checked batch and
// the marked one, or batches before them.
func scanBlocks(ctx context.Context, s *scan) error {
	s.report.Acknowledged = s.mark.batch
	if err := s.choose(); err != nil {
		return err
	}
	s.report.First = s.end.batch
	if err := s.expect(); err != nil {
		return err
	}
	total, done := totalSize(s.blocks), int64(0)
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
		s.blocks[i].checked = true
		done += n
		if s.progress != nil {
			s.progress(done, total)
		}
	}
	switch {
	case s.end.batch <= s.mark.batch:
		return &DamageError{Dir: s.dir, Batch: s.end.batch,
			What: fmt.Sprintf("missing, although batch %d was acknowledged", s.mark.batch)}
	case s.end.batch <= s.checked.Batch:
		return &DamageError{Dir: s.dir, Batch: s.end.batch,
			What: fmt.Sprintf("missing, although a checkpoint has batch %d", s.checked.Batch)}
	case !s.marked:
		return damageIn(s.dir, s.mark.batch, errors.New("not the batch that was acknowledged"))
	}
	return nil
}

// whole returns all block files that have batches after the repair of the tail.
func (s *scan) whole() []block {
	all := slices.Concat(s.older, s.blocks)
	if last := len(all) - 1; last >= 0 {
		if all[last].stat.Size -= s.report.Torn; all[last].stat.Size == 0 {
			all = all[:last]
		}
	}
	return all
}

// choose decides which files are read, and sets the chain before them.
func (s *scan) choose() (err error) {
	if s.base, err = readTrimmed(s.dir); err != nil {
		return err
	}
	all, err := readHeads(s.dir)
	if err != nil {
		return err
	}
	s.end = chainFrom(s.base)
	if s.base.Batch > 0 {
		first := lastWith(all, s.base.Batch+1)
		if first < 0 {
			return damageIn(s.dir, s.base.Batch+1, errors.New("missing; the batches before it were trimmed"))
		}
		s.leftover, all = all[:first], all[first:]
	}
	n := s.startAt(all)
	if n > 0 {
		s.older, all = all[:n], all[n:]
		s.end = all[0].start
	}
	s.blocks = all
	for i := range all {
		s.files = append(s.files, all[i].path)
	}
	return s.gaps()
}

// startAt returns the index of the file to start with: the last one that does not start after
// the checked batch or the marked one. Numbers that do not rise are damage, which the scan must
// find: it starts before them.
func (s *scan) startAt(all []block) int {
	from, n := min(s.checked.Batch, s.mark.batch), 0
	if len(all) == 0 || all[0].first != s.end.batch {
		return 0
	}
	for n+1 < len(all) {
		switch next := all[n+1].first; {
		case next <= all[n].first:
			return max(n-1, 0)
		case next > from:
			return n
		}
		n++
	}
	return n
}

// lastWith returns the index of the last block that starts with a batch, -1 if there is no
// such block.
func lastWith(all []block, first uint64) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].first == first {
			return i
		}
	}
	return -1
}

// gaps looks at the names of the files that are not read. If a number is missing there, it
// checks the file before: the batches of a missing file are missing, too.
func (s *scan) gaps() error {
	if len(s.older) == 0 {
		return nil
	}
	all := slices.Concat(s.older, s.blocks[:1])
	for i := range s.older {
		here, err := numberOf(all[i].path)
		if err != nil {
			return err
		}
		next, err := numberOf(all[i+1].path)
		if err != nil {
			return err
		}
		if next == here+1 {
			continue
		}
		if s.buf, err = checkBlock(s.dir, all[i], all[i+1], s.buf); err != nil {
			return err
		}
	}
	return nil
}

// expect checks marked and checked batch if they are the last trimmed one.
func (s *scan) expect() error {
	before := s.end.batch - 1 // the batches up to this one are not read
	if s.mark.batch <= before {
		s.marked = s.mark.batch < s.base.Batch || s.mark == mark{batch: s.base.Batch, crc: s.base.Checksum}
	}
	switch c := s.checked; {
	case c.Batch < s.base.Batch && c != Point{}:
		return checkedTrimmed(c, s.base)
	case c.Batch == s.base.Batch && c != s.base && c != Point{}:
		return damageIn(s.dir, s.checked.Batch, errOtherCheckpoint)
	}
	return nil
}

func checkedTrimmed(c, base Point) error {
	return fmt.Errorf("%w: a checkpoint has batch %d, the journal starts with batch %d; restore the newest checkpoint or a backup of the entire data folder",
		ErrTrimmed, c.Batch, base.Batch+1)
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
		case s.isTorn(i, b):
			s.report.Torn = int64(len(b.data) - b.good)
			return nil
		default:
			return s.damage(i, b.good, wrong)
		}
		time := entryTime(b.data[b.good:])
		b.good += size
		if err := s.hand(msg, time); err != nil {
			return err
		}
		if s.end.batch == s.mark.batch+1 {
			s.markedFile, s.markedOffset = i, int64(b.good)
			s.marked = s.end.crc == s.mark.crc || !checksChain
		}
		if s.checked.Batch > 0 && s.end.batch == s.checked.Batch+1 && s.end.point() != s.checked && checksChain {
			return damageIn(s.dir, s.checked.Batch, errOtherCheckpoint)
		}
	}
	return nil
}

// hand counts the batch that was checked last, and passes it to each.
func (s *scan) hand(msg []byte, time int64) error {
	count := binary.LittleEndian.Uint32(msg[12:])
	s.report.Batches++
	s.report.Records += uint64(count)
	s.report.Bytes += uint64(len(msg))
	s.lastTime = time
	if s.each == nil {
		return nil
	}
	return s.each(&Batch{Number: s.end.batch - 1, First: s.end.record - uint64(count), Count: int(count), Checksum: s.end.crc,
		Time: time, body: msg[headerBytes:]})
}

// isTorn reports whether the rest of a file can be an incomplete write.
func (s *scan) isTorn(file int, b *blockScan) bool {
	return file == len(s.files)-1 && s.end.batch > max(s.mark.batch, s.checked.Batch) && b.torn(s.end.batch)
}

func (s *scan) damage(file, at int, wrong error) error {
	return damageAt(s.dir, s.files[file], s.end.batch, int64(at), wrong)
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
	if int64(cap(buf)) < fi.Size() {
		buf = make([]byte, fi.Size()+fi.Size()/4) // the files have similar sizes
	}
	buf = buf[:fi.Size()]
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

func totalSize(all []block) (total int64) {
	for i := range all {
		total += all[i].stat.Size
	}
	return total
}

// checkBlock checks every byte of a file and that the chain goes on in the file after it. It
// returns buf, perhaps grown. The errors are a *DamageError and those of the disk.
func checkBlock(dir string, b, after block, buf []byte) ([]byte, error) {
	b, err := readHead(b.path)
	if err != nil {
		return buf, fmt.Errorf("journal: scan: %w", err)
	}
	s := &scan{dir: dir, files: []string{b.path}, end: b.start, mark: mark{batch: noTear}, buf: buf}
	if _, err := s.file(0); err != nil {
		return s.buf, err
	}
	if after, err = readHead(after.path); err != nil {
		return s.buf, fmt.Errorf("journal: scan: %w", err)
	}
	if s.end == after.start {
		return s.buf, nil
	}
	s.files = []string{after.path}
	if _, err := s.file(0); err != nil {
		return s.buf, err
	}
	return s.buf, damageIn(dir, s.end.batch, errors.New("its file was changed meanwhile"))
}
