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
)

// blockFiles returns the block files of the folder, oldest first.
func blockFiles(dir string) []string {
	files, err := filepath.Glob(filepath.Join(globEscape(dir), "jetstream", "*", "streams", streamName, "msgs", "*.blk"))
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
		if first, ok := firstBatchIn(name); found != "" && ok && first > batch {
			break
		}
		found = name
	}
	return relative(dir, found)
}

func firstBatchIn(name string) (uint64, bool) {
	f, err := os.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var head [entryHeaderBytes]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(head[4:]), true
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
func repairTail(s *scan) error {
	if len(s.files) == 0 {
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
	errs = append(errs, syncDir(filepath.Dir(s.files[0])))
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
