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
	schemaVersion = 5
	// schemaWithoutPlaced is the version whose orders lack the last column.
	schemaWithoutPlaced = 3
	// schemaWithoutAudit is the version without the table audit, and so is the one before.
	schemaWithoutAudit = 4
	// schemaObjects is the number of tables and views in the schema.
	schemaObjects = 6
)

// A row of executions is up to some kilobytes of consecutive executions of one customer (type
// chunk), since a row for each would cost more than ten times as much. Its key is the id of
// the first one, so that the rows of a customer are adjacent.
const tables = `
CREATE TABLE meta (
	key      TEXT PRIMARY KEY,
	value    TEXT NOT NULL,
	checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE executions (
	first         INTEGER PRIMARY KEY,   -- customer << 32 | number
	last          INTEGER NOT NULL,      -- customer << 32 | number
	previous      INTEGER NOT NULL,      -- number of the execution before the first; 0: it is the oldest
	time_from     INTEGER NOT NULL,      -- lowest time, Unix nanoseconds
	time_to       INTEGER NOT NULL,      -- highest time, Unix nanoseconds
	blob_checksum INTEGER NOT NULL,      -- CRC-32C of the blob
	checksum      INTEGER NOT NULL,      -- CRC-32C of the columns before
	executions    BLOB NOT NULL
) STRICT;
CREATE TABLE bust (
	execution    INTEGER PRIMARY KEY,
	reason       TEXT NOT NULL,
	time         INTEGER NOT NULL,       -- Unix nanoseconds
	checksum     INTEGER NOT NULL,
	corrected_by INTEGER                 -- id of an execution; NULL: it was only busted
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
	checksum           INTEGER,             -- CRC-32C of the row
	placed_quantity    INTEGER              -- quantity before any replacement, bust or correction; NULL: unknown
) STRICT;
`

// The commands of operators: of which a number is that of the record in the journal.
const auditTable = `
CREATE TABLE audit (
	number   INTEGER PRIMARY KEY,
	time     INTEGER NOT NULL,           -- Unix nanoseconds
	customer INTEGER NOT NULL,
	name     TEXT NOT NULL,
	session  INTEGER NOT NULL,
	address  TEXT NOT NULL,
	command  TEXT NOT NULL,
	text     TEXT NOT NULL,              -- the parameters of the command
	result   TEXT NOT NULL,
	message  TEXT NOT NULL,              -- what the reply said
	unlisted INTEGER NOT NULL,           -- attempts of the customer since its audit before
	checksum INTEGER NOT NULL
) STRICT;
`

// sideWords and orderWords are columns of the views, for SQLite and PostgreSQL.
const (
	sideWords  = `CASE side WHEN 1 THEN 'buy' WHEN 2 THEN 'sell' END AS side,`
	orderWords = `CASE type WHEN 1 THEN 'market' WHEN 2 THEN 'limit' WHEN 3 THEN 'stop' WHEN 4 THEN 'stop limit' END AS type,
	CASE time_in_force WHEN 1 THEN 'day' WHEN 2 THEN 'good till cancelled' WHEN 3 THEN 'good till date'
		WHEN 4 THEN 'immediate or cancel' WHEN 5 THEN 'fill or kill' END AS time_in_force,
	CASE status WHEN 1 THEN 'filled' WHEN 2 THEN 'new' WHEN 3 THEN 'partially filled'
		WHEN 4 THEN 'cancelled' WHEN 5 THEN 'expired' END AS status,
	CASE cause WHEN 1 THEN 'client' WHEN 2 THEN 'operator' WHEN 3 THEN 'immediate or cancel' WHEN 4 THEN 'fill or kill'
		WHEN 5 THEN 'liquidity' WHEN 6 THEN 'cash' WHEN 7 THEN 'shares' WHEN 8 THEN 'bust' WHEN 9 THEN 'correction'
		WHEN 10 THEN 'reset' WHEN 11 THEN 'close' WHEN 12 THEN 'date' WHEN 13 THEN 'stop price' WHEN 14 THEN 'limits'
		END AS cause,`
)

// The view is for people. The numbers in it are those of package ledger.
const views = `
CREATE VIEW order_list AS
SELECT id >> 32 & 4294967295 AS customer, id & 4294967295 AS number,
	CAST(client_order_id AS TEXT) AS client_order_id,
	` + sideWords + ` instrument,
	` + orderWords + `
	triggered, held, quantity, filled, iif(filled > 0, filled_value / 10000.0 / filled, NULL) AS average_price,
	nullif(price, 0) / 10000.0 AS price, nullif(stop, 0) / 10000.0 AS stop,
	datetime(time / 1000000000, 'unixepoch') AS time,
	datetime(nullif(expires, 0) / 1000000000, 'unixepoch') AS expires,
	datetime(updated / 1000000000, 'unixepoch') AS updated
FROM orders;
`

// create creates the tables in an empty file; created is false if it has them already. It
// refuses files of other programs, changes those of the two versions before, and refuses other versions. After an error the connection must be
// closed; then the file is as before.
func create(c *sqlite.Conn) (created bool, err error) {
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
			return false, err
		}
	}
	switch {
	case app == 0 && version == 0 && objects == 0:
		return true, change(c, tables+ordersTable+auditTable+views)
	case app != applicationID:
		// A file of another program, or a history with a damaged header.
		return false, fmt.Errorf("%w: not a holdfast history (application id %#x)", ErrDamaged, app)
	case version < schemaWithoutPlaced || version > schemaVersion:
		return false, fmt.Errorf("%w: the file has %d, this release reads %d to %d", ErrVersion, version, schemaWithoutPlaced, schemaVersion)
	case version < schemaVersion:
		return false, upgrade(c, version, objects)
	case objects != schemaObjects:
		return false, fmt.Errorf("%w: %d tables instead of %d", ErrDamaged, objects, schemaObjects)
	}
	return false, nil
}

// upgrade changes a file of an earlier version.
func upgrade(c *sqlite.Conn, version, objects int64) error {
	script, want := auditTable, int64(schemaObjects-1)
	if objects != want {
		return fmt.Errorf("%w: %d tables instead of %d", ErrDamaged, objects, want)
	}
	if version < schemaWithoutAudit {
		script += "ALTER TABLE orders ADD COLUMN placed_quantity INTEGER;"
	}
	return change(c, script)
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
