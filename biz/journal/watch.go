package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// A file that was removed or moved still takes writes and an fsync from those who have it
// open, but the next Open does not find it. A watch therefore follows the paths that the
// next Open takes, and compares what is there with what the journal has open. It relies on
// the store's habits with our settings (nats-server/server/filestore.go): it appends to the
// newest block file; when that is full it goes on with the next number; it never rewrites
// or renames an older one, since nothing is compressed or encrypted, and removes one only for
// Trim, which takes it off the list of block files first.
//
// Owner: Open, then the committer's goroutine.
type watch struct {
	dir      string // absolute, so that every folder above it is checked too
	external bool   // the batches are on other servers
	mark     *markWriter
	fixed    []seen // lock and mark
	// The newest block file; nil for an external journal, or before the first batch.
	file   *os.File
	folder string // its folder
	number int    // its name is number.blk
	newest seen
	tail   [entryHashBytes]byte // its last bytes
	blocks *blockList           // all of them
	now    syscall.Stat_t       // of the file that is checked: os.Stat would allocate
	harmed bool                 // something was found
}

// seen is a file as the watch saw it last.
type seen struct {
	path string
	stat syscall.Stat_t
}

// olderAtOnce is how many of the older block files one call of all checks: a gigabyte.
const olderAtOnce = 128

// newWatch starts to watch an open journal. dir is an absolute path, the list has the block files that
// Open found.
func newWatch(dir string, external bool, lock *os.File, m *markWriter, blocks *blockList) (*watch, error) {
	w := &watch{dir: dir, external: external, mark: m, blocks: blocks}
	for _, f := range []*os.File{lock, m.file} {
		s, err := see(filepath.Join(dir, filepath.Base(f.Name())), f)
		if err != nil {
			return nil, fmt.Errorf("journal: folder: %w", err)
		}
		w.fixed = append(w.fixed, s)
	}
	if !external {
		if err := w.findBlocks(); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, w.pinned()
}

// findBlocks opens the newest block file.
func (w *watch) findBlocks() error {
	if all := blockFiles(w.dir); len(all) > 0 {
		if err := w.open(all[len(all)-1]); err != nil {
			return err
		}
	}
	if w.file != nil {
		return w.readTail()
	}
	return nil
}

// open makes the file at path the newest block file.
func (w *watch) open(path string) error {
	number, err := numberOf(path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return w.gone(path, err)
	}
	newest, err := see(path, f)
	if err != nil {
		return errors.Join(w.gone(path, err), f.Close())
	}
	if w.file != nil {
		if err := w.file.Close(); err != nil {
			return errors.Join(w.gone(w.newest.path, err), f.Close())
		}
		if err := w.blocks.watched(&w.newest); err != nil { // its last size
			return errors.Join(w.gone(path, err), f.Close())
		}
	}
	w.file, w.folder, w.number = f, filepath.Dir(path), number
	w.newest = newest
	if err := w.blocks.watched(&newest); err != nil {
		return w.gone(path, err)
	}
	return w.syncFolders()
}

// syncFolders syncs the folder of the newest block file and those above it: the store syncs the file,
// but a power cut may take away a file whose folder was not synced.
func (w *watch) syncFolders() error {
	for folder := w.folder; len(folder) >= len(w.dir); folder = filepath.Dir(folder) {
		switch err := syncDir(folder); {
		case errors.Is(err, fs.ErrNotExist):
			return w.gone(folder, err)
		case err != nil:
			return fmt.Errorf("%w: %s: %w", ErrBroken, folder, err)
		}
	}
	return nil
}

// see returns what the watch must find at path, where f was opened.
func see(path string, f *os.File) (seen, error) {
	info, err := f.Stat()
	if err != nil {
		return seen{}, err
	}
	return seen{path: path, stat: *info.Sys().(*syscall.Stat_t)}, nil
}

// grown checks that the newest block file, or the one that follows it now, is longer by a
// batch of n bytes and otherwise as before.
func (w *watch) grown(n int) error {
	if w.external {
		return nil
	}
	if w.file == nil {
		if err := w.findBlocks(); err != nil || w.file != nil {
			return err
		}
		return w.gone(filepath.Join(w.dir, storeFolder), fs.ErrNotExist)
	}
	size, err := w.size(&w.newest)
	if err != nil {
		return err
	}
	start := w.newest.stat.Size
	if size == start { // it was full
		if err := w.unchangedTail(); err != nil {
			return err
		}
		if err := w.open(filepath.Join(w.folder, strconv.Itoa(w.number+1)+blockSuffix)); err != nil {
			return err
		}
		start, size = 0, w.newest.stat.Size
	} else if err := w.unchangedTail(); err != nil {
		return err
	}
	if more := size - start; more < int64(n) || more > int64(n)+maxStoreBytes {
		return w.changed(w.newest.path, fmt.Sprintf("has %d more bytes after a batch of %d", more, n))
	}
	w.newest.stat.Size = size
	return w.readTail()
}

// unchangedTail checks the last bytes of the newest block file before its last batch. After
// a truncation the store writes at the old offset, and they are zero.
func (w *watch) unchangedTail() error {
	before := w.tail
	if err := w.readTail(); err != nil {
		return err
	}
	if w.tail != before {
		return w.changed(w.newest.path, "was overwritten or truncated")
	}
	return nil
}

func (w *watch) readTail() error {
	if w.newest.stat.Size < entryHashBytes {
		return nil // the store has created the file and not written to it yet
	}
	_, err := w.file.ReadAt(w.tail[:], w.newest.stat.Size-entryHashBytes)
	if err != nil {
		return w.changed(w.newest.path, err.Error())
	}
	return nil
}

// pinned checks lock and mark.
func (w *watch) pinned() error {
	for i := range w.fixed {
		if err := w.same(&w.fixed[i]); err != nil {
			return err
		}
	}
	return nil
}

// all checks everything, but at most olderAtOnce of the older block files; the next call
// continues with the others. No batch must be on its way to the store.
func (w *watch) all() error {
	if err := w.pinned(); err != nil {
		return err
	}
	if err := w.mark.check(); err != nil {
		return w.changed(w.mark.file.Name(), err.Error())
	}
	if w.file == nil {
		return nil
	}
	if err := w.same(&w.newest); err != nil {
		return err
	}
	if err := w.unchangedTail(); err != nil {
		return err
	}
	return w.blocks.some(olderAtOnce, w.same)
}

// same checks that a file is where it was, and as long as it was.
func (w *watch) same(s *seen) error {
	size, err := w.size(s)
	if err == nil && size != s.stat.Size {
		err = w.changed(s.path, fmt.Sprintf("has %d bytes instead of %d", size, s.stat.Size))
	}
	return err
}

// size returns the size of the file at the path of s, which must be the file seen there.
func (w *watch) size(s *seen) (int64, error) {
	var err error = syscall.EINTR
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Stat(s.path, &w.now)
	}
	switch now := &w.now; {
	case err != nil:
		return 0, w.gone(s.path, err)
	case now.Dev != s.stat.Dev || now.Ino != s.stat.Ino:
		return 0, w.changed(s.path, "was replaced by another file")
	case now.Size < s.stat.Size:
		return 0, w.changed(s.path, fmt.Sprintf("has %d bytes instead of %d", now.Size, s.stat.Size))
	}
	return w.now.Size, nil
}

// gone returns the error for a file that can't be found at its path. It names the folder
// that is missing, if it is not only the file.
func (w *watch) gone(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return w.changed(path, "can't be read: "+err.Error())
	}
	for above := filepath.Dir(path); above != filepath.Dir(above); above = filepath.Dir(above) {
		if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		path = above
	}
	return w.changed(path, "was removed or moved")
}

func (w *watch) changed(path, what string) error {
	w.harmed = true
	return fmt.Errorf("%w: %s %s; put it back or restore a backup, then start the server again", ErrChanged, path, what)
}

// close ends the watch. The store must have stopped. It then has left a summary of what it
// wrote, perhaps to files that are not there any more. The next start must go by the files.
func (w *watch) close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	if w.harmed {
		_ = os.Remove(filepath.Join(w.folder, storeSummary)) // it may be gone with the folder
	}
	return err
}
