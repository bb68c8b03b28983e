package history

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"
)

func prepareReader(c *sqlite.Conn) error {
	return setPragmas(c, []string{
		"query_only = on",
		"cache_size = -2048",
		"temp_store = memory",
	})
}

// query runs fn on a reading connection, and stops it when ctx ends.
func (s *Store) query(ctx context.Context, fn func(*sqlite.Conn) error) error {
	if s.read == nil {
		return ErrGone
	}
	conn, err := s.read.Take(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer s.read.Put(conn)
	return s.failed(ctx, fn(conn))
}

// failed returns the cause of a query's error: ErrClosed, the context's error, or an error
// of the file.
func (s *Store) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.closed:
		return ErrClosed
	default:
		return s.damaged.set(cause(ctx, err))
	}
}

// errEnough is what a function returns to each if it needs no more rows.
var errEnough = errors.New("history: no more rows needed")

// each calls fn for each row of a bound statement, until the last one, errEnough or an error.
func each(stmt *sqlite.Stmt, fn func(row *sqlite.Stmt) error) error {
	for {
		more, err := stmt.Step()
		if err == nil && more {
			err = fn(stmt)
		}
		if err != nil || !more {
			if errors.Is(err, errEnough) {
				err = nil
			}
			return errors.Join(err, stmt.Reset())
		}
	}
}
