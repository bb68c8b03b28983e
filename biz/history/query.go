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

const (
	columns = `SELECT e.id, e.order_id, e.event, e.client_order_id, e.instrument,
	e.quantity, e.price, e.cost, e.time, e.checksum, b.execution, b.reason, b.time, b.checksum
FROM execution AS e LEFT JOIN bust AS b ON b.execution = e.id
WHERE e.id BETWEEN ?1 AND ?2 `
	pageQuery           = columns + "ORDER BY e.id DESC LIMIT ?3"
	pageInstrumentQuery = columns + "AND e.instrument = ?4 ORDER BY e.id DESC LIMIT ?3"
	sellsQuery          = columns + "AND e.instrument = ?4 AND e.quantity < 0 AND b.execution IS NULL ORDER BY e.id LIMIT ?3"
)

// Executions returns a page of a customer's executions, newest first, including busted
// ones; more is true if there are older executions. For the next page, set Before to the
// last id of this page.
func (s *Store) Executions(ctx context.Context, q Query) (page []Execution, more bool, err error) {
	first, last := numbers(q.Customer)
	if q.Before != 0 {
		last = min(last, q.Before-1)
	}
	limit := pageSize(q.Limit)
	r := idRange{query: pageQuery, first: first, last: last, limit: limit + 1}
	if q.ByInstrument {
		r.query, r.instrument, r.byInstrument = pageInstrumentQuery, q.Instrument, true
	}
	page, err = s.list(ctx, r)
	if len(page) > limit {
		page, more = page[:limit], true
	}
	return page, more, err
}

// Execution returns the execution with this id; ok is false if there is no such execution.
func (s *Store) Execution(ctx context.Context, id uint64) (e Execution, ok bool, err error) {
	list, err := s.list(ctx, idRange{query: pageQuery, first: id, last: id, limit: 1})
	if err != nil || len(list) == 0 {
		return Execution{}, false, err
	}
	return list[0], true, nil
}

// SellsSince returns the sells of an instrument after an execution of the customer, oldest
// first and without busted ones: these block the bust of a buy. limit is as in Query.
func (s *Store) SellsSince(ctx context.Context, customer, instrument uint32, execution uint64, limit int) ([]Execution, error) {
	first, last := numbers(customer)
	if execution == math.MaxUint64 {
		return nil, nil
	}
	return s.list(ctx, idRange{
		query: sellsQuery, first: max(first, execution+1), last: last,
		limit: pageSize(limit), instrument: instrument, byInstrument: true,
	})
}

// idRange is a query for executions from first to last.
type idRange struct {
	query        string
	first, last  uint64
	limit        int
	instrument   uint32
	byInstrument bool
}

func (s *Store) list(ctx context.Context, r idRange) (list []Execution, err error) {
	if r.first > r.last {
		return nil, nil
	}
	err = s.query(ctx, func(c *sqlite.Conn) error {
		stmt, err := c.Prepare(r.query)
		if err != nil {
			return err
		}
		r.bind(stmt)
		var space [fillBytes]byte
		return each(stmt, func(row *sqlite.Stmt) error {
			e, err := scan(row, &space)
			list = append(list, e)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (r idRange) bind(stmt *sqlite.Stmt) {
	stmt.BindInt64(1, int64(r.first))
	stmt.BindInt64(2, int64(r.last))
	stmt.BindInt64(3, int64(r.limit))
	if r.byInstrument {
		stmt.BindInt64(4, int64(r.instrument))
	}
}

// numbers returns the smallest and the largest id of a customer.
func numbers(customer uint32) (first, last uint64) {
	first = uint64(customer) << 32
	return first, first | math.MaxUint32
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// scan reads a result row and verifies its checksums.
func scan(row *sqlite.Stmt, space *[fillBytes]byte) (Execution, error) {
	e := Execution{Fill: scanFill(row)}
	if row.ColumnLen(3) > ClientOrderIDSize || row.ColumnInt64(9) != int64(e.checksum(space)) {
		return Execution{}, fmt.Errorf("%w: execution %d", ErrDamaged, e.ID)
	}
	if row.ColumnIsNull(10) {
		return e, nil
	}
	e.Busted, e.BustReason, e.BustTime = true, row.ColumnText(11), row.ColumnInt64(12)
	if row.ColumnInt64(13) != int64(keyedChecksum(e.ID, e.BustTime, []byte(e.BustReason))) {
		return Execution{}, fmt.Errorf("%w: bust of execution %d", ErrDamaged, e.ID)
	}
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
