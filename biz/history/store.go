package history

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Store is an open history. The package comment says which goroutine may call what.
type Store struct {
	backend backend
	writing chan struct{} // has one token while no goroutine writes
	closed  chan struct{}
	once    sync.Once
	gone    bool // Recreate has failed
	scan    int  // scanRows

	// Owner: the goroutine that has the token of writing.
	open  bool            // between Begin and Commit
	ctx   context.Context // of Begin
	next  transaction
	batch uint64 // the progress
}

// Open opens the history at o.URL or o.Path, or creates it if it is missing or empty. It checks
// only that it is a history of this schema version; each read checks its rows. After ErrDamaged
// or ErrVersion the history should be removed and rebuilt. Open also fails with ErrDamaged if
// damage was found during an earlier run.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("history: path: %w", err)
	}
	open := openSQLite
	if o.URL != "" {
		open = openPostgres
	}
	b, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Store{backend: b, writing: make(chan struct{}, 1), closed: make(chan struct{}), scan: scanRows}
	p, err := s.readProgress(ctx)
	if err != nil {
		_ = b.close()
		return nil, err
	}
	s.batch = p.batch
	s.writing <- struct{}{}
	return s, nil
}

// Close stops the queries and closes the history. The writing goroutines must have ended
// before. A transaction without Commit is rolled back. A second Close does nothing.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = s.backend.close()
	})
	return err
}

// Progress returns the number of the last journal batch that was committed, 0 if there is
// no such batch.
func (s *Store) Progress(ctx context.Context) (batch uint64, err error) {
	p, err := s.readProgress(ctx)
	return p.batch, err
}

// Checksum returns the checksum of the batch that Progress returns; ok is false if there is
// no such batch.
func (s *Store) Checksum(ctx context.Context) (checksum uint32, ok bool, err error) {
	p, err := s.readProgress(ctx)
	return p.checksum, p.stored, err
}

func (s *Store) readProgress(ctx context.Context) (p progress, err error) {
	err = s.read(ctx, func(v view) error {
		p, err = v.progress()
		return err
	})
	return p, err
}

// NameInstruments sets what the views in PostgreSQL call the instruments from number first on. SQLite has
// no names, and symbols is not called. Goroutine: any.
func (s *Store) NameInstruments(ctx context.Context, first uint32, symbols func() []string) error {
	if s.gone {
		return ErrGone
	}
	if err := s.backend.nameInstruments(ctx, first, symbols); err != nil {
		return s.failed(fmt.Errorf("history: name instruments: %w", err))
	}
	return nil
}

// Sync returns when everything that is committed survives a power cut, with the number of
// the last batch in it. Goroutine: any; it does not wait for the writer.
func (s *Store) Sync(ctx context.Context) (batch uint64, err error) {
	if s.gone {
		return 0, ErrGone
	}
	p, err := s.backend.sync(ctx)
	if err != nil {
		return 0, s.failed(fmt.Errorf("history: sync: %w", err))
	}
	return p.batch, nil
}

// Present returns ErrGone if the history is no longer where it was opened: its files were
// removed, moved or replaced. Goroutine: one at a time.
func (s *Store) Present() error { return s.backend.present() }

// Recreate removes the history and starts an empty one in its place. No other call may be
// in progress. If the folder is another one now, Recreate changes nothing and fails with
// ErrGone: the files there are not those of this Store. After another error every call fails
// with ErrGone until Recreate succeeds.
func (s *Store) Recreate(ctx context.Context) error {
	err := s.backend.recreate(ctx)
	if s.gone = err != nil; s.gone {
		return err
	}
	s.batch = 0
	return nil
}

// read calls fn with a view of what is committed, and stops it when ctx ends.
func (s *Store) read(ctx context.Context, fn func(view) error) error {
	if s.gone {
		return ErrGone
	}
	return s.failed(s.backend.read(ctx, fn))
}

// failed returns the cause of an error: ErrClosed, or the error itself.
func (s *Store) failed(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.closed:
		return ErrClosed
	default:
		return err
	}
}

// errEnough is what a function returns to a view if it needs no more rows.
var errEnough = errors.New("history: no more rows needed")
