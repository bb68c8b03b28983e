package history

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// applicationID in the header of the file identifies it as a history: "hfhi".
	applicationID = 0x68666869
	// schemaVersion is incremented when the tables below change.
	schemaVersion = 2
	// schemaObjects is the number of tables and views in the schema, schemaObjects1 that of
	// version 1.
	schemaObjects  = 7
	schemaObjects1 = 5
)

// The id of an execution is the key of its row. So the rows of a customer are adjacent and
// in the order of their numbers, without a separate index. The table of executions has no
// NOT NULL: each would cost a check per row, and the checksum finds the same errors. Its
// columns after the checksum are NULL if all of them are 0 or false, as in rows of version 1.
const tables = `
CREATE TABLE meta (
	key      TEXT PRIMARY KEY,
	value    TEXT NOT NULL,
	checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE execution (
	id              INTEGER PRIMARY KEY, -- customer << 32 | number
	order_id        INTEGER,             -- NULL: the same as id
	event           INTEGER,
	client_order_id BLOB,
	instrument      INTEGER,
	quantity        INTEGER,             -- negative for a sell
	price           INTEGER,             -- 1/10000
	cost            INTEGER,             -- 1/10000
	time            INTEGER,             -- Unix nanoseconds
	checksum        INTEGER,             -- CRC-32C of the row
	fee             INTEGER,             -- 1/10000
	settlement      INTEGER,             -- Unix nanoseconds
	corrects        INTEGER,             -- number of an execution
	place           INTEGER,             -- number of an execution
	fee_in_cost     INTEGER              -- 1: yes
) STRICT;
CREATE TABLE bust (
	execution    INTEGER PRIMARY KEY,
	reason       TEXT NOT NULL,
	time         INTEGER NOT NULL,       -- Unix nanoseconds
	checksum     INTEGER NOT NULL,
	corrected_by INTEGER                 -- id of an execution; NULL: it was only busted
) STRICT;
CREATE TABLE snapshot (
	customer INTEGER PRIMARY KEY,
	state    BLOB NOT NULL,
	checksum INTEGER NOT NULL
) STRICT;
`

// Simple orders have no row; PutOrder says which these are.
const ordersTable = `
CREATE TABLE orders (
	id                 INTEGER PRIMARY KEY, -- customer << 32 | number
	event              INTEGER,
	first_event        INTEGER,
	last_placing_event INTEGER,
	client_order_id    BLOB,
	instrument         INTEGER,
	side               INTEGER,
	type               INTEGER,
	time_in_force      INTEGER,
	status             INTEGER,
	cause              INTEGER,
	triggered          INTEGER,             -- 1: yes
	held               INTEGER,             -- 1: yes
	quantity           INTEGER,
	filled             INTEGER,
	filled_value       INTEGER,             -- 1/10000
	price              INTEGER,             -- 1/10000; 0: no limit
	stop               INTEGER,             -- 1/10000; 0: no stop price
	priority           INTEGER,
	time               INTEGER,             -- Unix nanoseconds
	expires            INTEGER,             -- Unix nanoseconds; 0: never
	updated            INTEGER,             -- Unix nanoseconds
	placed_as          BLOB,                -- client order id before any replacement
	checksum           INTEGER              -- CRC-32C of the row
) STRICT;
`

// The views are for people. The numbers in them are those of package ledger.
const views = `
CREATE VIEW executions AS
SELECT e.id >> 32 & 4294967295 AS customer, e.id & 4294967295 AS number,
	CAST(e.client_order_id AS TEXT) AS client_order_id,
	iif(e.quantity < 0, 'sell', 'buy') AS side, e.instrument,
	abs(e.quantity) AS quantity, e.price / 10000.0 AS price,
	ifnull(e.fee, 0) / 10000.0 AS fee,
	datetime(e.time / 1000000000, 'unixepoch') AS time,
	nullif(e.corrects, 0) AS corrects, b.reason AS busted,
	b.corrected_by & 4294967295 AS corrected_by
FROM execution AS e LEFT JOIN bust AS b ON b.execution = e.id;
CREATE VIEW order_list AS
SELECT id >> 32 & 4294967295 AS customer, id & 4294967295 AS number,
	CAST(client_order_id AS TEXT) AS client_order_id,
	CASE side WHEN 1 THEN 'buy' WHEN 2 THEN 'sell' END AS side, instrument,
	CASE type WHEN 1 THEN 'market' WHEN 2 THEN 'limit' WHEN 3 THEN 'stop' WHEN 4 THEN 'stop limit' END AS type,
	CASE time_in_force WHEN 1 THEN 'day' WHEN 2 THEN 'good till cancelled' WHEN 3 THEN 'good till date'
		WHEN 4 THEN 'immediate or cancel' WHEN 5 THEN 'fill or kill' END AS time_in_force,
	CASE status WHEN 1 THEN 'filled' WHEN 2 THEN 'new' WHEN 3 THEN 'partially filled'
		WHEN 4 THEN 'cancelled' WHEN 5 THEN 'expired' END AS status,
	CASE cause WHEN 1 THEN 'client' WHEN 2 THEN 'operator' WHEN 3 THEN 'immediate or cancel' WHEN 4 THEN 'fill or kill'
		WHEN 5 THEN 'liquidity' WHEN 6 THEN 'cash' WHEN 7 THEN 'shares' WHEN 8 THEN 'bust' WHEN 9 THEN 'correction'
		WHEN 10 THEN 'reset' WHEN 11 THEN 'close' WHEN 12 THEN 'date' WHEN 13 THEN 'stop price' WHEN 14 THEN 'limits'
		END AS cause,
	triggered, held, quantity, filled, iif(filled > 0, filled_value / 10000.0 / filled, NULL) AS average_price,
	nullif(price, 0) / 10000.0 AS price, nullif(stop, 0) / 10000.0 AS stop,
	datetime(time / 1000000000, 'unixepoch') AS time,
	datetime(nullif(expires, 0) / 1000000000, 'unixepoch') AS expires,
	datetime(updated / 1000000000, 'unixepoch') AS updated
FROM orders;
`

// fromVersion1 changes the tables of version 1. The existing rows remain as they are, but
// SQLite reads them once per new column of the executions, which takes about a second per
// million executions in total.
const fromVersion1 = `
ALTER TABLE execution ADD COLUMN fee INTEGER;
ALTER TABLE execution ADD COLUMN settlement INTEGER;
ALTER TABLE execution ADD COLUMN corrects INTEGER;
ALTER TABLE execution ADD COLUMN place INTEGER;
ALTER TABLE execution ADD COLUMN fee_in_cost INTEGER;
ALTER TABLE bust ADD COLUMN corrected_by INTEGER;
DROP VIEW executions;
`

// migrate creates the tables in an empty file, and changes those of version 1. It returns the
// version that the file had, 0 if it was empty. It refuses files of other programs and of
// other versions. After an error the connection must be closed; then the file is as before.
func migrate(c *sqlite.Conn) (before int64, err error) {
	var app, version, objects int64
	for _, q := range []struct {
		to    *int64
		query string
	}{
		{&app, "PRAGMA application_id"},
		{&version, "PRAGMA user_version"},
		{&objects, "SELECT count(*) FROM sqlite_schema WHERE sql IS NOT NULL"},
	} {
		if *q.to, err = number(c, q.query); err != nil {
			return 0, err
		}
	}
	want := int64(schemaObjects)
	switch {
	case app == 0 && version == 0 && objects == 0:
		return 0, change(c, tables+ordersTable+views)
	case app != applicationID:
		// A file of another program, or a history with a damaged header.
		return 0, fmt.Errorf("%w: not a holdfast history (application id %#x)", ErrDamaged, app)
	case version == 1:
		want = schemaObjects1
	case version != schemaVersion:
		return 0, fmt.Errorf("%w: the file has %d, this release reads %d and 1", ErrVersion, version, schemaVersion)
	}
	if objects != want {
		return 0, fmt.Errorf("%w: %d tables instead of %d", ErrDamaged, objects, want)
	}
	if version == 1 {
		return version, change(c, fromVersion1+ordersTable+views)
	}
	return version, nil
}

// change runs a script in a transaction that makes the file one of this version. After an
// error the connection must be closed, which undoes the transaction. (sqlitex.ExecuteScript
// would panic if the file is too damaged for that.)
func change(c *sqlite.Conn, script string) error {
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;", applicationID, schemaVersion)
	for left := "BEGIN IMMEDIATE;" + script + mark; left != ""; {
		stmt, unread, err := c.PrepareTransient(left)
		if err != nil {
			return err
		}
		err = each(stmt, func(*sqlite.Stmt) error { return nil })
		stmt.Finalize()
		if err != nil {
			return err
		}
		left = strings.TrimSpace(left[len(left)-unread:])
	}
	return nil
}

// number runs a query that returns one number.
func number(c *sqlite.Conn, query string) (int64, error) {
	s, _, err := c.PrepareTransient(query)
	if err != nil {
		return 0, err
	}
	defer s.Finalize()
	return sqlitex.ResultInt64(s)
}
