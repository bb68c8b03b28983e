package history

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// smallChunk and largeChunk are how many rows a query reads: the first one a few, since the
	// caller may soon have enough, later ones more and more.
	smallChunk = 256
	largeChunk = 8192
)

// postgresTable is a table whose rows have an id.
type postgresTable struct {
	name    string
	columns string
	join    string // another table with columns of the same rows
	filter  func(q *postgresQuery, f *Filter)
}

var (
	executionTable = postgresTable{
		name: "execution",
		columns: `t.customer, t.number, t.order_id, t.event, t.client_order_id, t.instrument, t.side, t.quantity, t.price, t.cost,
	t.time, t.fee, t.settlement, t.corrects, t.place, t.fee_in_cost, t.simple, b.reason, b.time, b.corrected_by`,
		join: " LEFT JOIN {schema}.bust AS b ON b.customer = t.customer AND b.number = t.number",
		filter: func(q *postgresQuery, f *Filter) {
			switch f.Busted {
			case StateStanding:
				q.add(" AND b.number IS NULL")
			case StateBusted:
				q.add(" AND b.number IS NOT NULL")
			}
		},
	}
	orderTable = postgresTable{
		name: "orders",
		columns: `t.customer, t.number, t.event, t.first_event, t.last_placing_event, t.client_order_id, t.placed_as,
	t.instrument, t.side, t.type, t.time_in_force, t.status, t.cause, t.triggered, t.held, t.quantity, t.filled, t.filled_value,
	t.price, t.stop, t.priority, t.time, t.expires, t.updated, t.placed_quantity`,
		filter: func(q *postgresQuery, f *Filter) {
			if f.Statuses != 0 {
				q.add(" AND 1::bigint << t.status & ? <> 0", int64(f.Statuses))
			}
		},
	}
)

// postgresView is a transaction that reads.
type postgresView struct {
	ctx   context.Context
	store *postgres
	tx    pgx.Tx
}

func (v *postgresView) progress() (got progress, err error) {
	err = v.run(&postgresQuery{text: postgresProgress}, func(row pgx.Rows) (err error) {
		got, err = readProgress(row)
		return err
	})
	return got, err
}

func (v *postgresView) executions(r idRange, fn func(*Execution) error) (next uint64, err error) {
	return eachRow(v, &executionTable, r, scanPostgresExecution, fn)
}

func (v *postgresView) orders(r idRange, fn func(*Order) error) (next uint64, err error) {
	return eachRow(v, &orderTable, r, scanPostgresOrder, fn)
}

func (v *postgresView) executionsWith(ids []uint64, fn func(*Execution) error) error {
	return eachWith(v, &executionTable, ids, scanPostgresExecution, fn)
}

func (v *postgresView) ordersWith(ids []uint64, fn func(*Order) error) error {
	return eachWith(v, &orderTable, ids, scanPostgresOrder, fn)
}

// audits implements view.
func (v *postgresView) audits(q AuditQuery, limit int, fn func(*Audit) error) error {
	return v.run(&postgresQuery{
		text: `SELECT number, time, customer, session, unlisted, name, address, command, text, result, message
FROM {schema}.audit
WHERE ($1::bigint = 0 OR number < $1) AND ($2::bigint = 0 OR customer = $2) AND ($3::text = '' OR command = $3)
	AND ($4::bigint = 0 OR time >= $4) AND ($5::bigint = 0 OR time < $5)
ORDER BY number DESC LIMIT $6`,
		arguments: []any{int64(q.Before), int64(q.Customer), postgresText(q.Command), q.From, q.To, int64(limit)},
	}, func(row pgx.Rows) error {
		var a Audit
		var number, customer, session, unlisted int64
		err := row.Scan(&number, &a.Time, &customer, &session, &unlisted, &a.Name, &a.Address, &a.Command, &a.Text, &a.Result, &a.Message)
		if err != nil {
			return err
		}
		a.Number, a.Customer, a.Session, a.Unlisted = uint64(number), uint32(customer), uint64(session), uint32(unlisted)
		return fn(&a)
	})
}

// eachWith calls fn for the rows with these ids. One query finds them all.
func eachWith[T any](v *postgresView, t *postgresTable, ids []uint64, scan func(pgx.Rows, *T) (id uint64, err error), fn func(*T) error) error {
	customers, numbers := make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		customers[i], numbers[i] = int64(id>>32), int64(uint32(id))
	}
	q := &postgresQuery{
		text: "SELECT " + t.columns + ` FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (customer, number, place)
JOIN {schema}.` + t.name + " AS t ON t.customer = wanted.customer AND t.number = wanted.number" + t.join + "\nORDER BY wanted.place",
		arguments: []any{customers, numbers},
	}
	return v.run(q, func(row pgx.Rows) error {
		var found T
		if _, err := scan(row, &found); err != nil {
			return err
		}
		return fn(&found)
	})
}

// run calls read for each row that a query returns.
func (v *postgresView) run(q *postgresQuery, read func(pgx.Rows) error) error {
	return v.store.limited(v.ctx, postgresReadTimeout, func(ctx context.Context) error {
		rows, err := v.tx.Query(ctx, v.store.schema.sql(q.text), q.arguments...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// eachRow calls fn for each row of r, until errEnough or an error. It reads them in chunks: a query
// can't be left before its last row.
func eachRow[T any](v *postgresView, t *postgresTable, r idRange, scan func(pgx.Rows, *T) (id uint64, err error), fn func(*T) error) (next uint64, err error) {
	if r.first>>32 != r.last>>32 {
		r.scan = 0 // the database finds rows of all customers by their time
	}
	var rows []T
	for size := smallChunk; r.first <= r.last; size = min(4*size, largeChunk) {
		if r.limit > 0 {
			size = min(r.limit, largeChunk)
		}
		if r.scan > 0 && r.only == nil {
			size = min(size, r.scan)
		}
		var last uint64
		rows = rows[:0]
		err := v.run(t.query(&r, size), func(row pgx.Rows) (err error) {
			rows = append(rows, *new(T))
			last, err = scan(row, &rows[len(rows)-1])
			return err
		})
		if err != nil {
			return 0, err
		}
		for i := range rows {
			if err := fn(&rows[i]); errors.Is(err, errEnough) {
				return 0, nil
			} else if err != nil {
				return 0, err
			}
		}
		if len(rows) < size {
			return v.unread(t, &r)
		}
		if r.limit -= len(rows); r.limit == 0 || !r.skip(last) {
			return 0, nil
		}
		if r.scan > 0 {
			if r.scan -= len(rows); r.scan <= 0 {
				return r.start(), nil
			}
		}
	}
	return 0, nil
}

// skip moves the start of r past this id. It returns false if there is nothing after it.
func (r *idRange) skip(id uint64) bool {
	if id == r.end() {
		return false
	}
	if r.down {
		r.last = id - 1
	} else {
		r.first = id + 1
	}
	return true
}

// start returns the id where r starts, end the one where it ends.
func (r *idRange) start() uint64 {
	if r.down {
		return r.last
	}
	return r.first
}

func (r *idRange) end() uint64 {
	if r.down {
		return r.first
	}
	return r.last
}

// unread returns the id after the r.scan rows that a query with a filter has read at most; 0 if
// there is no such one.
func (v *postgresView) unread(t *postgresTable, r *idRange) (next uint64, err error) {
	if r.scan <= 0 || r.only == nil {
		return 0, nil
	}
	q := &postgresQuery{}
	q.add("SELECT t.customer, t.number FROM {schema}." + t.name + " AS t")
	q.within(r)
	q.order(r, 1)
	q.add(" OFFSET ?", int64(r.scan))
	err = v.run(q, func(row pgx.Rows) error {
		var customer, number int64
		err := row.Scan(&customer, &number)
		next = rowID(customer, number)
		return err
	})
	return next, err
}

// query returns a query for at most size rows of r.
func (t *postgresTable) query(r *idRange, size int) *postgresQuery {
	q := &postgresQuery{}
	q.add("SELECT " + t.columns + " FROM ")
	if r.only != nil && r.scan > 0 {
		q.add("(SELECT * FROM {schema}." + t.name + " AS t")
		q.within(r)
		q.order(r, r.scan)
		q.add(") AS t" + t.join + " WHERE true")
	} else {
		q.add("{schema}." + t.name + " AS t" + t.join)
		q.within(r)
	}
	if f := r.only; f != nil {
		q.filter(f)
		t.filter(q, f)
	}
	q.order(r, size)
	return q
}

// postgresQuery is a statement with its arguments.
type postgresQuery struct {
	text      string
	arguments []any
}

// add adds a part of the statement. Each question mark in it becomes a parameter.
func (q *postgresQuery) add(part string, arguments ...int64) {
	for _, argument := range arguments {
		q.arguments = append(q.arguments, argument)
		part = strings.Replace(part, "?", "$"+strconv.Itoa(len(q.arguments)), 1)
	}
	q.text += part
}

// within selects the ids of r.
func (q *postgresQuery) within(r *idRange) {
	customer, number := int64(r.first>>32), int64(uint32(r.first))
	last, lastNumber := int64(r.last>>32), int64(uint32(r.last))
	if customer == last {
		q.add("\nWHERE t.customer = ? AND t.number BETWEEN ? AND ?", customer, number, lastNumber)
		return
	}
	q.add("\nWHERE (t.customer, t.number) >= (?, ?) AND (t.customer, t.number) <= (?, ?)", customer, number, last, lastNumber)
}

// filter selects what executions and orders have in common.
func (q *postgresQuery) filter(f *Filter) {
	if f.ByInstrument {
		q.add(" AND t.instrument = ?", int64(f.Instrument))
	}
	if f.Side != 0 {
		q.add(" AND t.side = ?", int64(f.Side))
	}
	if f.From != 0 {
		q.add(" AND t.time >= ?", f.From)
	}
	if f.To != 0 {
		q.add(" AND t.time < ?", f.To)
	}
}

// order sets the order of the rows, and how many there are at most.
func (q *postgresQuery) order(r *idRange, size int) {
	if r.down {
		q.add("\nORDER BY t.customer DESC, t.number DESC LIMIT ?", int64(size))
		return
	}
	q.add("\nORDER BY t.customer, t.number LIMIT ?", int64(size))
}

func rowID(customer, number int64) uint64 { return uint64(customer)<<32 | uint64(number) }

func scanPostgresExecution(row pgx.Rows, e *Execution) (id uint64, err error) {
	var customer, number, orderID, event, instrument, corrects, place int64
	var side int16
	var name string
	var reason *string
	var bustTime, by *int64
	err = row.Scan(&customer, &number, &orderID, &event, &name, &instrument, &side, &e.Quantity,
		&e.Price, &e.Cost, &e.Time, &e.Fee, &e.Settlement, &corrects, &place, &e.FeeInCost, &e.Simple, &reason, &bustTime, &by)
	if err != nil {
		return 0, err
	}
	e.ID, e.OrderID, e.Event = rowID(customer, number), uint64(orderID), uint64(event)
	e.Instrument, e.Corrects, e.Place, e.Side = uint32(instrument), uint32(corrects), uint32(place), uint8(side)
	if copy(e.ClientOrderID[:], name) < len(name) || (e.Side != Buy && e.Side != Sell) {
		return 0, fmt.Errorf("%w: execution %d", ErrDamaged, e.ID)
	}
	if reason != nil {
		e.Busted, e.BustReason, e.BustTime, e.CorrectedBy = true, *reason, *bustTime, uint64(*by)
	}
	return e.ID, nil
}

func scanPostgresOrder(row pgx.Rows, o *Order) (id uint64, err error) {
	var customer, number, event, firstEvent, lastPlacingEvent, instrument, priority int64
	var side, kind, timeInForce, status, cause int16
	var name, placedAs string
	err = row.Scan(&customer, &number, &event, &firstEvent, &lastPlacingEvent, &name, &placedAs,
		&instrument, &side, &kind, &timeInForce, &status, &cause, &o.Triggered, &o.Held, &o.Quantity, &o.Filled, &o.FilledValue,
		&o.Price, &o.Stop, &priority, &o.Time, &o.Expires, &o.Updated, &o.PlacedQuantity)
	if err != nil {
		return 0, err
	}
	o.ID, o.Event, o.FirstEvent = rowID(customer, number), uint64(event), uint64(firstEvent)
	o.LastPlacingEvent, o.Priority, o.Instrument = uint64(lastPlacingEvent), uint64(priority), uint32(instrument)
	o.Side, o.Type, o.TimeInForce, o.Status, o.Cause = uint8(side), uint8(kind), uint8(timeInForce), uint8(status), uint8(cause)
	if copy(o.ClientOrderID[:], name) < len(name) || copy(o.PlacedAs[:], placedAs) < len(placedAs) {
		return 0, fmt.Errorf("%w: order %d", ErrDamaged, o.ID)
	}
	return o.ID, nil
}
