package history

import (
	"context"
	"fmt"
	"math"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Queries are the statements that read ranges, so that tests can check their plans.
func Queries() map[string]string {
	return map[string]string{
		"newest chunk": newestChunk, "chunks down": chunksDown, "chunks up": chunksUp,
		"busts down": bustsDown, "busts up": bustsUp, "orders down": ordersDown, "orders up": ordersUp,
	}
}

// OpenImpatient is Open with a short wait for other processes.
func OpenImpatient(ctx context.Context, path string, wait time.Duration) (*Store, error) {
	return Open(ctx, Options{Path: path, lockedAfter: wait})
}

// LimitScan makes a call read about this many rows, instead of scanRows.
func LimitScan(s *Store, rows int) { s.scan = rows }

// OrderRows returns all orders of a customer that have a row, newest first.
func (s *Store) OrderRows(ctx context.Context, customer uint32) (list []Order, err error) {
	first, last := numbers(customer)
	err = s.read(ctx, func(v view) error {
		_, err := v.orders(idRange{first: first, last: last, down: true}, func(o *Order) error {
			list = append(list, *o)
			return nil
		})
		return err
	})
	return list, err
}

// EachExecution calls fn for all executions of a customer.
func (s *Store) EachExecution(ctx context.Context, customer uint32, fn func(*Execution) error) error {
	first, last := numbers(customer)
	return s.eachExecution(ctx, idRange{first: first, last: last}, fn)
}

// WatchSyncs calls fn in place of a sync of a file or folder.
func WatchSyncs(s *Store, fn func(path string) error) { s.backend.(*sqliteBackend).syncPath = fn }

func (s *Store) connection() *sqlite.Conn { return s.backend.(*sqliteBackend).writer.conn }

// Written returns how many rows of the tables the writer has written.
func (s *Store) Written() (int64, error) { return number(s.connection(), "SELECT total_changes()") }

// Synchronous returns how SQLite writes: 1 is normal, 2 is full.
func (s *Store) Synchronous() (int64, error) { return number(s.connection(), "PRAGMA synchronous") }

// LimitPages limits the file to n pages, which acts like a full disk; 0: no limit.
func (s *Store) LimitPages(n int) error {
	if n == 0 {
		n = 1 << 30
	}
	return setPragmas(s.connection(), []string{fmt.Sprintf("max_page_count = %d", n)})
}

// Damage returns the error of this package for an error of SQLite.
var Damage = damage

// DecodeChunk decodes the blob of a chunk, and encodes what it has got.
func DecodeChunk(blob []byte, first, last uint64) (list []Fill, again []byte, err error) {
	c := chunk{first: first, last: last, blob: blob}
	if list, err = c.fills(nil); err != nil {
		return nil, nil, err
	}
	var other chunk
	before := Fill{ID: list[0].ID, OrderID: list[0].ID}
	for i := range list {
		other.append(&list[i], &before)
		before = list[i]
	}
	return list, other.blob, nil
}

// EncodeChunk is the opposite of DecodeChunk.
func EncodeChunk(list []Fill) []byte {
	var c chunk
	before := Fill{ID: list[0].ID, OrderID: list[0].ID}
	for i := range list {
		c.append(&list[i], &before)
		before = list[i]
	}
	return c.blob
}

// Verify reads the entire history: its structure, every execution, bust, order and the progress.
// It fails with ErrDamaged at the first one that has changed.
func (s *Store) Verify(ctx context.Context) error {
	return s.read(ctx, func(v view) error {
		c := v.(*sqliteView).conn
		if err := verifyStructure(c); err != nil {
			return err
		}
		for _, r := range []idRange{{first: 0, last: signBit - 1}, {first: signBit, last: math.MaxUint64}} {
			for _, r.down = range []bool{false, true} {
				if _, err := v.executions(r, func(*Execution) error { return nil }); err != nil {
					return err
				}
				if _, err := v.orders(r, func(*Order) error { return nil }); err != nil {
					return err
				}
			}
		}
		_, err := v.progress()
		return err
	})
}

func verifyStructure(c *sqlite.Conn) error {
	return sqlitex.Execute(c, "PRAGMA integrity_check(1)", &sqlitex.ExecOptions{
		ResultFunc: func(row *sqlite.Stmt) error {
			if text := row.ColumnText(0); text != "ok" {
				return fmt.Errorf("%w: %s", ErrDamaged, text)
			}
			return nil
		},
	})
}
