package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// postgresChunk is how many orders one statement writes.
const postgresChunk = 16_384

// write commits a transaction. If the outcome of the commit is uncertain, it finds out.
func (p *postgres) write(ctx context.Context, t *transaction) error {
	if err := p.lock(ctx); err != nil {
		return err
	}
	defer p.unlock()
	before := p.last
	if err := p.makeCertain(ctx); err != nil {
		return err
	}
	next := before
	if t.batch != 0 {
		next = progress{batch: t.batch, checksum: t.checksum, stored: true}
	}
	switch {
	case p.last != before:
		return fmt.Errorf("%w: it was at batch %d and is at %d: read the progress again", ErrUnavailable, before.batch, p.last.batch)
	case t.batch != 0 && t.batch <= before.batch:
		p.uncertain.Store(true) // the caller has read an earlier one
		return fmt.Errorf("%w: %d after %d", ErrOrder, next.batch, before.batch)
	}
	p.remember(next)
	err := p.transact(ctx, func(ctx context.Context, tx pgx.Tx) error { return p.put(ctx, tx, t, next) })
	if err == nil {
		p.last = next
		return nil
	}
	p.uncertain.Store(true)
	if next == before || !errors.Is(err, ErrUnavailable) {
		return err
	}
	if p.makeCertain(ctx) == nil && p.last == next {
		return nil
	}
	return err
}

// remember adds a progress that the database may have from now on.
func (p *postgres) remember(next progress) {
	if len(p.recent) == postgresRecent {
		p.recent = slices.Delete(p.recent, 0, postgresRecent/2)
	}
	p.recent = append(p.recent, next)
}

// put writes everything in a transaction, the progress first: this locks its row.
func (p *postgres) put(ctx context.Context, tx pgx.Tx, t *transaction, next progress) error {
	done, err := tx.Exec(ctx, p.schema.sql(postgresAdvance), p.last.batch, p.last.sum(), next.batch, next.sum())
	if err != nil {
		return err
	}
	if done.RowsAffected() != 1 {
		return fmt.Errorf("%w: its progress is not batch %d any more", ErrUnavailable, p.last.batch)
	}
	if err := p.putFills(ctx, tx, t); err != nil {
		return err
	}
	if err := p.putBusts(ctx, tx, t.busts); err != nil {
		return err
	}
	if err := p.putAudits(ctx, tx, t.audits); err != nil {
		return err
	}
	return p.putOrders(ctx, tx, t)
}

// sum returns the checksum, nil if no batch was committed.
func (p progress) sum() *int64 {
	if !p.stored {
		return nil
	}
	sum := int64(p.checksum)
	return &sum
}

// nameInstruments changes only what is new, so that it seldom writes.
func (p *postgres) nameInstruments(ctx context.Context, first uint32, symbols func() []string) error {
	names := symbols()
	numbers := make([]int64, len(names))
	for i := range numbers {
		numbers[i] = int64(first) + int64(i)
	}
	return p.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, p.schema.sql(postgresInstruments), numbers, names)
		return err
	})
}

func (p *postgres) putFills(ctx context.Context, tx pgx.Tx, t *transaction) error {
	if t.count == 0 {
		return nil
	}
	next, stop := iter.Pull(func(yield func([]Fill) bool) {
		_ = t.eachCustomer(func(fills []Fill, _ []Order) error {
			if !yield(fills) {
				return errEnough
			}
			return nil
		})
	})
	defer stop()
	rows := &fillRows{more: next}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{string(p.schema), "execution"}, []string{
		"customer", "number", "order_id", "event", "client_order_id", "instrument", "side", "quantity", "price", "cost",
		"time", "fee", "settlement", "corrects", "place", "fee_in_cost", "simple",
	}, rows)
	if rows.err != nil { // the server's error has only the text of this
		return rows.err
	}
	return err
}

// fillRows are the executions for COPY.
type fillRows struct {
	more   func() ([]Fill, bool) // of the next customer
	fills  []Fill
	values [17]any
	err    error
}

func (r *fillRows) Next() bool {
	if len(r.fills) > 0 {
		r.fills = r.fills[1:]
	}
	for len(r.fills) == 0 {
		fills, more := r.more()
		if !more {
			return false
		}
		r.fills = fills
	}
	return true
}

func (r *fillRows) Values() ([]any, error) {
	f := &r.fills[0]
	name, err := postgresName(&f.ClientOrderID)
	r.err = err
	return append(r.values[:0],
		int64(f.ID>>32), int64(uint32(f.ID)), int64(f.OrderID), int64(f.Event), name, int64(f.Instrument), int16(f.Side),
		f.Quantity, f.Price, f.Cost, f.Time, f.Fee, f.Settlement, int64(f.Corrects), int64(f.Place), f.FeeInCost, f.Simple), err
}

func (r *fillRows) Err() error { return nil }

// postgresName returns a client order id as text. The ledger accepts only UTF-8 without a zero
// byte, as PostgreSQL does.
func postgresName(id *[ClientOrderIDSize]byte) (string, error) {
	name := trimmed(id)
	if !utf8.Valid(name) {
		return "", fmt.Errorf("%w: client order id %q is not UTF-8", ErrInvalid, name)
	}
	return string(name), nil
}

func (p *postgres) putBusts(ctx context.Context, tx pgx.Tx, busts []bustRow) error {
	if len(busts) == 0 {
		return nil
	}
	var t columnTable
	for i := range busts {
		b := &busts[i]
		t.add([]int64{int64(b.execution >> 32), int64(uint32(b.execution)), b.time, int64(b.by)}, []string{postgresText(b.reason)}, nil)
	}
	return t.insert(ctx, tx, p.schema.sql(insertBusts))
}

// postgresText returns a text as PostgreSQL can have it: UTF-8 without a zero byte.
func postgresText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

func (p *postgres) putAudits(ctx context.Context, tx pgx.Tx, audits []Audit) error {
	if len(audits) == 0 {
		return nil
	}
	var t columnTable
	for i := range audits {
		a := &audits[i]
		texts := []string{a.Name, a.Address, a.Command, a.Text, a.Result, a.Message}
		for n := range texts {
			texts[n] = postgresText(texts[n])
		}
		t.add([]int64{int64(a.Number), a.Time, int64(a.Customer), int64(a.Session), int64(a.Unlisted)}, texts, nil)
	}
	return t.insert(ctx, tx, p.schema.sql(insertAudits))
}

func (p *postgres) putOrders(ctx context.Context, tx pgx.Tx, t *transaction) error {
	var table columnTable
	err := t.eachCustomer(func(_ []Fill, orders []Order) error {
		for i := range orders {
			if err := table.addOrder(&orders[i]); err != nil {
				return err
			}
		}
		if table.rows < postgresChunk {
			return nil
		}
		return table.insert(ctx, tx, p.schema.sql(insertOrders))
	})
	if err != nil || table.rows == 0 {
		return err
	}
	return table.insert(ctx, tx, p.schema.sql(insertOrders))
}

func (t *columnTable) addOrder(o *Order) error {
	name, err := postgresName(&o.ClientOrderID)
	if err != nil {
		return err
	}
	placedAs, err := postgresName(&o.PlacedAs)
	if err != nil {
		return err
	}
	t.add([]int64{
		int64(o.ID >> 32), int64(uint32(o.ID)), int64(o.Event), int64(o.FirstEvent), int64(o.LastPlacingEvent),
		int64(o.Instrument), int64(o.Side), int64(o.Type), int64(o.TimeInForce), int64(o.Status), int64(o.Cause),
		o.Quantity, o.Filled, o.FilledValue, o.Price, o.Stop, int64(o.Priority), o.Time, o.Expires, o.Updated, o.PlacedQuantity,
	}, []string{name, placedAs}, []bool{o.Triggered, o.Held})
	return nil
}

// Numbers come first, then texts, then flags, as in columnTable. A row of an order
// retains its first_event, last_placing_event, placed_as and placed_quantity.
var (
	insertBusts  = unnested("bust", 4, 1, 0, "customer, number, time, corrected_by, reason") + " ON CONFLICT DO NOTHING"
	insertAudits = unnested("audit", 5, 6, 0, `number, time, customer, session, unlisted,
	name, address, command, text, result, message`) + " ON CONFLICT DO NOTHING"
	insertOrders = unnested("orders", 21, 2, 2, `customer, number, event, first_event, last_placing_event,
	instrument, side, type, time_in_force, status, cause,
	quantity, filled, filled_value, price, stop, priority, time, expires, updated, placed_quantity,
	client_order_id, placed_as, triggered, held`) + `
ON CONFLICT (customer, number) DO UPDATE SET event = excluded.event,
	instrument = excluded.instrument, side = excluded.side, type = excluded.type, time_in_force = excluded.time_in_force,
	status = excluded.status, cause = excluded.cause, quantity = excluded.quantity, filled = excluded.filled,
	filled_value = excluded.filled_value, price = excluded.price, stop = excluded.stop, priority = excluded.priority,
	time = excluded.time, expires = excluded.expires, updated = excluded.updated,
	client_order_id = excluded.client_order_id, triggered = excluded.triggered, held = excluded.held`
)

// unnested returns a statement that inserts many rows. Each argument is an array with a column.
func unnested(table string, numbers, texts, flags int, columns string) string {
	var arrays []string
	for _, kind := range []struct {
		name  string
		count int
	}{{"bigint", numbers}, {"text", texts}, {"boolean", flags}} {
		for range kind.count {
			arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+1, kind.name))
		}
	}
	return "INSERT INTO {schema}." + table + " (" + columns + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")"
}

// columnTable has rows, column by column.
type columnTable struct {
	rows    int
	numbers [][]int64
	texts   [][]string
	flags   [][]bool
}

// add adds a row. All rows have the same columns.
func (t *columnTable) add(numbers []int64, texts []string, flags []bool) {
	t.rows++
	t.numbers = addRow(t.numbers, numbers)
	t.texts = addRow(t.texts, texts)
	t.flags = addRow(t.flags, flags)
}

func addRow[T any](columns [][]T, row []T) [][]T {
	if columns == nil {
		columns = make([][]T, len(row))
	}
	for i, v := range row {
		columns[i] = append(columns[i], v)
	}
	return columns
}

// insert executes a statement of unnested with the rows, and removes them from t.
func (t *columnTable) insert(ctx context.Context, tx pgx.Tx, statement string) error {
	var arguments []any
	for i, c := range t.numbers {
		arguments = append(arguments, c)
		t.numbers[i] = c[:0]
	}
	for i, c := range t.texts {
		arguments = append(arguments, c)
		t.texts[i] = c[:0]
	}
	for i, c := range t.flags {
		arguments = append(arguments, c)
		t.flags[i] = c[:0]
	}
	t.rows = 0
	_, err := tx.Exec(ctx, statement, arguments...)
	return err
}
