package history

import (
	"context"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Verify reads the whole file: its structure, every execution, bust and
// snapshot. It fails with ErrDamaged at the first that is not as it was written.
// It takes some seconds per million executions and stops when ctx ends; others
// may read and write meanwhile.
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
	stmt, err := c.Prepare(pageQuery)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, math.MinInt64)
	stmt.BindInt64(2, math.MaxInt64)
	stmt.BindInt64(3, -1)
	var space [fillBytes]byte
	return each(stmt, func(row *sqlite.Stmt) error {
		_, err := scan(row, &space)
		return err
	})
}

// verifyBusts finds the bust of an execution that is not there.
func verifyBusts(c *sqlite.Conn) error {
	stray, err := number(c, "SELECT count(*) FROM bust WHERE execution NOT IN (SELECT id FROM execution)")
	if err == nil && stray != 0 {
		err = fmt.Errorf("%w: %d busts without an execution", ErrDamaged, stray)
	}
	return err
}
