package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// openBytes is the size of a chunk up to which executions are appended to it. Each time,
	// it is written again.
	openBytes = 1024
	// fullBytes is the size from which on the next execution begins a new chunk.
	fullBytes = 3800
	// yieldCustomers is after how many customers the writer yields. On one core it would
	// otherwise delay an event loop by a full time slice.
	yieldCustomers = 8
	// lockPoll is the time between two attempts to lock the file.
	lockPoll = 5 * time.Millisecond
	// yieldOrders is the same for orders.
	yieldOrders = 16
)

// writer is the only connection that writes.
//
// Owner: the goroutine that has the token of Store.writing.
type writer struct {
	conn  *sqlite.Conn
	wait  time.Duration // for the lock of another process
	space scratch
	chunk chunk  // memory of the one that is written
	fills []Fill // memory of the one that is continued

	begin, commit, rollback *sqlite.Stmt
	newest, setChunk        *sqlite.Stmt
	bust                    *sqlite.Stmt
	setOrder, order         *sqlite.Stmt
	audit                   *sqlite.Stmt
	setMeta                 *sqlite.Stmt
}

// writerPragmas returns the settings of the connection. SQLite applies them only outside
// of a transaction. With a WAL, "normal" means no fsync per transaction and two per
// checkpoint; "full" means one more per transaction.
//
// A checkpoint starts at 256 KiB: its fsyncs wait for everything written since the last
// checkpoint, and the fsyncs of the journal wait for them. If only this file is synced, a
// checkpoint at 16 MiB is cheaper in total. After it the WAL is truncated to 64 MiB.
func writerPragmas(durable bool) []string {
	synchronous, checkpoint := "synchronous = normal", "wal_autocheckpoint = 64"
	if durable {
		synchronous, checkpoint = "synchronous = full", "wal_autocheckpoint = 4096"
	}
	return []string{
		"page_size = 4096",
		"journal_mode = wal",
		synchronous,
		checkpoint,
		"journal_size_limit = 67108864",
		"cache_size = -16384",
		"temp_store = memory",
	}
}

func openWriter(ctx context.Context, o Options) (*writer, error) {
	conn, err := sqlite.OpenConn(o.Path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, damage(err)
	}
	w := &writer{conn: conn, wait: o.lockedAfter}
	conn.SetBusyTimeout(o.lockedAfter)
	if err := w.setUp(ctx, o); err != nil {
		return nil, errors.Join(cause(ctx, unreadable(err)), conn.Close())
	}
	conn.SetBusyTimeout(0) // lock waits itself
	return w, nil
}

func (w *writer) setUp(ctx context.Context, o Options) error {
	w.conn.SetInterrupt(ctx.Done())
	defer w.conn.SetInterrupt(nil)
	if err := setPragmas(w.conn, writerPragmas(o.Durable)); err != nil {
		return err
	}
	created, err := create(w.conn)
	if err != nil {
		return err
	}
	if created {
		o.Log.Info("new history", "path", o.Path)
		if o.Durable {
			if err := growFiles(w.conn); err != nil {
				return err
			}
		}
	}
	return w.prepare()
}

// growFiles makes the database and its WAL as large as they are after some use. A durable
// transaction that makes a file longer waits about twice as long for the disk as one that
// overwrites existing bytes.
func growFiles(c *sqlite.Conn) error {
	for _, query := range []string{
		"CREATE TABLE filler (bytes BLOB)",
		"INSERT INTO filler VALUES (zeroblob(16777216))",
		"DROP TABLE filler",
		"PRAGMA wal_checkpoint(restart)",
	} {
		if err := sqlitex.ExecuteTransient(c, query, nil); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}

// unreadable adds ErrDamaged to errors without an SQLite code: the file has another format,
// or a table differs from the schema.
func unreadable(err error) error {
	if sqlite.ErrCode(err) == sqlite.ResultError && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func setPragmas(c *sqlite.Conn, pragmas []string) error {
	for _, p := range pragmas {
		if err := sqlitex.ExecuteTransient(c, "PRAGMA "+p, nil); err != nil {
			return fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return nil
}

func (w *writer) prepare() error {
	for _, p := range []struct {
		to    **sqlite.Stmt
		query string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.newest, newestChunk},
		{&w.setChunk, "REPLACE INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.bust, "INSERT INTO bust VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.setOrder, "REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.order, ordersDown},
		{&w.audit, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.setMeta, "INSERT INTO meta VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum"},
	} {
		stmt, err := w.conn.Prepare(p.query)
		if err != nil {
			return err
		}
		*p.to = stmt
	}
	return nil
}

func (b *sqliteBackend) write(ctx context.Context, t *transaction) error {
	w := b.writer
	if err := w.lock(ctx); err != nil {
		return b.damaged.set(cause(ctx, err))
	}
	w.conn.SetInterrupt(ctx.Done())
	err := w.put(t)
	w.conn.SetInterrupt(nil)
	if err == nil {
		return nil
	}
	err = b.damaged.set(cause(ctx, err))
	if !w.conn.AutocommitEnabled() { // else SQLite has already rolled back
		err = errors.Join(err, run(w.rollback))
	}
	return err
}

// nameInstruments implements backend: there are no views with names here.
func (b *sqliteBackend) nameInstruments(context.Context, uint32, func() []string) error { return nil }

// lock begins a transaction of SQLite. It waits for another process until ctx ends or for some
// time.
func (w *writer) lock(ctx context.Context) error {
	for since := time.Now(); ; {
		err := run(w.begin)
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy || time.Since(since) >= w.wait {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lockPoll):
		}
	}
}

// put writes t and ends the transaction. After an error it may be open.
func (w *writer) put(t *transaction) error {
	n := 0
	err := t.eachCustomer(func(fills []Fill, orders []Order) error {
		if n++; n%yieldCustomers == 0 {
			runtime.Gosched()
		}
		if err := w.putFills(fills); err != nil {
			return err
		}
		return w.putOrders(orders)
	})
	if err != nil {
		return err
	}
	for i := range t.busts {
		if err := w.putBust(&t.busts[i]); err != nil {
			return err
		}
	}
	for i := range t.audits {
		if err := w.putAudit(&t.audits[i]); err != nil {
			return err
		}
	}
	if t.batch != 0 {
		if err := errors.Join(w.putNumber(keyProgress, t.batch), w.putNumber(keyChecksum, uint64(t.checksum))); err != nil {
			return err
		}
	}
	return run(w.commit)
}

// putFills writes executions of one customer, in the order of their ids. They follow those that are
// there without a gap.
func (w *writer) putFills(fills []Fill) error {
	if len(fills) == 0 {
		return nil
	}
	c := &w.chunk
	before, found, err := w.continueChunk(fills[0].ID)
	if err != nil {
		return err
	}
	if !found {
		*c = chunk{blob: c.blob[:0]}
	} else if len(c.blob) >= openBytes {
		*c = chunk{blob: c.blob[:0], previous: uint32(c.last)}
	}
	for i := range fills {
		f := &fills[i]
		if found && f.ID <= before.ID {
			return fmt.Errorf("%w: %d", ErrDuplicate, f.ID)
		}
		if found && f.ID > before.ID+1 || !found && uint32(f.ID) > 1 { // a chunk was lost
			return fmt.Errorf("%w: the executions before %d are missing", ErrDamaged, f.ID)
		}
		if len(c.blob) >= fullBytes {
			if err := w.putChunk(); err != nil {
				return err
			}
			*c = chunk{blob: c.blob[:0], previous: uint32(c.last)}
		}
		if len(c.blob) == 0 {
			before = Fill{ID: f.ID, OrderID: f.ID}
		}
		c.append(f, &before)
		before, found = *f, true
	}
	return w.putChunk()
}

// continueChunk reads the newest chunk of the customer with this id, and returns the last
// execution in it.
func (w *writer) continueChunk(id uint64) (last Fill, found bool, err error) {
	lowest, highest := numbers(uint32(id >> 32))
	s := w.newest
	s.BindInt64(1, int64(lowest))
	s.BindInt64(2, int64(highest))
	err = each(s, func(row *sqlite.Stmt) error {
		found = true
		if err := w.chunk.scan(row, &w.space); err != nil {
			return err
		}
		if err := w.chunk.scanBlob(row); err != nil {
			return err
		}
		w.fills, err = w.chunk.fills(w.fills[:0])
		if err == nil {
			last = w.fills[len(w.fills)-1]
		}
		return err
	})
	return last, found, err
}

func (w *writer) putChunk() error {
	c, s := &w.chunk, w.setChunk
	c.blobSum = checksum(c.blob)
	for i, n := range [...]int64{
		int64(c.first), int64(c.last), int64(c.previous), c.from, c.to, int64(c.blobSum), int64(c.checksum(&w.space)),
	} {
		s.BindInt64(i+1, n)
	}
	s.BindBytes(8, c.blob)
	return run(s)
}

func (w *writer) putBust(b *bustRow) error {
	w.bust.BindInt64(1, int64(b.execution))
	w.bust.BindText(2, b.reason)
	w.bust.BindInt64(3, b.time)
	w.bust.BindInt64(4, int64(b.checksum()))
	w.bust.BindNull(5)
	if b.by != 0 {
		w.bust.BindInt64(5, int64(b.by))
	}
	return run(w.bust)
}

func (w *writer) putAudit(a *Audit) error {
	s := w.audit
	for i, n := range map[int]int64{
		1: int64(a.Number), 2: a.Time, 3: int64(a.Customer), 5: int64(a.Session), 11: int64(a.Unlisted), 12: int64(a.checksum()),
	} {
		s.BindInt64(i, n)
	}
	for i, text := range map[int]string{4: a.Name, 6: a.Address, 7: a.Command, 8: a.Text, 9: a.Result, 10: a.Message} {
		s.BindText(i, text)
	}
	return run(s)
}

// putOrders writes orders of one customer, in the order of their ids.
func (w *writer) putOrders(orders []Order) error {
	for i := range orders {
		if i%yieldOrders == yieldOrders-1 {
			runtime.Gosched()
		}
		o := &orders[i]
		row, found, err := w.findOrder(o.ID)
		if err != nil {
			return err
		}
		if found {
			o.setPlaced(&row)
		}
		if err := w.putOrder(o); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) putOrder(o *Order) error {
	s := w.setOrder
	for i, n := range [...]int64{
		int64(o.ID), int64(o.Event), int64(o.FirstEvent), int64(o.LastPlacingEvent), 0, int64(o.Instrument),
		int64(o.Side), int64(o.Type), int64(o.TimeInForce), int64(o.Status), int64(o.Cause), int64(bit(o.Triggered)),
		int64(bit(o.Held)), o.Quantity, o.Filled, o.FilledValue, o.Price, o.Stop, int64(o.Priority), o.Time,
		o.Expires, o.Updated, 0, int64(o.checksum(&w.space)), o.PlacedQuantity,
	} {
		s.BindInt64(i+1, n)
	}
	s.BindBytes(5, trimmed(&o.ClientOrderID))
	s.BindBytes(23, trimmed(&o.PlacedAs))
	return run(s)
}

// findOrder returns the row of an order, if there is one.
func (w *writer) findOrder(id uint64) (o Order, found bool, err error) {
	bindRange(w.order, id, id)
	err = each(w.order, func(row *sqlite.Stmt) error {
		o, err = scanOrder(row, &w.space)
		found = true
		return err
	})
	return o, found, err
}

func (w *writer) putNumber(key string, n uint64) error {
	value := strconv.FormatUint(n, 10)
	w.setMeta.BindText(1, key)
	w.setMeta.BindText(2, value)
	w.setMeta.BindInt64(3, metaChecksum(key, value))
	return run(w.setMeta)
}

// run executes a statement that returns no rows. If Step fails, it has already reset the
// statement.
func run(s *sqlite.Stmt) error {
	if _, err := s.Step(); err != nil {
		return err
	}
	return s.Reset()
}
