package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"holdfast/biz/journal"
)

const (
	magic      = "holdfcp\x02"
	oldVersion = 1 // files without a Log

	headerBytes  = len(magic) + 8 + 8 + 4 + 4
	sectionBytes = 4 + 4                   // before its content
	checkBytes   = 4                       // after it
	logBytes     = 8 + 8 + 4               // the Log, after endMark
	endBytes     = 8 + 8 + 8 + sha256.Size // count and End, after the Log

	// endMark is in the place of a section's key and size.
	endMark = ^uint64(0)

	// MaxSection is the largest section in bytes.
	MaxSection = 1<<31 - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Checkpoint is a complete file of which every byte was checked.
type Checkpoint struct {
	Path string
	// Point is the last batch of the journal that is in all states: a replay goes on after it.
	Point journal.Point
	End
	// Log is its part of the log; the zero value if it has none.
	Log Log
	// SizeBytes is the size of the file.
	SizeBytes int64
}

// An End is what is known of the states once all are written.
type End struct {
	// Through is the last batch of which a state has something, at least Point.Batch. The
	// journal must have it.
	Through uint64
	// Time is when the states were collected, in Unix nanoseconds.
	Time int64
	// StateHash is a hash of the states as their owner sees them.
	StateHash [sha256.Size]byte
}

// open reads a file to its end and checks every byte of it. Of its log it checks that there is one
// that is long enough. Errors are ErrDamaged, ErrVersion, and those of the disk.
func open(path string) (*Checkpoint, error) {
	c := &Checkpoint{Path: path}
	r, err := newReader(path)
	if err != nil {
		return nil, err
	}
	defer r.file.Close()
	r.sum = sha256.New()
	c.SizeBytes = r.left
	if c.Point, err = r.header(); err == nil {
		c.Log, c.End, err = r.sections(func(uint32, []byte) error { return nil })
	}
	switch {
	case err != nil:
	case filepath.Base(path) != name(c.Point.Batch):
		err = fmt.Errorf("it is the file of batch %d", c.Point.Batch)
	case c.HasLog():
		err = c.checkLogSize()
	}
	if err != nil {
		return nil, wrong(path, err)
	}
	return c, nil
}

// Sections calls fn for each section, in their order. content is valid until fn returns. An error
// of fn ends it. Other errors are ErrDamaged and those of the disk.
func (c *Checkpoint) Sections(fn func(key uint32, content []byte) error) error {
	r, err := newReader(c.Path)
	if err != nil {
		return err
	}
	defer r.file.Close()
	point, err := r.header()
	if err == nil && point != c.Point {
		err = errors.New("it was replaced")
	}
	if err != nil {
		return wrong(c.Path, err)
	}
	stopped := error(nil)
	log, end, err := r.sections(func(key uint32, content []byte) error {
		stopped = fn(key, content)
		return stopped
	})
	switch {
	case stopped != nil:
		return stopped
	case err == nil && (end != c.End || log != c.Log):
		err = errors.New("it was replaced")
	}
	if err != nil {
		return wrong(c.Path, err)
	}
	return nil
}

// wrong returns the error for a file that can't be used because of err.
func wrong(path string, err error) error {
	if errors.Is(err, ErrVersion) {
		return fmt.Errorf("%w: %s", err, path)
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
}

// name returns the name of the file of a batch.
func name(batch uint64) string { return strconv.FormatUint(batch, 10) }

// reader reads a file and checks it.
type reader struct {
	file *os.File
	old  bool      // it has oldVersion
	left int64     // bytes after those that were read
	at   int64     // offset of the next byte
	sum  hash.Hash // of what was read; nil: the SHA-256 is not checked
	buf  []byte    // what was read from the file and is not used yet
	next int       // the first byte in it that is not used
}

// readBytes is how much is read from the disk at a time, if no section is larger.
const readBytes = 1 << 20

func newReader(path string) (*reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = wrong(path, errors.New("it is no file"))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &reader{file: f, left: fi.Size()}, nil
}

// take returns the next n bytes, valid until the next call.
func (r *reader) take(n int) ([]byte, error) {
	if int64(n) > r.left {
		return nil, fmt.Errorf("it ends at byte %d, within a field", r.at+r.left)
	}
	if have := len(r.buf) - r.next; have < n {
		rest := r.buf[r.next:]
		size := min(int64(max(n, readBytes)), r.left)
		if int64(cap(r.buf)) < size {
			r.buf = append(make([]byte, 0, size), rest...)
		} else {
			r.buf = r.buf[:copy(r.buf[:have], rest)]
		}
		r.next = 0
		if _, err := io.ReadFull(r.file, r.buf[have:size]); err != nil {
			return nil, fmt.Errorf("from byte %d on: %w", r.at+int64(have), err)
		}
		r.buf = r.buf[:size]
	}
	b := r.buf[r.next : r.next+n]
	r.next += n
	r.left -= int64(n)
	r.at += int64(n)
	return b, nil
}

// hashed is take for bytes that the SHA-256 covers.
func (r *reader) hashed(n int) ([]byte, error) {
	b, err := r.take(n)
	if err == nil && r.sum != nil {
		_, _ = r.sum.Write(b) // it never fails
	}
	return b, err
}

func (r *reader) header() (p journal.Point, err error) {
	b, err := r.hashed(headerBytes)
	if err != nil {
		return p, err
	}
	const check = headerBytes - checkBytes
	switch {
	case string(b[:len(magic)-1]) != magic[:len(magic)-1]:
		return p, errors.New("it does not begin as a checkpoint")
	case crc32.Checksum(b[:check], castagnoli) != binary.LittleEndian.Uint32(b[check:]):
		return p, errors.New("its header has another checksum")
	case b[len(magic)-1] == oldVersion:
		r.old = true
	case b[len(magic)-1] != magic[len(magic)-1]:
		return p, ErrVersion
	}
	b = b[len(magic):]
	return journal.Point{
		Batch: binary.LittleEndian.Uint64(b), Record: binary.LittleEndian.Uint64(b[8:]), Checksum: binary.LittleEndian.Uint32(b[16:]),
	}, nil
}

// sections reads everything after the header, to the end of the file.
func (r *reader) sections(fn func(key uint32, content []byte) error) (log Log, end End, err error) {
	for count := uint64(0); ; count++ {
		key, content, _, err := r.section()
		if errors.Is(err, errEnd) {
			return r.trailer(count)
		}
		if err == nil {
			err = fn(key, content)
		}
		if err != nil {
			return log, end, err
		}
	}
}

// errEnd means that endMark is in the place of a section.
var errEnd = errors.New("the sections end")

// section reads a section, which has that checksum. Its content is valid until the next call.
func (r *reader) section() (key uint32, content []byte, check uint32, err error) {
	at := r.at
	b, err := r.hashed(sectionBytes)
	if err != nil {
		return 0, nil, 0, err
	}
	if binary.LittleEndian.Uint64(b) == endMark {
		return 0, nil, 0, errEnd
	}
	key, size, crc := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), crc32.Checksum(b, castagnoli)
	if size > MaxSection {
		return 0, nil, 0, fmt.Errorf("from byte %d on: a section of %d bytes", at, size)
	}
	b, err = r.hashed(int(size) + checkBytes)
	if err != nil {
		return 0, nil, 0, err
	}
	content, check = b[:size], binary.LittleEndian.Uint32(b[size:])
	if crc32.Update(crc, castagnoli, content) != check {
		return 0, nil, 0, fmt.Errorf("from byte %d on: the section %d has another checksum", at, key)
	}
	return key, content, check, nil
}

// trailer reads what follows endMark.
func (r *reader) trailer(count uint64) (log Log, end End, err error) {
	if !r.old {
		b, err := r.hashed(logBytes)
		if err != nil {
			return log, end, err
		}
		log = Log{Number: binary.LittleEndian.Uint64(b), SizeBytes: int64(binary.LittleEndian.Uint64(b[8:])), Checksum: binary.LittleEndian.Uint32(b[16:])}
	}
	b, err := r.hashed(endBytes)
	if err != nil {
		return log, end, err
	}
	sections := binary.LittleEndian.Uint64(b)
	end.Through, end.Time = binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:]))
	copy(end.StateHash[:], b[24:])
	sum, err := r.take(sha256.Size)
	switch {
	case err != nil:
		return log, end, err
	case sections != count:
		return log, end, fmt.Errorf("it has %d sections instead of %d", count, sections)
	case r.sum != nil && !bytes.Equal(r.sum.Sum(nil), sum):
		return log, end, errors.New("its bytes have another SHA-256")
	case r.left > 0:
		return log, end, fmt.Errorf("it goes on for %d bytes after its end", r.left)
	}
	return log, end, nil
}
