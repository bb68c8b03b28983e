package history

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// postgresVersion is incremented when the tables below change.
const postgresVersion = 3

const (
	// postgresWithoutPlaced is the version whose orders lack the last column.
	postgresWithoutPlaced = 1
	// postgresWithoutAudit is the version without the table audit, and so is the one before.
	postgresWithoutAudit = 2
)

// postgresTables are the tables and indexes. A row is found by customer and number, which are the two halves
// of an id. Its rows are roughly in the order of time on the disk, so that a BRIN index by time
// costs next to nothing; to_timestamp is there because the views show it. Updates of an order need
// space on its page.
const postgresTables = `
CREATE TABLE IF NOT EXISTS {schema}.meta (
	one      boolean PRIMARY KEY CHECK (one), -- there is one row
	version  integer NOT NULL,                -- of these tables
	batch    bigint NOT NULL,                 -- last batch of the journal that is here
	checksum bigint                           -- CRC-32C of this batch
);
CREATE TABLE IF NOT EXISTS {schema}.execution (
	customer        bigint NOT NULL,
	number          bigint NOT NULL,
	order_id        bigint NOT NULL,  -- customer << 32 | number
	event           bigint NOT NULL,
	client_order_id text NOT NULL,
	instrument      bigint NOT NULL,
	side            smallint NOT NULL, -- 1: buy, 2: sell
	quantity        bigint NOT NULL,
	price           bigint NOT NULL,  -- 1/10000
	cost            bigint NOT NULL,  -- 1/10000
	time            bigint NOT NULL,  -- Unix nanoseconds
	fee             bigint NOT NULL,  -- 1/10000
	settlement      bigint NOT NULL,  -- Unix nanoseconds; 0: at once
	corrects        bigint NOT NULL,  -- number of an execution; 0: none
	place           bigint NOT NULL,  -- number of an execution; 0: none
	fee_in_cost     boolean NOT NULL,
	simple          boolean NOT NULL, -- its order has no row
	PRIMARY KEY (customer, number)
);
CREATE TABLE IF NOT EXISTS {schema}.bust (
	customer     bigint NOT NULL,
	number       bigint NOT NULL,     -- of the execution
	reason       text NOT NULL,
	time         bigint NOT NULL,     -- Unix nanoseconds
	corrected_by bigint NOT NULL,     -- customer << 32 | number of an execution; 0: none
	PRIMARY KEY (customer, number)
);
CREATE TABLE IF NOT EXISTS {schema}.orders (
	customer           bigint NOT NULL,
	number             bigint NOT NULL,
	event              bigint NOT NULL,
	first_event        bigint NOT NULL,
	last_placing_event bigint NOT NULL,
	client_order_id    text NOT NULL,
	placed_as          text NOT NULL,   -- client order id before any replacement
	instrument         bigint NOT NULL,
	side               smallint NOT NULL,
	type               smallint NOT NULL,
	time_in_force      smallint NOT NULL,
	status             smallint NOT NULL,
	cause              smallint NOT NULL,
	triggered          boolean NOT NULL,
	held               boolean NOT NULL,
	quantity           bigint NOT NULL,
	filled             bigint NOT NULL,
	filled_value       bigint NOT NULL, -- 1/10000
	price              bigint NOT NULL, -- 1/10000; 0: no limit
	stop               bigint NOT NULL, -- 1/10000; 0: no stop price
	priority           bigint NOT NULL,
	time               bigint NOT NULL, -- Unix nanoseconds
	expires            bigint NOT NULL, -- Unix nanoseconds; 0: never
	updated            bigint NOT NULL, -- Unix nanoseconds
	placed_quantity    bigint NOT NULL DEFAULT 0, -- quantity before any replacement, bust or correction; 0: unknown
	PRIMARY KEY (customer, number)
) WITH (fillfactor = 80);
` + postgresAudit + `CREATE INDEX IF NOT EXISTS execution_time ON {schema}.execution
	USING brin (time, to_timestamp(time / 1e9::float8)) WITH (autosummarize = on);
CREATE INDEX IF NOT EXISTS orders_time ON {schema}.orders
	USING brin (time, to_timestamp(time / 1e9::float8)) WITH (autosummarize = on);
INSERT INTO {schema}.meta VALUES (true, {version}, 0, NULL) ON CONFLICT DO NOTHING;
`

// postgresAudit is the table of the commands of operators. A number is that of the record in the journal.
const postgresAudit = `CREATE TABLE IF NOT EXISTS {schema}.audit (
	number   bigint PRIMARY KEY,
	time     bigint NOT NULL, -- Unix nanoseconds
	customer bigint NOT NULL,
	name     text NOT NULL,
	session  bigint NOT NULL,
	address  text NOT NULL,
	command  text NOT NULL,
	text     text NOT NULL,   -- the parameters of the command
	result   text NOT NULL,
	message  text NOT NULL,   -- what the reply said
	unlisted bigint NOT NULL  -- attempts of the customer since its audit before
);
`

// postgresViews are for people, and so is the table, which has names for them. The numbers in them
// are those of package ledger.
const postgresViews = `
CREATE TABLE IF NOT EXISTS {schema}.instruments (
	number bigint PRIMARY KEY, -- in the journal
	symbol text NOT NULL       -- MARKET/CODE
);
CREATE OR REPLACE VIEW {schema}.executions AS
SELECT e.customer, e.number, e.client_order_id,
	` + sideWords + ` coalesce(i.symbol, e.instrument::text) AS instrument,
	e.quantity, e.price * 0.0001 AS price, e.fee * 0.0001 AS fee,
	to_timestamp(e.time / 1e9::float8) AS time,
	nullif(e.corrects, 0) AS corrects, b.reason AS busted,
	nullif(b.corrected_by & 4294967295, 0) AS corrected_by, e.order_id & 4294967295 AS order_number
FROM {schema}.execution AS e LEFT JOIN {schema}.bust AS b USING (customer, number)
	LEFT JOIN {schema}.instruments AS i ON i.number = e.instrument;
CREATE OR REPLACE VIEW {schema}.order_list AS
SELECT o.customer, o.number, o.client_order_id,
	` + sideWords + ` coalesce(i.symbol, o.instrument::text) AS instrument,
	` + orderWords + `
	triggered, held, quantity, filled,
	CASE WHEN filled > 0 THEN round(filled_value * 0.0001 / filled, 6) END AS average_price,
	nullif(price, 0) * 0.0001 AS price, nullif(stop, 0) * 0.0001 AS stop,
	to_timestamp(time / 1e9::float8) AS time,
	to_timestamp(nullif(expires, 0) / 1e9::float8) AS expires,
	to_timestamp(updated / 1e9::float8) AS updated
FROM {schema}.orders AS o LEFT JOIN {schema}.instruments AS i ON i.number = o.instrument;
`

// postgresPlaced changes tables of postgresWithoutPlaced.
const postgresPlaced = `
ALTER TABLE {schema}.orders ADD COLUMN placed_quantity bigint NOT NULL DEFAULT 0;
`

// postgresUpgraded marks the tables as those of this version.
const postgresUpgraded = `
UPDATE {schema}.meta SET version = {version};
`

// postgresOldViews drops the views of a database that lacks the table instruments: the type of a
// column has changed.
const postgresOldViews = `
DROP VIEW IF EXISTS {schema}.executions, {schema}.order_list;
`

const postgresInstruments = `
INSERT INTO {schema}.instruments AS i SELECT * FROM unnest($1::bigint[], $2::text[])
ON CONFLICT (number) DO UPDATE SET symbol = excluded.symbol WHERE i.symbol <> excluded.symbol`

// postgresSchemaAgain is for a schema that was dropped.
const postgresSchemaAgain = `
CREATE SCHEMA IF NOT EXISTS {schema};
`

const postgresClear = `
TRUNCATE {schema}.execution, {schema}.bust, {schema}.orders, {schema}.audit;
UPDATE {schema}.meta SET version = {version}, batch = 0, checksum = NULL;
`

// postgresMissing lists the tables that are missing.
const postgresMissing = `
SELECT name FROM unnest(ARRAY['meta', 'execution', 'bust', 'orders', 'audit']) AS name
WHERE to_regclass('{schema}.' || name) IS NULL`

const (
	postgresProgress = `SELECT batch, checksum FROM {schema}.meta`
	// postgresProgressLocked waits for a transaction that moves the progress.
	postgresProgressLocked = postgresProgress + ` FOR UPDATE`
	// postgresTouch writes, so that its commit is not empty.
	postgresTouch   = `UPDATE {schema}.meta SET batch = batch RETURNING batch, checksum`
	postgresAdvance = `UPDATE {schema}.meta SET batch = $3, checksum = $4
WHERE batch = $1 AND checksum IS NOT DISTINCT FROM $2::bigint AND version = {version}`
)

// postgresSynchronous makes every commit of a connection wait for the disk.
const postgresSynchronous = `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// postgresTableCount is how many tables postgresMissing looks for.
const postgresTableCount = 5

// postgresSchema is the name of a schema.
type postgresSchema string

// sql returns a statement with the name of the schema in it.
func (s postgresSchema) sql(statement string) string {
	return strings.NewReplacer(
		"'{schema}.'", "'"+strings.ReplaceAll(s.quoted(), "'", "''")+".'",
		"{schema}", s.quoted(),
		"{version}", strconv.Itoa(postgresVersion),
	).Replace(statement)
}

func (s postgresSchema) quoted() string { return pgx.Identifier{string(s)}.Sanitize() }

// create creates the tables if none exists, and checks them otherwise. It changes those of the two
// versions before.
func (s postgresSchema) create(ctx context.Context, tx pgx.Tx) (created bool, err error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", applicationID); err != nil { // one server at a time
		return false, err
	}
	var encoding string
	var exists bool
	err = tx.QueryRow(ctx, "SELECT current_setting('server_encoding'), to_regnamespace($1) IS NOT NULL", s.quoted()).Scan(&encoding, &exists)
	switch {
	case err != nil:
		return false, err
	case encoding != "UTF8":
		return false, fmt.Errorf("%w: its encoding is %s: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0", errSetup, encoding)
	case !exists:
		if _, err := tx.Exec(ctx, s.sql("CREATE SCHEMA {schema}")); err != nil {
			return false, err
		}
	}
	missing, err := s.missing(ctx, tx)
	switch {
	case err != nil:
		return false, err
	case len(missing) == postgresTableCount:
		_, err = tx.Exec(ctx, s.sql(postgresTables+postgresViews))
		return err == nil, err
	case slices.Contains(missing, "meta"):
		return false, fmt.Errorf("%w: the schema %s has tables that are not of a complete history: drop them, or choose another schema with ?search_path=name", errSetup, s)
	}
	var version int
	var named bool
	err = tx.QueryRow(ctx, s.sql("SELECT version, to_regclass('{schema}.' || 'instruments') IS NOT NULL FROM {schema}.meta")).Scan(&version, &named)
	switch {
	case err != nil:
	case version < postgresWithoutPlaced || version > postgresVersion:
		err = fmt.Errorf("%w: the tables have %d, this release reads %d to %d", ErrVersion, version, postgresWithoutPlaced, postgresVersion)
	case len(missing) > 0 && (version == postgresVersion || !slices.Equal(missing, []string{"audit"})):
		err = fmt.Errorf("%w: missing tables: %s", ErrDamaged, strings.Join(missing, ", "))
	case !named:
		_, err = tx.Exec(ctx, s.sql(postgresOldViews+postgresViews))
	}
	if err == nil && version < postgresVersion {
		err = s.upgrade(ctx, tx, version)
	}
	return false, err
}

// upgrade changes the tables of an earlier version.
func (s postgresSchema) upgrade(ctx context.Context, tx pgx.Tx, version int) error {
	script := postgresAudit + postgresUpgraded
	if version < postgresWithoutAudit {
		script = postgresPlaced + script
	}
	_, err := tx.Exec(ctx, s.sql(script))
	return err
}

// missing returns the tables that are not there.
func (s postgresSchema) missing(ctx context.Context, db postgresQuerier) ([]string, error) {
	rows, err := db.Query(ctx, s.sql(postgresMissing))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// postgresQuerier is a pool or a transaction.
type postgresQuerier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
