package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Store is an open history. The package comment says which goroutine may call what.
type Store struct {
	writing chan struct{} // has one token while no goroutine writes
	closed  chan struct{}
	once    sync.Once
	write   *writer
	read    *sqlitex.Pool
	damaged damageMark
	options Options
	folder  os.FileInfo            // of the files
	files   map[string]os.FileInfo // the open files, by the suffix of their path
}

// Open opens the history at o.Path, or creates it if it is missing or empty. It changes a
// file of schema version 1 to the present one (see fromVersion1 for the cost). It checks only
// the header, the application id and the schema version; each read checks its rows. After
// ErrDamaged or ErrVersion the file should be removed and rebuilt. Open also fails with
// ErrDamaged if damage was found during an earlier run.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("history: path: %w", err)
	}
	damaged := damageMark(o.Path + damagedSuffix)
	if damaged.exists() {
		return nil, fmt.Errorf("open %s: %w: found during an earlier run", o.Path, ErrDamaged)
	}
	folder, err := os.Stat(filepath.Dir(o.Path))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	s := &Store{writing: make(chan struct{}, 1), closed: make(chan struct{}), damaged: damaged, options: o, folder: folder}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	s.writing <- struct{}{}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	w, err := openWriter(ctx, s.options)
	if err != nil {
		return err
	}
	read, err := sqlitex.NewPool(s.options.Path, sqlitex.PoolOptions{
		Flags:       sqlite.OpenReadOnly,
		PoolSize:    readers,
		PrepareConn: prepareReader,
	})
	if err != nil {
		return errors.Join(damage(err), w.conn.Close())
	}
	s.write, s.read, s.files = w, read, make(map[string]os.FileInfo)
	return s.Present()
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

// Close stops the queries and closes the file. The writing goroutines must have ended
// before. A transaction without Commit is rolled back. A second Close does nothing.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = s.closeFiles()
	})
	return err
}

func (s *Store) closeFiles() error {
	if s.write == nil { // Recreate has failed
		return nil
	}
	return errors.Join(s.read.Close(), s.write.conn.Close())
}
