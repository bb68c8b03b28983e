package history

import (
	"context"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"
)

// Query selects a page of a customer's executions.
type Query struct {
	Customer uint32
	// Before selects executions with ids below this one; 0 starts with the newest.
	Before uint64
	// Limit is the page size: DefaultLimit if it is not positive, at most
	// MaxLimit.
	Limit int
	// ByInstrument selects only the executions of Instrument. The rows between them are
	// read too, so a rare instrument means reading the customer's entire history.
	ByInstrument bool
	Instrument   uint32
}

// RangeQuery selects executions in one instrument and time span.
type RangeQuery struct {
	// Customer is the only one whose executions are selected; 0: all customers.
	Customer   uint32
	Instrument uint32
	// From and To are Unix nanoseconds: From <= Time < To.
	From, To int64
	// After selects executions after this one in the order of the answer; 0 starts with the first.
	After uint64
	// Limit is as in Query.
	Limit int
}

// limited is a sum: SQLite would prepare the statement again after each binding of a limit that
// is only a parameter, which costs more than reading a row.
const limited = "LIMIT ?3 + 0"

const (
	columns = `SELECT e.id, e.order_id, e.event, e.client_order_id, e.instrument,
	e.quantity, e.price, e.cost, e.time, e.checksum, b.execution, b.reason, b.time, b.checksum,
	e.fee, e.settlement, e.corrects, e.place, e.fee_in_cost, b.corrected_by
FROM execution AS e LEFT JOIN bust AS b ON b.execution = e.id
`
	idColumns           = columns + "WHERE e.id BETWEEN ?1 AND ?2 "
	pageQuery           = idColumns + "ORDER BY e.id DESC " + limited
	pageInstrumentQuery = idColumns + "AND e.instrument = ?4 ORDER BY e.id DESC " + limited
	upQuery             = idColumns + "ORDER BY e.id " + limited
	spanQuery           = columns + "WHERE e.id BETWEEN ?1 AND ?6 AND e.instrument = ?2 AND e.time >= ?4 AND e.time < ?5 ORDER BY e.id " + limited
)

// Executions returns a page of a customer's executions, newest first, including busted
// ones; more is true if there are older executions. For the next page, set Before to the
// last id of this page.
func (s *Store) Executions(ctx context.Context, q Query) (page []Execution, more bool, err error) {
	limit := pageSize(q.Limit)
	r := idRange{query: pageQuery, limit: limit + 1}
	r.first, r.last = numbersBefore(q.Customer, q.Before)
	if q.ByInstrument {
		r.query, r.instrument, r.byInstrument = pageInstrumentQuery, q.Instrument, true
	}
	page, err = list(ctx, s, r, scan)
	page, more = cut(page, limit)
	return page, more, err
}

// Execution returns the execution with this id; ok is false if there is no such execution.
func (s *Store) Execution(ctx context.Context, id uint64) (e Execution, ok bool, err error) {
	found, err := s.ExecutionsWith(ctx, []uint64{id})
	if err != nil || len(found) == 0 {
		return Execution{}, false, err
	}
	return found[0], true, nil
}

// ExecutionsWith returns the executions with these ids, in the order of ids; those that are not
// there are left out.
func (s *Store) ExecutionsWith(ctx context.Context, ids []uint64) ([]Execution, error) {
	return listIDs(ctx, s, pageQuery, ids, scan)
}

// InstrumentExecutions returns the same page as Executions with ByInstrument. But it verifies
// the rows of other instruments in between, too: a position that is computed from the pages
// must not lack an execution whose instrument was altered on disk. This costs some 0.6 us for
// each row in between. before and limit are as in Query.
func (s *Store) InstrumentExecutions(ctx context.Context, customer, instrument uint32, before uint64, limit int) (page []Execution, more bool, err error) {
	limit = pageSize(limit)
	r := idRange{query: pageQuery, limit: -1}
	r.first, r.last = numbersBefore(customer, before)
	err = s.query(ctx, func(c *sqlite.Conn) error {
		return eachIn(c, r, scan, func(e *Execution) error {
			if e.Instrument != instrument {
				return nil
			}
			if more = len(page) == limit; more {
				return errEnough
			}
			page = append(page, *e)
			return nil
		})
	})
	if err != nil {
		return nil, false, err
	}
	return page, more, nil
}

// RangeExecutions returns a page of executions in one instrument and time span, customer by
// customer and each oldest first, including busted ones; more is true if there are more. For
// the next page, set After to the last id of this page.
//
// There is no index by time: it reads all executions after After until the page is full, some
// 0.15 us each, which is 1.5 s for 10 million. Meanwhile one of the two queries at a time is in
// use. Only the rows of the page are verified.
func (s *Store) RangeExecutions(ctx context.Context, q RangeQuery) (page []Execution, more bool, err error) {
	first, last := int64(math.MinInt64), int64(math.MaxInt64) // ids are stored as signed numbers
	if q.Customer != 0 {
		lowest, highest := numbers(q.Customer)
		first, last = int64(lowest), int64(highest)
	}
	if q.After != 0 {
		if int64(q.After) >= last {
			return nil, false, nil
		}
		first = int64(q.After) + 1
	}
	limit := pageSize(q.Limit)
	err = s.query(ctx, func(c *sqlite.Conn) error {
		stmt, err := c.Prepare(spanQuery)
		if err != nil {
			return err
		}
		for i, n := range [...]int64{first, int64(q.Instrument), int64(limit + 1), q.From, q.To, last} {
			stmt.BindInt64(i+1, n)
		}
		var space scratch
		return each(stmt, func(row *sqlite.Stmt) error {
			e, err := scan(row, &space)
			page = append(page, e)
			return err
		})
	})
	if err != nil {
		return nil, false, err
	}
	page, more = cut(page, limit)
	return page, more, nil
}

// idRange is a query for executions or orders from first to last.
type idRange struct {
	query        string
	first, last  uint64
	limit        int // -1: all
	instrument   uint32
	byInstrument bool
}

func (r idRange) bind(stmt *sqlite.Stmt) {
	stmt.BindInt64(1, int64(r.first))
	stmt.BindInt64(2, int64(r.last))
	stmt.BindInt64(3, int64(r.limit))
	if r.byInstrument {
		stmt.BindInt64(4, int64(r.instrument))
	}
}

// eachIn calls fn for each row of r, which scan reads; as with each, errEnough ends it. The row
// is valid until fn returns.
func eachIn[T any](c *sqlite.Conn, r idRange, scan func(*sqlite.Stmt, *scratch) (T, error), fn func(*T) error) error {
	if r.first > r.last {
		return nil
	}
	stmt, err := c.Prepare(r.query)
	if err != nil {
		return err
	}
	r.bind(stmt)
	var space scratch
	var v T // not in the function, where it would be an allocation per row
	return each(stmt, func(row *sqlite.Stmt) (err error) {
		if v, err = scan(row, &space); err != nil {
			return err
		}
		return fn(&v)
	})
}

// list returns the rows of r.
func list[T any](ctx context.Context, s *Store, r idRange, scan func(*sqlite.Stmt, *scratch) (T, error)) (rows []T, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		return eachIn(c, r, scan, func(v *T) error {
			rows = append(rows, *v)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// listIDs returns the rows of query with these ids.
func listIDs[T any](ctx context.Context, s *Store, query string, ids []uint64, scan func(*sqlite.Stmt, *scratch) (T, error)) (rows []T, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		for _, id := range ids {
			err := eachIn(c, idRange{query: query, first: id, last: id, limit: 1}, scan, func(v *T) error {
				rows = append(rows, *v)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// cut makes a page of up to limit+1 rows.
func cut[T any](rows []T, limit int) (page []T, more bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}

// numbers returns the smallest and the largest id of a customer.
func numbers(customer uint32) (first, last uint64) {
	first = uint64(customer) << 32
	return first, first | math.MaxUint32
}

// numbersBefore returns the smallest and the largest id of a customer below before, which is
// 0 for all. Without such ids first is above last.
func numbersBefore(customer uint32, before uint64) (first, last uint64) {
	first, last = numbers(customer)
	if before != 0 {
		last = min(last, before-1)
	}
	return first, last
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// scan reads a result row and verifies its checksums.
func scan(row *sqlite.Stmt, space *scratch) (Execution, error) {
	e := Execution{Fill: scanFill(row)}
	if row.ColumnLen(3) > ClientOrderIDSize || row.ColumnInt64(9) != int64(e.checksum(space)) {
		return Execution{}, fmt.Errorf("%w: execution %d", ErrDamaged, e.ID)
	}
	if row.ColumnIsNull(10) {
		return e, nil
	}
	b := bustRow{execution: e.ID, reason: row.ColumnText(11), time: row.ColumnInt64(12), by: uint64(row.ColumnInt64(19))}
	if row.ColumnInt64(13) != int64(b.checksum()) {
		return Execution{}, fmt.Errorf("%w: bust of execution %d", ErrDamaged, e.ID)
	}
	e.Busted, e.BustReason, e.BustTime, e.CorrectedBy = true, b.reason, b.time, b.by
	return e, nil
}

func scanFill(row *sqlite.Stmt) Fill {
	f := Fill{
		ID:         uint64(row.ColumnInt64(0)),
		OrderID:    uint64(row.ColumnInt64(1)),
		Event:      uint64(row.ColumnInt64(2)),
		Instrument: uint32(row.ColumnInt64(4)),
		Side:       Buy,
		Quantity:   row.ColumnInt64(5),
		Price:      row.ColumnInt64(6),
		Cost:       row.ColumnInt64(7),
		Time:       row.ColumnInt64(8),
		Fee:        row.ColumnInt64(14),
		Settlement: row.ColumnInt64(15),
		Corrects:   uint32(row.ColumnInt64(16)),
		Place:      uint32(row.ColumnInt64(17)),
		FeeInCost:  row.ColumnInt64(18) != 0,
	}
	if f.Quantity < 0 {
		f.Side, f.Quantity = Sell, -f.Quantity
	}
	if row.ColumnIsNull(1) {
		f.OrderID = f.ID
	}
	row.ColumnBytes(3, f.ClientOrderID[:])
	return f
}
