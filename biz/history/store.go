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

// Store is an open history. See the package comment for which goroutine may
// call what.
type Store struct {
	turn   chan struct{} // holds one token while nobody writes
	closed chan struct{}
	once   sync.Once
	write  *writer
	read   *sqlitex.Pool
	note   damageNote
}

// Open opens the history at o.Path and creates it if there is none or it is
// empty. The file is checked cheaply: that it is whole by its own header, ours,
// and of this schema version; Verify checks all of it. It fails with ErrDamaged
// or ErrVersion; both mean that the file should be removed and filled again. Damage
// that was found while the file was in use counts too: Open finds the note of it.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("history: path: %w", err)
	}
	note := damageNote(o.Path + noteSuffix)
	if note.there() {
		return nil, fmt.Errorf("open %s: %w: found while it was in use", o.Path, ErrDamaged)
	}
	w, err := openWriter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	read, err := sqlitex.NewPool(o.Path, sqlitex.PoolOptions{
		Flags:       sqlite.OpenReadOnly,
		PoolSize:    o.Readers,
		PrepareConn: prepareReader,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Path, damage(err)), w.close())
	}
	s := &Store{turn: make(chan struct{}, 1), closed: make(chan struct{}), write: w, read: read, note: note}
	s.turn <- struct{}{}
	return s, nil
}

// Remove deletes the history at path with the files SQLite keeps beside it. The
// store must be closed. It is no error if there is none.
func Remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", noteSuffix} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("history: remove: %w", err)
		}
	}
	return nil
}

// Close stops the queries and closes the file. The goroutines that write must
// have ended; a transaction without Commit is undone. A second Close does
// nothing.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = errors.Join(s.read.Close(), s.write.close())
	})
	return err
}
