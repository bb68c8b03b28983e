package history

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// writer is the only connection that writes.
//
// Owner: the goroutine that has the token of Store.writing.
type writer struct {
	conn     *sqlite.Conn
	open     bool // a transaction is open
	progress uint64
	pending  pending
	space    scratch

	begin, commit, rollback *sqlite.Stmt
	insertPlain, insert     *sqlite.Stmt
	bust, exists            *sqlite.Stmt
	setOrder, order         *sqlite.Stmt
	setMeta, setState       *sqlite.Stmt
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
	w := &writer{conn: conn, pending: pending{limit: maxPending}}
	if err := w.setUp(ctx, o); err != nil {
		return nil, errors.Join(cause(ctx, unreadable(err)), conn.Close())
	}
	return w, nil
}

func (w *writer) setUp(ctx context.Context, o Options) error {
	w.conn.SetInterrupt(ctx.Done())
	defer w.conn.SetInterrupt(nil)
	if err := setPragmas(w.conn, writerPragmas(o.Durable)); err != nil {
		return err
	}
	before, err := migrate(w.conn)
	if err != nil {
		return err
	}
	switch before {
	case 0:
		o.Log.Info("new history", "path", o.Path)
		if o.Durable {
			if err := growFiles(w.conn); err != nil {
				return err
			}
		}
	case 1:
		o.Log.Info("history brought to the new schema", "path", o.Path, "before", before, "now", schemaVersion)
	}
	if err := w.prepare(); err != nil {
		return err
	}
	w.progress, err = readNumber(w.conn, keyProgress, 0)
	return err
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

// plainColumns are the columns of a plain execution; the others are then NULL.
const plainColumns = "id, order_id, event, client_order_id, instrument, quantity, price, cost, time, checksum"

func (w *writer) prepare() error {
	for _, p := range []struct {
		to    **sqlite.Stmt
		query string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.insertPlain, "INSERT INTO execution (" + plainColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.insert, "INSERT INTO execution VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.bust, "INSERT INTO bust VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.exists, "SELECT EXISTS (SELECT 1 FROM execution WHERE id = ?)"},
		{&w.setOrder, "REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.order, ordersQuery},
		{&w.setMeta, "INSERT INTO meta VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum"},
		{&w.setState, "INSERT INTO snapshot VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, checksum = excluded.checksum"},
	} {
		stmt, err := w.conn.Prepare(p.query)
		if err != nil {
			return err
		}
		*p.to = stmt
	}
	return nil
}

// run executes a statement that returns no rows. If Step fails, it has already reset the
// statement.
func run(s *sqlite.Stmt) error {
	if _, err := s.Step(); err != nil {
		return err
	}
	return s.Reset()
}
