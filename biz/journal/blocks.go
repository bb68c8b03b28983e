package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The store writes batches into numbered block files of some megabytes. A file is a
// sequence of entries and nothing else, little-endian
// (nats-server/server/filestore.go, writeMsgRecordLocked):
//
//	 0  4  size of the entry; the top bit says that it has headers
//	 4  8  number of the batch
//	12  8  time
//	20  2  length of the subject
//	22     subject, 4 bytes length of the headers, headers, batch
//	-8  8  the store's own checksum
const (
	entryHeaderBytes = 22
	entryHashBytes   = 8
	entryHasHeaders  = 1 << 31
	entryStartBytes  = 160     // enough to reach the batch: the headers take about 50
	maxStoreBytes    = 4 << 10 // more than the store adds to a batch
	maxEntryBytes    = MaxBatchBytes + maxStoreBytes
	blockSuffix      = ".blk"
)

// blockFiles returns the block files of the folder, oldest first.
func blockFiles(dir string) []string {
	files, err := filepath.Glob(filepath.Join(globEscape(dir), "jetstream", "*", "streams", streamName, "msgs", "*"+blockSuffix))
	if err != nil { // only for a malformed pattern
		panic("journal: " + err.Error())
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // 9.blk before 10.blk
	})
	return files
}

// globEscape escapes a path for use in a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// blockOf returns the block file, relative to dir, that should hold a batch, or "" if
// that is unknown.
func blockOf(dir string, batch uint64) string {
	found := ""
	for _, name := range blockFiles(dir) {
		b, err := readHead(name)
		if found != "" && err == nil && b.first > batch {
			break
		}
		found = name
	}
	return relative(dir, found)
}

// A block is a block file and what its first bytes say.
type block struct {
	seen
	first   uint64 // number of its first batch, 0 if the file is too short to have one
	start   chain  // before its first batch; only the batch number if there is no header
	time    int64  // of its first batch
	checked bool   // all of it was read and is right
}

// readHead reads size and first bytes of a block file, without checks.
func readHead(path string) (block, error) {
	f, err := os.Open(path)
	if err != nil {
		return block{}, err
	}
	defer f.Close()
	var b block
	if b.seen, err = see(path, f); err != nil {
		return block{}, err
	}
	var head [entryStartBytes + headerBytes]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return block{}, err
	}
	if n < entryHeaderBytes {
		return b, nil
	}
	b.first = entryNumber(head[:])
	b.time = entryTime(head[:])
	b.start = chain{batch: b.first}
	if _, body, wrong := parseEntry(head[:n], b.first); wrong == nil && n >= body+headerBytes {
		msg := head[body:]
		b.start.crc, b.start.record = binary.LittleEndian.Uint32(msg[8:]), binary.LittleEndian.Uint64(msg[16:])
	}
	return b, nil
}

// entryNumber and entryTime read the batch number and the time at the start of an entry.
func entryNumber(entry []byte) uint64 { return binary.LittleEndian.Uint64(entry[4:]) }
func entryTime(entry []byte) int64    { return int64(binary.LittleEndian.Uint64(entry[12:])) }

// readHeads reads the first bytes of all block files of the folder, oldest first. Empty files
// are left out.
func readHeads(dir string) ([]block, error) {
	var all []block
	for _, path := range blockFiles(dir) {
		b, err := readHead(path)
		if err != nil {
			return nil, fmt.Errorf("journal: scan: %w", err)
		}
		if b.stat.Size > 0 {
			all = append(all, b)
		}
	}
	return all, nil
}

// numberOf returns the number in the name of a block file.
func numberOf(path string) (int, error) {
	number, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), blockSuffix))
	if err != nil {
		return 0, fmt.Errorf("%w: %s is not a block file", ErrForeign, path)
	}
	return number, nil
}

func relative(dir, name string) string {
	rel, err := filepath.Rel(dir, name)
	if name == "" || err != nil {
		return ""
	}
	return rel
}

// repairTail makes the unacknowledged batches durable and cuts off a torn write. These
// batches are in the files, but perhaps not on the disk: after a failed fsync the kernel
// considers them written, so only writing them again helps. The store itself neither
// syncs existing files at its start, nor the folder when it adds a block.
//
// It also removes files without a batch: the store would read all files because of them.
func repairTail(s *scan) error {
	all := blockFiles(s.dir)
	if len(all) == 0 {
		return nil
	}
	var errs []error
	for i := s.markedFile; i < len(s.files); i++ {
		from, torn := int64(0), int64(0)
		if i == s.markedFile {
			from = s.markedOffset
		}
		if i == len(s.files)-1 {
			torn = s.report.Torn
		}
		errs = append(errs, repairFile(s.files[i], from, torn))
	}
	for _, path := range all {
		if fi, err := os.Stat(path); err == nil && fi.Size() == 0 {
			errs = append(errs, os.Remove(path))
		}
	}
	errs = append(errs, syncDir(filepath.Dir(all[0])))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("journal: sync: %w", err)
	}
	return nil
}

// repairFile cuts torn bytes off the end of a file, rewrites everything after from, and
// syncs the file.
func repairFile(name string, from, torn int64) error {
	data, err := readBlock(name, nil)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	end := int64(len(data)) - torn
	if torn > 0 {
		err = f.Truncate(end)
	}
	if err == nil && from < end {
		_, err = f.WriteAt(data[from:end], from)
	}
	return errors.Join(err, f.Sync(), f.Close())
}
