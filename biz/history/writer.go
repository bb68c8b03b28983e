package history

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// writer is the one connection that writes.
//
// Owner: who holds the turn of the Store.
type writer struct {
	conn     *sqlite.Conn
	open     bool // a transaction is
	progress uint64
	pending  pending
	space    [fillBytes]byte

	begin, commit, rollback *sqlite.Stmt
	insert, bust, exists    *sqlite.Stmt
	setMeta, setState       *sqlite.Stmt
}

// writerPragmas are set outside of a transaction, where SQLite heeds them. In
// the WAL, normal means no fsync per transaction but two for a checkpoint, and
// full one for each.
//
// A checkpoint is due at 256 KiB: its fsyncs wait for what was written since the
// last, and those of the journal wait behind them. One of 16 MiB, where nothing but
// this file is synced, costs less in all. The WAL is cut to 64 MiB after it.
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
	created, err := migrate(w.conn)
	if err != nil {
		return err
	}
	if created {
		o.Log.Info("new history", "path", o.Path)
	}
	if created && o.Durable {
		if err := growFiles(w.conn); err != nil {
			return err
		}
	}
	if err := w.prepare(); err != nil {
		return err
	}
	w.progress, err = readNumber(w.conn, keyProgress, 0)
	return err
}

// growFiles makes the database and its WAL as large as they are after some use.
// A durable transaction that makes a file longer waits about twice as long for the
// disk as one that writes over what is there.
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

// unreadable marks the errors that SQLite has no code for: a format of the file
// or a table that is not as we make it.
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
		{&w.insert, "INSERT INTO execution VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.bust, "INSERT INTO bust VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.exists, "SELECT EXISTS (SELECT 1 FROM execution WHERE id = ?)"},
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

func (w *writer) close() error { return w.conn.Close() }

// run executes a statement that returns no rows. Step has reset a statement that
// failed.
func run(s *sqlite.Stmt) error {
	if _, err := s.Step(); err != nil {
		return err
	}
	return s.Reset()
}
