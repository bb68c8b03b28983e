package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Log is the first part of a file to which only is appended: what a checkpoint adds to it, the later
// ones need not store again. So a checkpoint of much that never changes is written fast. The two
// checkpoints of a folder have different logs, so that damage in one does not touch the other.
type Log struct {
	Number    uint64 // of the file
	SizeBytes int64  // of the part
	Checksum  uint32 // CRC32C of the checksums of all sections in it
}

const (
	logMagic  = "holdlog\x01"
	logSuffix = ".log"

	logHeaderBytes = len(logMagic) + 8
)

// HasLog reports whether the checkpoint has a log: those of earlier releases have none.
func (c *Checkpoint) HasLog() bool { return c.Log.Number != 0 }

// LogPath returns the path of the log.
func (c *Checkpoint) LogPath() string {
	return filepath.Join(filepath.Dir(c.Path), logName(c.Log.Number))
}

func logName(number uint64) string { return strconv.FormatUint(number, 10) + logSuffix }

// logOf returns the number of a log's name.
func logOf(file string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(file, logSuffix)
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil && logName(number) == file
}

func logHeader(number uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte(logMagic), number)
}

// There reports whether the files of the checkpoint are there and long enough.
func (c *Checkpoint) There() bool {
	fi, err := os.Stat(c.Path)
	return err == nil && fi.Size() == c.SizeBytes && (!c.HasLog() || c.checkLogSize() == nil)
}

// checkLogSize returns why the log can't have what the checkpoint needs.
func (c *Checkpoint) checkLogSize() error {
	switch fi, err := os.Stat(c.LogPath()); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("its log %s is missing", c.LogPath())
	case err != nil:
		return err
	case fi.Size() < c.Log.SizeBytes:
		return fmt.Errorf("its log %s has %d bytes instead of %d", c.LogPath(), fi.Size(), c.Log.SizeBytes)
	}
	return nil
}

// LogSections calls fn for each section of the log, and checks every byte of it. content is valid until
// fn returns. An error of fn ends it. Other errors are ErrDamaged, ErrVersion and those of the disk.
func (c *Checkpoint) LogSections(fn func(key uint32, content []byte) error) error {
	f, err := c.readLog(func(_ int64, key uint32, content []byte) error { return fn(key, content) })
	if err != nil {
		return err
	}
	return f.Close()
}

// readLog is LogSections, with the offset of each section. It returns the file.
func (c *Checkpoint) readLog(fn func(at int64, key uint32, content []byte) error) (*os.File, error) {
	r, err := newReader(c.LogPath())
	if err != nil {
		return nil, wrong(c.LogPath(), err)
	}
	stopped := error(nil)
	err = r.logSections(c.Log, func(at int64, key uint32, content []byte) error {
		stopped = fn(at, key, content)
		return stopped
	})
	switch {
	case stopped != nil:
		return nil, errors.Join(stopped, r.file.Close())
	case err != nil:
		return nil, errors.Join(wrong(c.LogPath(), err), r.file.Close())
	}
	return r.file, nil
}

// logSections reads a part of a log.
func (r *reader) logSections(part Log, fn func(at int64, key uint32, content []byte) error) error {
	if part.SizeBytes < int64(logHeaderBytes) || r.left < part.SizeBytes {
		return fmt.Errorf("it has %d bytes instead of %d", r.left, part.SizeBytes)
	}
	r.left = part.SizeBytes
	header, err := r.take(logHeaderBytes)
	const version = len(logMagic) - 1
	switch want := logHeader(part.Number); {
	case err != nil:
		return err
	case bytes.Equal(header[:version], want[:version]) && header[version] > want[version]:
		return ErrVersion
	case !bytes.Equal(header, want):
		return errors.New("it does not begin as this log")
	}
	sum := uint32(0)
	for r.left > 0 {
		at := r.at
		key, content, check, err := r.section()
		if err == nil {
			err = fn(at, key, content)
		}
		if err != nil {
			return err
		}
		sum = addChecksum(sum, check)
	}
	if sum != part.Checksum {
		return errors.New("its sections have another checksum together")
	}
	return nil
}

// addChecksum returns the Log.Checksum with another section.
func addChecksum(sum, section uint32) uint32 {
	return crc32.Update(sum, castagnoli, binary.LittleEndian.AppendUint32(nil, section))
}

// A LogIndex finds the sections of a log. Goroutine: any. End it with Close.
type LogIndex struct {
	file  *os.File
	spans map[uint32][]span
}

// span is a section in a file.
type span struct {
	at   int64
	size int32 // of its content
}

// IndexLog is LogSections, and returns an index of the sections.
func (c *Checkpoint) IndexLog(fn func(key uint32, content []byte) error) (*LogIndex, error) {
	x := &LogIndex{spans: make(map[uint32][]span)}
	var err error
	x.file, err = c.readLog(func(at int64, key uint32, content []byte) error {
		x.spans[key] = append(x.spans[key], span{at, int32(len(content))})
		return fn(key, content)
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// Sections calls fn for each section of a key, in their order. content is valid until fn returns. An
// error of fn ends it. Other errors are ErrDamaged and those of the disk.
func (x *LogIndex) Sections(key uint32, fn func(content []byte) error) error {
	var buf []byte
	for _, s := range x.spans[key] {
		size := sectionBytes + int(s.size) + checkBytes
		buf = slices.Grow(buf[:0], size)[:size]
		if _, err := x.file.ReadAt(buf, s.at); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		end := size - checkBytes
		if crc32.Checksum(buf[:end], castagnoli) != binary.LittleEndian.Uint32(buf[end:]) {
			return wrong(x.file.Name(), fmt.Errorf("from byte %d on: the section %d has another checksum than before", s.at, key))
		}
		if err := fn(buf[sectionBytes:end]); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the use of the index.
func (x *LogIndex) Close() error { return x.file.Close() }

// continueLog opens a log to append to a part of it.
func continueLog(dir string, after Log) (*os.File, error) {
	path := filepath.Join(dir, logName(after.Number))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && size < after.SizeBytes {
		err = wrong(path, fmt.Errorf("it has %d bytes instead of %d", size, after.SizeBytes))
	}
	if err == nil {
		err = f.Truncate(after.SizeBytes) // what an interrupted Writer has left
	}
	if err == nil {
		_, err = f.Seek(after.SizeBytes, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
