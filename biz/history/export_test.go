package history

import (
	"context"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Queries are the statements that read pages, so that tests can check their plans.
func Queries() map[string]string {
	return map[string]string{
		"page":               pageQuery,
		"page by instrument": pageInstrumentQuery,
		"oldest first":       upQuery,
	}
}

// OrderQueries are the statements that read orders.
func OrderQueries() map[string]string {
	return map[string]string{
		"newest first": ordersQuery,
		"oldest first": ordersUpQuery,
	}
}

// OrdersOf returns all orders of a customer that have a row, newest first.
func (s *Store) OrdersOf(ctx context.Context, customer uint32) ([]Order, error) {
	first, last := numbers(customer)
	return list(ctx, s, idRange{query: ordersQuery, first: first, last: last, limit: -1}, scanOrder)
}

// SpanQuery is the statement of RangeExecutions.
const SpanQuery = spanQuery

// Written returns how many rows the writer has written.
func (s *Store) Written() (int64, error) { return number(s.write.conn, "SELECT total_changes()") }

// LimitPending sets how many rows are sorted at once.
func LimitPending(s *Store, rows int) { s.write.pending.limit = rows }

// Synchronous returns how SQLite writes: 1 is normal, 2 is full.
func (s *Store) Synchronous() (int64, error) { return number(s.write.conn, "PRAGMA synchronous") }

// LimitPages limits the file to n pages, which acts like a full disk; 0: no limit.
func (s *Store) LimitPages(n int) error {
	if n == 0 {
		n = 1 << 30
	}
	return setPragmas(s.write.conn, []string{fmt.Sprintf("max_page_count = %d", n)})
}

// Damage returns the error of this package for an error of SQLite.
var Damage = damage

// Verify reads the entire file: its structure, every execution, bust and snapshot. It fails
// with ErrDamaged at the first one that has changed.
func (s *Store) Verify(ctx context.Context) error {
	return s.query(ctx, func(c *sqlite.Conn) error {
		if err := verifyStructure(c); err != nil {
			return err
		}
		if err := verifyExecutions(c); err != nil {
			return err
		}
		if err := verifyBusts(c); err != nil {
			return err
		}
		if err := verifyOrders(c); err != nil {
			return err
		}
		return eachState(c, func(uint32, []byte) error { return nil })
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

func verifyExecutions(c *sqlite.Conn) error {
	return verifyRows(c, pageQuery, scan)
}

func verifyOrders(c *sqlite.Conn) error {
	return verifyRows(c, ordersQuery, scanOrder)
}

func verifyRows[T any](c *sqlite.Conn, query string, scan func(*sqlite.Stmt, *scratch) (T, error)) error {
	stmt, err := c.Prepare(query)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, math.MinInt64)
	stmt.BindInt64(2, math.MaxInt64)
	stmt.BindInt64(3, -1)
	var space scratch
	return each(stmt, func(row *sqlite.Stmt) error {
		_, err := scan(row, &space)
		return err
	})
}

// verifyBusts finds busts without an execution, and corrections without one of the two.
func verifyBusts(c *sqlite.Conn) error {
	stray, err := number(c, `SELECT count(*) FROM bust
WHERE execution NOT IN (SELECT id FROM execution) OR corrected_by NOT IN (SELECT id FROM execution)`)
	if err == nil && stray != 0 {
		err = fmt.Errorf("%w: %d busts without an execution", ErrDamaged, stray)
	}
	return err
}
