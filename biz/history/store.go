package history

import (
	"context"
	"errors"
	"fmt"
	"os"
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
}

// Open opens the history at o.Path, or creates it if it is missing or empty. It checks only
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
	w, err := openWriter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	read, err := sqlitex.NewPool(o.Path, sqlitex.PoolOptions{
		Flags:       sqlite.OpenReadOnly,
		PoolSize:    readers,
		PrepareConn: prepareReader,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Path, damage(err)), w.conn.Close())
	}
	s := &Store{writing: make(chan struct{}, 1), closed: make(chan struct{}), write: w, read: read, damaged: damaged}
	s.writing <- struct{}{}
	return s, nil
}

// Remove deletes the history at path and the files next to it. The store must be closed.
// A missing file is not an error.
func Remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", damagedSuffix} {
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
		err = errors.Join(s.read.Close(), s.write.conn.Close())
	})
	return err
}
