package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// CopyOptions are the settings of Copy. From and To are required.
type CopyOptions struct {
	// From is the folder of a journal. A process may have it open.
	From string
	// To is the folder to write. Copy creates it; it must not have a journal.
	To string
	// Each and Progress are as in ReadOptions.
	Each     func(*Batch) error
	Progress func(done, total int64)
}

// Copied is what Copy wrote.
type Copied struct {
	Report
	// CRC is the CRC32C of the last batch, 0 if there is no batch.
	CRC   uint32
	Files []CopiedFile
}

// A CopiedFile is one file that Copy wrote.
type CopiedFile struct {
	Name   string // relative to To, with slashes
	Bytes  int64
	SHA256 [sha256.Size]byte
}

// markAttempts is how often Copy reads a mark that is being overwritten.
const markAttempts = 100

// trimPoll is the pause before Copy tries again to keep Trim out.
const trimPoll = 10 * time.Millisecond

// Copy writes a second journal with the same batches, checks every byte of the first one,
// and calls fsync for each file and folder. If a process has the first one open, the copy
// ends with the batch that was acknowledged last when Copy began. Otherwise it has every
// complete batch, as the next Open would have, and no process can open the journal until
// Copy returns.
//
// After an error, To has an incomplete copy. Errors are those of Read without ErrLocked, and
// those of writing.
func Copy(ctx context.Context, o CopyOptions) (Copied, error) {
	if !isJournal(o.From) {
		return Copied{}, fmt.Errorf("%w: %s", ErrNoJournal, o.From)
	}
	lock, err := lockDirToRead(o.From)
	running := errors.Is(err, ErrLocked)
	switch {
	case running:
		unlock, err := awaitTrim(ctx, o.From)
		if err != nil {
			return Copied{}, err
		}
		defer unlock()
	case err != nil:
		return Copied{}, err
	case lock != nil:
		defer lock.Close()
	}
	if err := checkFolder(o.From); err != nil {
		return Copied{}, err
	}
	m, marked, err := readMarkOf(o.From, running)
	if err != nil {
		return Copied{}, err
	}
	w := &copier{to: o.To}
	s := &scan{dir: o.From, mark: m, toMark: running, each: o.Each, progress: o.Progress, copied: func(name string, content []byte) error {
		return w.write(relative(o.From, name), content)
	}}
	err = scanBlocks(ctx, s)
	if err == nil && !marked && s.report.Batches > 0 {
		err = noMark(o.From)
	}
	if err == nil {
		err = w.settings(o.From)
	}
	if err == nil && s.base.Batch > 0 {
		err = w.write(trimmedFile, appendTrimmed(nil, s.base))
	}
	if err == nil {
		err = w.finish(mark{batch: s.end.batch - 1, crc: s.end.crc})
	}
	return Copied{Report: s.report, CRC: s.end.crc, Files: w.files}, err
}

// PauseTrim keeps Trim from removing files of a folder until resume is called, also in another
// process: for whoever copies the journal together with other files. It returns the first batch
// that is there until then. Errors are a *DamageError, and those of the disk and of ctx.
func PauseTrim(ctx context.Context, dir string) (first uint64, resume func(), err error) {
	resume, err = awaitTrim(ctx, dir)
	if err != nil {
		return 0, nil, err
	}
	base, err := readTrimmed(dir)
	if err != nil {
		resume()
		return 0, nil, err
	}
	return base.Batch + 1, resume, nil
}

// awaitTrim keeps Trim from removing files until unlock is called.
func awaitTrim(ctx context.Context, dir string) (unlock func(), err error) {
	for {
		unlock, err = lockMark(dir, syscall.LOCK_SH)
		switch {
		case errors.Is(err, fs.ErrNotExist): // the journal is new
			return func() {}, nil
		case !errors.Is(err, ErrCopying): // Trim has it, for one file
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(trimPoll):
		}
	}
}

// readMarkOf is readMark for a folder in which a process may be writing the mark.
func readMarkOf(dir string, running bool) (m mark, found bool, err error) {
	for range markAttempts {
		m, found, err = readMark(dir)
		if err == nil || !running {
			break
		}
	}
	return m, found, err
}

// A copier writes files into a folder.
type copier struct {
	to      string
	folders []string // those that have files
	files   []CopiedFile
}

// write writes a file, unless it would be empty. The file must not exist.
func (c *copier) write(name string, content []byte) error {
	if len(content) == 0 {
		return nil
	}
	path := filepath.Join(c.to, name)
	folder := filepath.Dir(path)
	if n := len(c.folders); n == 0 || c.folders[n-1] != folder {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return fmt.Errorf("journal: copy: %w", err)
		}
		c.folders = append(c.folders, folder)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("journal: copy: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("journal: copy: %w", err)
	}
	c.files = append(c.files, CopiedFile{Name: filepath.ToSlash(name), Bytes: int64(len(content)), SHA256: sha256.Sum256(content)})
	return nil
}

// settings copies the store's files with the settings of the stream. Without them the store
// logs a warning and makes new ones.
func (c *copier) settings(from string) error {
	for _, name := range []string{server.JetStreamMetaFile, server.JetStreamMetaFileSum} {
		paths, err := filepath.Glob(filepath.Join(globEscape(from), storeFolder, "*", "streams", streamName, name))
		if err != nil { // only for a malformed pattern
			panic("journal: " + err.Error())
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("journal: copy: %w", err)
			}
			if err := c.write(relative(from, path), content); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish writes the mark and syncs all folders up to c.to.
func (c *copier) finish(m mark) error {
	if err := c.write(markFile, appendMark(nil, m)); err != nil {
		return err
	}
	for _, folder := range c.folders {
		for ; folder != c.to; folder = filepath.Dir(folder) {
			if err := syncDir(folder); err != nil {
				return fmt.Errorf("journal: copy: %w", err)
			}
		}
	}
	if err := syncDir(c.to); err != nil {
		return fmt.Errorf("journal: copy: %w", err)
	}
	return nil
}
