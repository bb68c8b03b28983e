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

// query runs fn on a connection that reads, and stops it when ctx ends.
func (s *Store) query(ctx context.Context, fn func(*sqlite.Conn) error) error {
	conn, err := s.read.Take(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer s.read.Put(conn)
	return s.failed(ctx, fn(conn))
}

// failed gives an error of a query its cause: the store is closed, the context
// has ended, the file is damaged.
func (s *Store) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.closed:
		return ErrClosed
	default:
		return s.note.keep(cause(ctx, err))
	}
}

// each gives the rows of a bound statement to fn.
func each(stmt *sqlite.Stmt, fn func(row *sqlite.Stmt) error) error {
	for {
		more, err := stmt.Step()
		if err == nil && more {
			err = fn(stmt)
		}
		if err != nil || !more {
			return errors.Join(err, stmt.Reset())
		}
	}
}
