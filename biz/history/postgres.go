package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// postgresReaders is the number of connections that read; one more writes.
	postgresReaders = 4
	// After these times the database counts as unavailable.
	postgresConnectTimeout = 5 * time.Second
	postgresReadTimeout    = 30 * time.Second // of one chunk of rows
	postgresWriteTimeout   = 2 * time.Minute  // of one transaction
	postgresPresentTimeout = 2 * time.Second
	// postgresRecent is how many of its last transactions a store remembers.
	postgresRecent = 1024
)

// postgres is a history in a schema of a PostgreSQL database. It has a row for each execution
// and order, which people can query, too.
//
// Each event counts once: the transaction that writes rows also moves the progress, and only
// from the value where this store saw it last. After a transaction whose outcome is uncertain
// the progress is read before anything else is written. That read waits until the server has
// finished the transaction. The progress must then be one that this store has written or tried
// to write; otherwise another server has written (ErrTaken).
//
// Goroutine: any; one transaction at a time is written.
type postgres struct {
	writer, reader *pgxpool.Pool
	schema         postgresSchema
	place          string // for the log and for errors; without the password
	log            *slog.Logger
	closing        context.Context // ends with close
	stop           context.CancelFunc
	durable        bool

	owner     chan struct{} // has one token: for last and recent
	last      progress      // where the next transaction starts
	recent    []progress    // what the database may have, in the order of the transactions
	uncertain atomic.Bool   // it may have another one than last
}

// openPostgres connects to the database, and creates the tables if they are missing.
func openPostgres(ctx context.Context, o Options) (backend, error) {
	p, err := newPostgres(o)
	if err != nil {
		return nil, err
	}
	if err := p.open(ctx); err != nil {
		_ = p.close()
		return nil, fmt.Errorf("open %s: %w", p.place, err)
	}
	return p, nil
}

// newPostgres returns a backend that is not connected yet.
func newPostgres(o Options) (*postgres, error) {
	config, schema, err := parsePostgresURL(o.URL)
	if err != nil {
		return nil, err
	}
	p := &postgres{
		schema:  schema,
		place:   postgresPlace(config.ConnConfig, schema),
		log:     o.Log,
		durable: o.Durable,
		owner:   make(chan struct{}, 1),
	}
	p.closing, p.stop = context.WithCancel(context.Background())
	if p.writer, err = p.pool(config, 1); err != nil {
		return nil, err
	}
	if p.reader, err = p.pool(config, postgresReaders); err != nil {
		p.writer.Close()
		return nil, err
	}
	p.owner <- struct{}{}
	return p, nil
}

// pool returns a pool of at most n connections. It connects when the first one is needed.
func (p *postgres) pool(config *pgxpool.Config, n int32) (*pgxpool.Pool, error) {
	c := config.Copy()
	c.MaxConns, c.MinConns, c.MinIdleConns = n, 0, 0
	c.PingTimeout = postgresConnectTimeout
	if p.durable {
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, postgresSynchronous)
			return err
		}
	}
	return pgxpool.NewWithConfig(context.Background(), c)
}

func (p *postgres) open(ctx context.Context) error {
	var created bool
	err := p.transact(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		if created, err = p.schema.create(ctx, tx); err != nil {
			return err
		}
		p.last, err = readProgress(tx.QueryRow(ctx, p.schema.sql(postgresProgress)))
		return err
	})
	if err != nil {
		return err
	}
	p.recent = []progress{p.last}
	if created {
		p.log.Info("new history", "place", p.place)
	}
	return nil
}

// close stops everything that runs, and disconnects.
func (p *postgres) close() error {
	p.stop()
	var pools sync.WaitGroup
	pools.Go(p.writer.Close)
	pools.Go(p.reader.Close)
	pools.Wait()
	return nil
}

// lock takes the token of p.owner. It waits until ctx ends.
func (p *postgres) lock(ctx context.Context) error {
	select {
	case <-p.owner:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.closing.Done():
		return ErrClosed
	}
}

func (p *postgres) unlock() { p.owner <- struct{}{} }

// limited runs fn with a context that ends with ctx, with the store, or when fn takes longer than
// limit. It returns the cause of an error.
func (p *postgres) limited(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(p.closing, cancel)()
	err := fn(within)
	switch {
	case err == nil:
		return nil
	case p.closing.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case within.Err() != nil:
		return fmt.Errorf("%w: no answer from %s within %s", ErrUnavailable, p.place, limit)
	}
	return postgresError(err)
}

// transact runs fn in a transaction.
func (p *postgres) transact(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return p.limited(ctx, postgresWriteTimeout, func(ctx context.Context) error {
		tx, err := begin(ctx, p.writer, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
		if err != nil {
			return err
		}
		if err := fn(ctx, tx); err != nil {
			endTransaction(ctx, tx)
			return err
		}
		return tx.Commit(ctx)
	})
}

// begin starts a transaction. The connections in the pool can be of a server that was started again
// meanwhile; so it tries twice.
func begin(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions) (pgx.Tx, error) {
	tx, err := pool.BeginTx(ctx, options)
	var server *pgconn.PgError
	if err == nil || ctx.Err() != nil || errors.As(err, &server) && !errors.Is(postgresKind(server.Code), ErrUnavailable) {
		return tx, err
	}
	pool.Reset()
	return pool.BeginTx(ctx, options)
}

// endTransaction rolls back a transaction, or closes its connection.
func endTransaction(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresPresentTimeout)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// read runs fn with a view in a transaction that only reads.
func (p *postgres) read(ctx context.Context, fn func(view) error) error {
	if p.uncertain.Load() {
		if err := p.lock(ctx); err != nil {
			return err
		}
		err := p.makeCertain(ctx)
		p.unlock()
		if err != nil {
			return err
		}
	}
	var tx pgx.Tx
	err := p.limited(ctx, postgresReadTimeout, func(ctx context.Context) (err error) {
		tx, err = begin(ctx, p.reader, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		return err
	})
	if err != nil {
		return err
	}
	defer endTransaction(ctx, tx)
	return fn(&postgresView{ctx: ctx, store: p, tx: tx})
}

// makeCertain finds out where the database is after a transaction that failed. The caller has
// the lock.
func (p *postgres) makeCertain(ctx context.Context) error {
	if !p.uncertain.Load() {
		return nil
	}
	var got progress
	err := p.transact(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		// The lock of the row waits for a transaction that the server still executes.
		got, err = readProgress(tx.QueryRow(ctx, p.schema.sql(postgresProgressLocked)))
		return err
	})
	if err != nil {
		return err
	}
	at := slices.Index(p.recent, got)
	if at < 0 {
		return p.taken(got)
	}
	if got.batch < p.last.batch { // it lost the end: a crash without synchronous_commit, or a standby took over
		p.log.Warn("the history database went back to an earlier state; it is filled again from there", "place", p.place, "from", p.last.batch, "to", got.batch)
	}
	p.recent = p.recent[:at+1]
	p.last = got
	p.uncertain.Store(false)
	return nil
}

// taken returns ErrTaken for a progress that this store has not written.
func (p *postgres) taken(got progress) error {
	return fmt.Errorf("%w: %s is at batch %d (checksum %08x), and this server was at %d (%08x); stop the other server, or use another database or search_path; then start again",
		ErrTaken, p.place, got.batch, got.checksum, p.last.batch, p.last.checksum)
}

// sync returns the progress that survives a power cut of the database's machine.
func (p *postgres) sync(ctx context.Context) (got progress, err error) {
	err = p.transact(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		var sync, commits string
		if err := tx.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&sync, &commits); err != nil {
			return err
		}
		query := postgresProgress
		switch {
		case sync == "off":
			return fmt.Errorf("%w: fsync = off on %s", ErrNotDurable, p.place)
		case commits == "off":
			// A commit that waits for the disk waits for all earlier ones, too.
			if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = on"); err != nil {
				return err
			}
			query = postgresTouch
		}
		got, err = readProgress(tx.QueryRow(ctx, p.schema.sql(query)))
		return err
	})
	return got, err
}

// present returns ErrGone if tables are missing.
func (p *postgres) present() error {
	return p.limited(context.Background(), postgresPresentTimeout, func(ctx context.Context) error {
		missing, err := p.schema.missing(ctx, p.reader)
		if len(missing) > 0 {
			err = fmt.Errorf("%w: missing tables in %s: %s", ErrGone, p.place, strings.Join(missing, ", "))
		}
		return err
	})
}

// recreate starts an empty history: it creates missing tables, and empties the others. It fails
// with ErrTaken if they contain rows of another server.
func (p *postgres) recreate(ctx context.Context) error {
	if err := p.lock(ctx); err != nil {
		return err
	}
	defer p.unlock()
	err := p.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, p.schema.sql(postgresSchemaAgain+postgresTables+postgresViews)); err != nil {
			return err
		}
		got, err := readProgress(tx.QueryRow(ctx, p.schema.sql(postgresProgressLocked)))
		if err != nil {
			return err
		}
		if got != (progress{}) && !slices.Contains(p.recent, got) {
			return p.taken(got)
		}
		_, err = tx.Exec(ctx, p.schema.sql(postgresClear))
		return err
	})
	if err != nil {
		return fmt.Errorf("create %s again: %w", p.place, err)
	}
	p.last = progress{}
	p.recent = []progress{p.last}
	p.uncertain.Store(false)
	return nil
}

func readProgress(row pgx.Row) (progress, error) {
	var batch int64
	var sum *int64
	if err := row.Scan(&batch, &sum); err != nil {
		return progress{}, err
	}
	if sum == nil {
		return progress{batch: uint64(batch)}, nil
	}
	return progress{batch: uint64(batch), checksum: uint32(*sum), stored: true}, nil
}
