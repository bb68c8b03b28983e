package history

import (
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// applicationID in the header of the file identifies it as a history: "hfhi".
	applicationID = 0x68666869
	// schemaVersion is incremented when the tables below change.
	schemaVersion = 1
	// schemaObjects is the number of tables and views in the schema.
	schemaObjects = 5
)

// The id of an execution is the key of its row. So the rows of a customer are adjacent and
// in the order of their numbers, without a separate index. The table of executions has no
// NOT NULL: each would cost a check per row, and the checksum finds the same errors. The
// view is for people.
const schema = `
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
	checksum        INTEGER              -- CRC-32C of the row
) STRICT;
CREATE TABLE bust (
	execution INTEGER PRIMARY KEY,
	reason    TEXT NOT NULL,
	time      INTEGER NOT NULL,          -- Unix nanoseconds
	checksum  INTEGER NOT NULL
) STRICT;
CREATE TABLE snapshot (
	customer INTEGER PRIMARY KEY,
	state    BLOB NOT NULL,
	checksum INTEGER NOT NULL
) STRICT;
CREATE VIEW executions AS
SELECT e.id >> 32 AS customer, e.id & 4294967295 AS number,
	CAST(e.client_order_id AS TEXT) AS client_order_id,
	iif(e.quantity < 0, 'sell', 'buy') AS side, e.instrument,
	abs(e.quantity) AS quantity, e.price / 10000.0 AS price,
	datetime(e.time / 1000000000, 'unixepoch') AS time, b.reason AS busted
FROM execution AS e LEFT JOIN bust AS b ON b.execution = e.id;
`

// migrate creates the tables in an empty file. It refuses files of other programs and of
// other versions.
func migrate(c *sqlite.Conn) (created bool, err error) {
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
		return true, create(c)
	case app != applicationID:
		// A file of another program, or a history with a damaged header.
		return false, fmt.Errorf("%w: not a holdfast history (application id %#x)", ErrDamaged, app)
	case version != schemaVersion:
		return false, fmt.Errorf("%w: the file has %d, this release reads %d", ErrVersion, version, schemaVersion)
	case objects != schemaObjects:
		return false, fmt.Errorf("%w: %d tables instead of %d", ErrDamaged, objects, schemaObjects)
	}
	return false, nil
}

func create(c *sqlite.Conn) error {
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
	return sqlitex.ExecuteScript(c, schema+mark, nil)
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
