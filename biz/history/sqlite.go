package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// readers is the number of connections that read. Each caches up to 2 MiB.
	readers = 2
	// lockedAfter is how long a write waits for another process before it fails with
	// ErrLocked.
	lockedAfter = 10 * time.Second
)

// sqliteBackend is a backend in a file of SQLite.
type sqliteBackend struct {
	writer   *writer // nil after a failed recreate
	pool     *sqlitex.Pool
	spaces   sync.Pool // of *readSpace
	damaged  damageMark
	syncPath func(path string) error // syncPath, but for tests
	options  Options
	folder   os.FileInfo            // of the files
	files    map[string]os.FileInfo // the open files, by the suffix of their path
}

func openSQLite(ctx context.Context, o Options) (backend, error) {
	damaged := damageMark(o.Path + damagedSuffix)
	if damaged.exists() {
		return nil, fmt.Errorf("open %s: %w: found during an earlier run", o.Path, ErrDamaged)
	}
	folder, err := os.Stat(filepath.Dir(o.Path))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	b := &sqliteBackend{damaged: damaged, syncPath: syncPath, options: o, folder: folder}
	b.spaces.New = func() any { return new(readSpace) }
	if err := b.open(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	if err := b.read(ctx, func(v view) error { _, err := v.progress(); return err }); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Path, err), b.close())
	}
	return b, nil
}

func (b *sqliteBackend) open(ctx context.Context) error {
	w, err := openWriter(ctx, b.options)
	if err != nil {
		return err
	}
	pool, err := sqlitex.NewPool(b.options.Path, sqlitex.PoolOptions{
		Flags:       sqlite.OpenReadOnly,
		PoolSize:    readers,
		PrepareConn: prepareReader,
	})
	if err != nil {
		return errors.Join(damage(err), w.conn.Close())
	}
	b.writer, b.pool, b.files = w, pool, make(map[string]os.FileInfo)
	return b.present()
}

// Remove deletes the history at path and the files next to it. The store must be closed.
// A missing file is not an error.
func Remove(path string) error {
	for _, suffix := range append(openSuffixes(), damagedSuffix) {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("history: remove: %w", err)
		}
	}
	return nil
}

// openSuffixes returns the suffixes of the files that SQLite has open.
func openSuffixes() []string { return []string{"", walSuffix, "-shm"} }

const walSuffix = "-wal"

func (b *sqliteBackend) present() error {
	for _, suffix := range openSuffixes() {
		path := b.options.Path + suffix
		info, err := os.Stat(path)
		was := b.files[suffix]
		switch {
		case was == nil && err != nil && suffix != "": // SQLite makes it when it needs it
		case err != nil:
			return fmt.Errorf("%w: %w", ErrGone, err)
		case was == nil:
			b.files[suffix] = info
		case !os.SameFile(was, info):
			return fmt.Errorf("%w: %s is another file", ErrGone, path)
		}
	}
	return nil
}

func (b *sqliteBackend) recreate(ctx context.Context) error {
	folder := filepath.Dir(b.options.Path)
	if info, err := os.Stat(folder); err != nil || !os.SameFile(info, b.folder) {
		return fmt.Errorf("%w: its folder %s too", ErrGone, folder)
	}
	err := b.close() // first: SQLite removes files by their path when it closes them
	if err != nil {
		b.options.Log.Warn("the former history did not close cleanly", "error", err)
	}
	b.writer, b.pool = nil, nil
	if err := Remove(b.options.Path); err != nil {
		return err
	}
	if err := b.open(ctx); err != nil {
		return fmt.Errorf("history: create %s again: %w", b.options.Path, err)
	}
	return nil
}

func (b *sqliteBackend) close() error {
	if b.writer == nil { // recreate has failed
		return nil
	}
	return errors.Join(b.pool.Close(), b.writer.conn.Close())
}

// sync syncs the WAL. What is not in it any more was synced by a checkpoint. (A checkpoint
// would do, too, but may have to wait for readers. No lock is on this file, so that it may be
// opened and closed beside SQLite.)
func (b *sqliteBackend) sync(ctx context.Context) (p progress, err error) {
	err = b.read(ctx, func(v view) error {
		p, err = v.progress()
		return err
	})
	if err != nil {
		return progress{}, err
	}
	for _, path := range []string{b.options.Path + walSuffix, filepath.Dir(b.options.Path)} {
		if err := b.syncPath(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return progress{}, fmt.Errorf("%w: %w", ErrDisk, err)
		}
	}
	return p, nil
}

// syncPath waits until a file or folder is on the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
