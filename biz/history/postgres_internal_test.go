package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/biz/history/postgrestest"
)

const executionsInBatch = 50

// openBackend opens a history in a PostgreSQL database.
func openBackend(t *testing.T, url string) *postgres {
	t.Helper()
	b, err := openPostgres(t.Context(), Options{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.close() })
	return b.(*postgres)
}

// batchOf returns a transaction with executions and an order of one customer; each batch has the
// numbers after those of the batch before.
func batchOf(batch uint64) *transaction {
	tx := &transaction{batch: batch, checksum: uint32(batch) * 7}
	for n := range uint64(executionsInBatch) {
		id := 7<<32 | ((batch-1)*executionsInBatch + n + 1)
		tx.addFill(&Fill{ID: id, OrderID: id, Event: id & 0xFFFFFFFF, Side: Buy, Quantity: 100, Price: 12_5000, Time: int64(batch) * 1e9})
	}
	tx.addOrder(&Order{ID: 7<<32 | batch, Event: batch, FirstEvent: batch, LastPlacingEvent: batch, Side: Sell, Quantity: 10, Status: 2})
	tx.addOrder(&Order{ID: 7<<32 | 1, Event: batch, FirstEvent: batch, LastPlacingEvent: batch, Side: Sell, Quantity: 10, Status: 2})
	return tx
}

func progressOf(t *testing.T, b backend) progress {
	t.Helper()
	var got progress
	err := b.read(t.Context(), func(v view) (err error) {
		got, err = v.progress()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// checkBatches fails unless the history has exactly the rows of these batches.
func checkBatches(t *testing.T, b backend, batches uint64) {
	t.Helper()
	if got := progressOf(t, b); got.batch != batches {
		t.Fatalf("progress %+v, want batch %d", got, batches)
	}
	var executions, orders uint64
	err := b.read(t.Context(), func(v view) error {
		r := idRange{first: 7 << 32, last: 7<<32 | 0xFFFFFFFF}
		if _, err := v.executions(r, func(e *Execution) error {
			executions++
			if e.ID != 7<<32|executions {
				return fmt.Errorf("execution %x instead of %d", e.ID, executions)
			}
			return nil
		}); err != nil {
			return err
		}
		_, err := v.orders(r, func(o *Order) error {
			orders++
			if o.ID != 7<<32|orders || o.FirstEvent != orders {
				return fmt.Errorf("order %+v instead of %d", o, orders)
			}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if executions != batches*executionsInBatch || orders != batches {
		t.Fatalf("%d executions and %d orders of %d batches", executions, orders, batches)
	}
}

func execSQL(t *testing.T, database *postgrestest.Database, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := database.Query(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// The database stops while a projector writes and queries read, six times, and comes back. Both get
// ErrUnavailable meanwhile; afterwards nothing is missing or there twice.
func TestPostgresKilledUnderLoad(t *testing.T) {
	server := postgrestest.Run(t)
	b := openBackend(t, server.URL("postgres"))
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	written := make(chan struct{}, 1)
	work.Go(func() { projectUntil(ctx, t, b, written) })
	work.Go(func() {
		for ctx.Err() == nil {
			err := b.read(ctx, func(v view) error {
				_, err := v.executions(idRange{first: 7 << 32, last: 7<<32 | 0xFFFFFFFF, down: true, limit: 100}, func(*Execution) error { return nil })
				return err
			})
			if err != nil && ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
				t.Errorf("read: %v", err)
				return
			}
		}
	})
	for round := range 6 {
		for range 3 + round*3 {
			<-written
		}
		stop := server.Kill
		if round%3 == 0 {
			stop = server.Stop
		}
		if err := errors.Join(stop(ctx), server.Start(ctx)); err != nil {
			t.Error(err)
			break
		}
	}
	<-written
	cancel()
	work.Wait()
	last := progressOf(t, b)
	checkBatches(t, b, last.batch)
	t.Log("batches:", last.batch)
}

// projectUntil writes batch after batch, from where the history is, as the desk does.
func projectUntil(ctx context.Context, t *testing.T, b backend, written chan<- struct{}) {
	for ctx.Err() == nil {
		var from progress
		err := b.read(ctx, func(v view) (err error) {
			from, err = v.progress()
			return err
		})
		for n := from.batch + 1; err == nil; n++ {
			if err = b.write(ctx, batchOf(n)); err == nil {
				select {
				case written <- struct{}{}:
				case <-ctx.Done():
				}
			}
		}
		if ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("write: %v", err)
			close(written)
			return
		}
	}
}

// cutter is a proxy before the server. It can cut all connections at the COMMIT of a transaction: the
// server commits, or not, and the client does not get the answer.
type cutter struct {
	url    string
	mu     sync.Mutex
	cut    string // "", "before" or "after" the server has the COMMIT
	closed sync.WaitGroup
}

func newCutter(t *testing.T, database *postgrestest.Database) *cutter {
	t.Helper()
	folder := t.TempDir()
	to := database.URL()
	config, err := pgx.ParseConfig(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{url: strings.ReplaceAll(to, strings.ReplaceAll(config.Host, "/", "%2F"), strings.ReplaceAll(folder, "/", "%2F"))}
	c.closed.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.closed.Go(func() { c.forward(client, filepath.Join(config.Host, ".s.PGSQL.5432")) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.closed.Wait()
	})
	return c
}

func (c *cutter) forward(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	c.closed.Go(func() {
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		cut := ""
		if strings.Contains(string(buffer[:n]), "commit\x00") {
			c.mu.Lock()
			cut, c.cut = c.cut, ""
			c.mu.Unlock()
		}
		if cut == "before" {
			return
		}
		if cut == "after" {
			client.Close()
			_, _ = server.Write(buffer[:n])
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *cutter) set(when string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = when
}

// A connection that is lost at the commit: write finds out whether the server has committed.
func TestPostgresUncertainCommit(t *testing.T) {
	database := postgrestest.New(t)
	c := newCutter(t, database)
	b := openBackend(t, c.url)
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	c.set("after")
	if err := b.write(t.Context(), batchOf(2)); err != nil {
		t.Fatalf("%v after a commit that succeeded", err)
	}
	c.set("before")
	if err := b.write(t.Context(), batchOf(3)); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("%v after a commit that was lost, want ErrUnavailable", err)
	}
	checkBatches(t, b, 2)
	if err := b.write(t.Context(), batchOf(3)); err != nil {
		t.Fatal(err)
	}
	checkBatches(t, b, 3)
}

// A commit that the server still executes counts: the progress waits for it.
func TestPostgresLateCommit(t *testing.T) {
	database := postgrestest.New(t)
	b := openBackend(t, database.URL())
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	// Another connection has the transaction of batch 2, as if the store's was lost.
	late, err := pgx.Connect(t.Context(), database.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close(context.Background())
	tx, err := late.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := batchOf(2)
	next := progress{batch: 2, checksum: second.checksum, stored: true}
	if err := b.put(t.Context(), tx, second, next); err != nil {
		t.Fatal(err)
	}
	b.remember(next)
	b.uncertain.Store(true)
	var got progress
	var reading sync.WaitGroup
	reading.Go(func() {
		err := b.read(t.Context(), func(v view) (err error) {
			got, err = v.progress()
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	waitUntilBlocked(t, database)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	reading.Wait()
	if got != next {
		t.Fatalf("progress %+v, want %+v", got, next)
	}
	checkBatches(t, b, 2)
}

// waitUntilBlocked waits until a session waits for the lock of another one.
func waitUntilBlocked(t *testing.T, database *postgrestest.Database) {
	t.Helper()
	for blocked := "0"; blocked == "0"; {
		var err error
		if blocked, err = database.Query(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"); err != nil {
			t.Fatal(err)
		}
	}
}

// Two servers with one database: the second one that writes is refused, and nothing of it is there.
func TestPostgresTaken(t *testing.T) {
	database := postgrestest.New(t)
	first, second := openBackend(t, database.URL()), openBackend(t, database.URL())
	if err := first.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	other := batchOf(1)
	other.checksum++
	if err := second.write(t.Context(), other); err == nil {
		t.Fatal("two servers have written batch 1")
	}
	err := second.read(t.Context(), func(v view) error { return nil })
	if !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "search_path") {
		t.Fatalf("%v, want ErrTaken with what to do", err)
	}
	if err := second.write(t.Context(), batchOf(2)); !errors.Is(err, ErrTaken) {
		t.Fatalf("%v, want ErrTaken again", err)
	}
	if err := second.recreate(t.Context()); !errors.Is(err, ErrTaken) {
		t.Fatalf("%v: another server's rows were removed", err)
	}
	if err := first.write(t.Context(), batchOf(2)); err != nil {
		t.Fatal(err)
	}
	checkBatches(t, first, 2)
}

// A database that lost its last transactions (a crash without synchronous_commit, a standby that took over)
// is filled again from where it is.
func TestPostgresWentBack(t *testing.T) {
	database := postgrestest.New(t)
	b := openBackend(t, database.URL())
	for n := range uint64(5) {
		if err := b.write(t.Context(), batchOf(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	execSQL(t, database,
		"DELETE FROM holdfast.execution WHERE number > 150", "DELETE FROM holdfast.orders WHERE number > 3",
		"UPDATE holdfast.meta SET batch = 3, checksum = 21")
	if err := b.write(t.Context(), batchOf(6)); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	if got := progressOf(t, b); got.batch != 3 {
		t.Fatalf("progress %+v", got)
	}
	for n := range uint64(3) {
		if err := b.write(t.Context(), batchOf(n+4)); err != nil {
			t.Fatal(err)
		}
	}
	checkBatches(t, b, 6)
}

func TestPostgresDropped(t *testing.T) {
	drops := map[string]string{
		"schema":    "DROP SCHEMA holdfast CASCADE",
		"execution": "DROP TABLE holdfast.execution CASCADE",
		"bust":      "DROP TABLE holdfast.bust CASCADE",
		"meta":      "DROP TABLE holdfast.meta",
		"meta row":  "DELETE FROM holdfast.meta",
	}
	database := postgrestest.New(t)
	for name, drop := range drops {
		t.Run(name, func(t *testing.T) {
			b := openBackend(t, database.URL())
			if err := b.recreate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.write(t.Context(), batchOf(1)), b.present()); err != nil {
				t.Fatal(err)
			}
			execSQL(t, database, drop)
			if err := b.present(); !errors.Is(err, ErrGone) && name != "meta row" {
				t.Errorf("present: %v, want ErrGone", err)
			}
			if err := b.write(t.Context(), batchOf(2)); !errors.Is(err, ErrGone) && name != "bust" && name != "meta row" {
				t.Errorf("write: %v, want ErrGone", err)
			}
			err := b.read(t.Context(), func(v view) error {
				_, first := v.progress()
				_, second := v.executions(idRange{first: 7 << 32, last: 7<<32 | 9}, func(*Execution) error { return nil })
				return errors.Join(first, second)
			})
			if !errors.Is(err, ErrGone) {
				t.Errorf("read: %v, want ErrGone", err)
			}
			if err := b.recreate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.write(t.Context(), batchOf(1)); err != nil {
				t.Fatal(err)
			}
			checkBatches(t, b, 1)
		})
	}
}

// A database from before the names of instruments and the placed quantities of orders gets them, with its
// rows. The quantities of orders that it has stay unknown.
func TestPostgresOlder(t *testing.T) {
	database := postgrestest.New(t)
	b := openBackend(t, database.URL())
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	b.close()
	execSQL(t, database, "DROP TABLE holdfast.instruments CASCADE",
		"CREATE VIEW holdfast.executions AS SELECT customer, number, instrument FROM holdfast.execution",
		"CREATE VIEW holdfast.order_list AS SELECT customer, number, instrument FROM holdfast.orders",
		"ALTER TABLE holdfast.orders DROP COLUMN placed_quantity", "DROP TABLE holdfast.audit", "UPDATE holdfast.meta SET version = 1")
	for batch := range uint64(2) {
		b = openBackend(t, database.URL())
		if err := b.nameInstruments(t.Context(), 0, func() []string { return []string{"ALFA/600100"} }); err != nil {
			t.Fatal(err)
		}
		checkBatches(t, b, 1+batch)
		if err := b.write(t.Context(), batchOf(2+batch)); err != nil {
			t.Fatal(err)
		}
		checkBatches(t, b, 2+batch)
		got, err := database.Query(t.Context(), "SELECT string_agg((placed_quantity > 0)::text, ' ' ORDER BY number) FROM holdfast.orders")
		if want := []string{"false true", "false true true"}[batch]; err != nil || got != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
		for _, view := range []string{"executions", "order_list"} {
			got, err := database.Query(t.Context(), "SELECT DISTINCT instrument FROM holdfast."+view)
			if err != nil || got != "ALFA/600100" {
				t.Fatalf("%s: %q, %v", view, got, err)
			}
		}
		b.close()
	}
}

// queryCounter counts the queries that find rows.
type queryCounter struct{ atomic.Int32 }

func (c *queryCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(q.SQL, "SELECT") {
		c.Add(1)
	}
	return ctx
}

func (c *queryCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Rows with many ids are found by one query, in the order of the ids.
func TestPostgresManyIDs(t *testing.T) {
	b := openBackend(t, postgrestest.New(t).URL())
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	var count queryCounter
	config := b.reader.Config()
	config.ConnConfig.Tracer = &count
	b.reader.Close()
	var err error
	if b.reader, err = pgxpool.NewWithConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ids := []uint64{7<<32 | 50, 7<<32 | 51, 8<<32 | 1, 7<<32 | 1, 7<<32 | 30, 7<<32 | 1}
	var got []uint64
	err = b.read(t.Context(), func(v view) error {
		return v.executionsWith(ids, func(e *Execution) error {
			got = append(got, e.ID&0xFFFFFFFF)
			return nil
		})
	})
	if err != nil || !slices.Equal(got, []uint64{50, 1, 30, 1}) {
		t.Fatalf("%d, %v", got, err)
	}
	if n := count.Load(); n != 1 {
		t.Fatalf("%d queries", n)
	}
}

// Recreate empties the tables and leaves what others have made of them.
func TestPostgresRecreateLeavesViews(t *testing.T) {
	database := postgrestest.New(t)
	b := openBackend(t, database.URL())
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
	execSQL(t, database, "CREATE VIEW mine AS SELECT count(*) FROM holdfast.executions")
	if err := b.recreate(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkBatches(t, b, 0)
	execSQL(t, database, "SELECT * FROM mine")
}

func TestPostgresOpenRefused(t *testing.T) {
	database := postgrestest.New(t)
	url, latin, trader := database.URL(), database.Name+"_latin", database.Name+"_trader"
	for name, tc := range map[string]struct {
		before []string
		url    string
		want   error
		text   string
	}{
		"newer version":   {[]string{"UPDATE holdfast.meta SET version = 99"}, url, ErrVersion, "99"},
		"missing table":   {[]string{"DROP TABLE holdfast.bust CASCADE"}, url, ErrDamaged, "bust"},
		"other tables":    {[]string{"DROP SCHEMA holdfast CASCADE", "CREATE SCHEMA holdfast", "CREATE TABLE holdfast.orders (a int)"}, url, errSetup, "search_path"},
		"no database":     {nil, database.URLOf(database.Name + "_missing"), errSetup, "CREATE DATABASE"},
		"wrong password":  {nil, strings.Replace(url, "word%3A1", "word%3A2", 1), errSetup, "password"},
		"wrong encoding":  {[]string{"CREATE DATABASE " + latin + " ENCODING 'LATIN1' TEMPLATE template0"}, database.URLOf(latin), errSetup, "UTF8"},
		"nobody listens":  {nil, strings.Replace(url, "host=", "host=%2Fnowhere", 1), ErrUnavailable, "nowhere"},
		"closed port":     {nil, "postgres://u@127.0.0.1:1/d", ErrUnavailable, "connection refused; start PostgreSQL"},
		"no permission":   {[]string{"CREATE ROLE " + trader + " LOGIN PASSWORD 'secret7'"}, strings.Replace(url+"&search_path=other", "postgres:p%40ss%2Fword%3A1", trader+":secret7", 1), errSetup, "GRANT CREATE"},
		"two schemas":     {nil, url + "&search_path=a,b", errURL, "search_path"},
		"bad sslmode":     {nil, "postgres://u:word7@h/d?sslmode=maybe", errURL, "sslmode"},
		"bad port":        {nil, "postgres://u:pa:word7@h:port/d", errURL, "percent-encoded"},
		"slash":           {nil, "postgres://u:pa/word7@h:5432/d", errURL, "percent-encoded"},
		"other URL":       {nil, "mysql://u:word7@h/d", errURL, "postgres://"},
		"key value":       {nil, "host=h password=word7", errURL, "postgres://"},
		"password in key": {nil, "postgres://h/d?password=word7&sslmode=maybe", errURL, "postgres://"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.before != nil {
				execSQL(t, database, "DROP SCHEMA IF EXISTS holdfast CASCADE")
				openBackend(t, url).close()
				execSQL(t, database, tc.before...)
			}
			_, err := openPostgres(t.Context(), Options{URL: tc.url, Log: slog.New(slog.DiscardHandler)})
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("%v, want %v with %q", err, tc.want, tc.text)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "TLS") || strings.Count(err.Error(), "refused") > 1 {
				t.Fatalf("not one line about one problem: %q", err)
			}
			for _, secret := range []string{"word:1", "word:2", "word%3A", "word7", "secret7"} {
				if strings.Contains(fmt.Sprintf("%v", err), secret) {
					t.Fatalf("the password is in %v", err)
				}
			}
			t.Log(err)
		})
	}
}

// Everything that was written before is on the disk after sync.
func TestPostgresSync(t *testing.T) {
	server := postgrestest.Run(t, "fsync = on", "wal_writer_delay = 10s")
	for _, commits := range []string{"on", "off"} {
		b := openBackend(t, server.URL("postgres")+"&synchronous_commit="+commits+"&search_path="+commits+"1")
		if err := b.write(t.Context(), batchOf(1)); err != nil {
			t.Fatal(err)
		}
		end, err := server.Query(t.Context(), "postgres", "SELECT pg_current_wal_insert_lsn()")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.sync(t.Context()); err != nil || got.batch != 1 || got.checksum != 7 {
			t.Fatalf("synchronous_commit %s: %+v, %v", commits, got, err)
		}
		flushed, err := server.Query(t.Context(), "postgres", "SELECT pg_current_wal_flush_lsn() >= '"+end+"'")
		if err != nil || flushed != "t" {
			t.Fatalf("synchronous_commit %s: on the disk: %s, %v", commits, flushed, err)
		}
	}
}

func TestPostgresSyncWithoutFsync(t *testing.T) {
	b := openBackend(t, postgrestest.New(t).URL())
	if _, err := b.sync(t.Context()); !errors.Is(err, ErrNotDurable) {
		t.Fatalf("%v, want ErrNotDurable", err)
	}
}

// A transaction that is blocked ends with its context.
func TestPostgresBlocked(t *testing.T) {
	database := postgrestest.New(t)
	b := openBackend(t, database.URL())
	c, err := pgx.Connect(t.Context(), database.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE holdfast.execution"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.write(ctx, batchOf(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, want the context's error", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkBatches(t, b, 0)
	if err := b.write(t.Context(), batchOf(1)); err != nil {
		t.Fatal(err)
	}
}
