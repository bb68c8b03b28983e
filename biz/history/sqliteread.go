package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"
)

const (
	chunkColumns = `SELECT first, last, previous, time_from, time_to, blob_checksum, checksum, executions
FROM executions `
	newestChunk = chunkColumns + "WHERE first BETWEEN ?1 AND ?2 ORDER BY first DESC LIMIT 1"
	// Chunks from ?1 to ?2 include the one that begins before ?1. Downwards it is just the
	// last one that is read.
	chunksDown = chunkColumns + "WHERE first <= ?2 ORDER BY first DESC"
	chunksUp   = chunkColumns + `WHERE first >= ifnull((SELECT max(first) FROM executions WHERE first <= ?1), ?1) AND first <= ?2
ORDER BY first`

	bustColumns = "SELECT execution, reason, time, checksum, corrected_by FROM bust WHERE execution BETWEEN ?1 AND ?2 "
	bustsDown   = bustColumns + "ORDER BY execution DESC"
	bustsUp     = bustColumns + "ORDER BY execution"

	orderColumns = `SELECT id, event, first_event, last_placing_event, client_order_id, instrument, side, type,
	time_in_force, status, cause, triggered, held, quantity, filled, filled_value, price, stop, priority, time,
	expires, updated, placed_as, checksum, placed_quantity
FROM orders
WHERE id BETWEEN ?1 AND ?2 `
	ordersDown = orderColumns + "ORDER BY id DESC"
	ordersUp   = orderColumns + "ORDER BY id"

	// A number of a record is below 1 << 63.
	auditsDown = `SELECT number, time, customer, name, session, address, command, text, result, message, unlisted, checksum
FROM audit
WHERE (?1 = 0 OR number < ?1) AND (?2 = 0 OR customer = ?2) AND (?3 = '' OR command = ?3)
	AND (?4 = 0 OR time >= ?4) AND (?5 = 0 OR time < ?5)
ORDER BY number DESC LIMIT ?6`
)

// The rows of the meta table; their values are text.
const (
	keyProgress = "progress"
	keyChecksum = "checksum" // of the batch of the progress
)

func prepareReader(c *sqlite.Conn) error {
	return setPragmas(c, []string{
		"query_only = on",
		"cache_size = -2048",
		"temp_store = memory",
	})
}

// read implements backend: a transaction of SQLite is the view.
func (b *sqliteBackend) read(ctx context.Context, fn func(view) error) error {
	conn, err := b.pool.Take(ctx)
	if err != nil {
		return cause(ctx, err)
	}
	defer b.pool.Put(conn)
	space := b.spaces.Get().(*readSpace)
	defer b.spaces.Put(space)
	if err = execute(conn, "BEGIN"); err == nil {
		err = fn(&sqliteView{conn: conn, space: space})
	}
	conn.SetInterrupt(nil) // the end must not fail
	if !conn.AutocommitEnabled() {
		err = errors.Join(err, execute(conn, "COMMIT"))
	}
	return b.damaged.set(cause(ctx, err))
}

func execute(c *sqlite.Conn, query string) error {
	stmt, err := c.Prepare(query)
	if err != nil {
		return err
	}
	return run(stmt)
}

// readSpace is memory of one read.
type readSpace struct {
	chunk chunk
	fills []Fill
	row   scratch
}

type sqliteView struct {
	conn  *sqlite.Conn
	space *readSpace
}

// progress implements view. It checks all rows, since a row with an altered key would look like
// a missing row.
func (v *sqliteView) progress() (p progress, err error) {
	stmt, err := v.conn.Prepare("SELECT key, value, checksum FROM meta")
	if err != nil {
		return progress{}, err
	}
	err = each(stmt, func(row *sqlite.Stmt) error {
		key, value := row.ColumnText(0), row.ColumnText(1)
		n, bad := strconv.ParseUint(value, 10, 64)
		if bad != nil || row.ColumnInt64(2) != metaChecksum(key, value) {
			return fmt.Errorf("%w: %s %q", ErrDamaged, key, value)
		}
		switch key {
		case keyProgress:
			p.batch = n
		case keyChecksum:
			p.checksum, p.stored = uint32(n), true
		}
		return nil
	})
	return p, err
}

func metaChecksum(key, value string) int64 {
	return int64(checksum([]byte(key + "=" + value)))
}

// executions implements view.
func (v *sqliteView) executions(r idRange, fn func(*Execution) error) (next uint64, err error) {
	if r.first > r.last {
		return 0, nil
	}
	chunks, busts := chunksUp, bustsUp
	if r.down {
		chunks, busts = chunksDown, bustsDown
	}
	s := &scan{idRange: r, fn: fn, space: v.space}
	if s.busts.stmt, err = v.conn.Prepare(busts); err != nil {
		return 0, err
	}
	bindRange(s.busts.stmt, r.first, r.last)
	if err := s.busts.step(); err != nil {
		return 0, errors.Join(err, s.busts.stmt.Reset())
	}
	stmt, err := v.conn.Prepare(chunks)
	if err != nil {
		return 0, errors.Join(err, s.busts.stmt.Reset())
	}
	bindRange(stmt, r.first, r.last)
	err = each(stmt, s.chunk)
	if err == nil && !s.stopped {
		err = s.end()
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return s.next, errors.Join(err, s.busts.stmt.Reset())
}

// scan is a walk over the chunks of a range.
type scan struct {
	idRange
	fn      func(*Execution) error
	space   *readSpace
	busts   bustReader
	before  chunk // the chunk before, without its blob
	rows    int   // that were read
	found   int   // that were passed to fn
	stopped bool  // before the end of the range
	next    uint64
	e       Execution // not in a function, where it would be an allocation per row
}

// chunk reads one chunk.
func (s *scan) chunk(row *sqlite.Stmt) error {
	c := &s.space.chunk
	if err := c.scan(row, &s.space.row); err != nil {
		return err
	}
	if c.last < s.first || c.first > s.last { // SQLite compares ids as signed numbers
		if s.down {
			return s.end()
		}
		return nil // the one that begins before the range
	}
	if err := s.linked(c); err != nil {
		return err
	}
	s.before = *c
	if s.scan > 0 && s.rows >= s.scan {
		if s.next = max(c.first, s.first); s.down {
			s.next = min(c.last, s.last)
		}
		return s.stop()
	}
	if s.skips(c) {
		s.rows++
		return s.busts.skip(c)
	}
	if err := c.scanBlob(row); err != nil {
		return err
	}
	var err error
	if s.space.fills, err = c.fills(s.space.fills[:0]); err != nil {
		return err
	}
	s.rows += len(s.space.fills)
	return s.chunkRows()
}

// chunkRows passes the executions of the chunk to fn.
func (s *scan) chunkRows() error {
	if s.down {
		slices.Reverse(s.space.fills)
	}
	for i := range s.space.fills {
		f := &s.space.fills[i]
		if f.ID < s.first || f.ID > s.last {
			continue
		}
		s.e = Execution{Fill: *f}
		if err := s.busts.join(&s.e, s.down); err != nil {
			return err
		}
		if s.only != nil && !s.only.matches(&s.e) {
			continue
		}
		if err := s.fn(&s.e); err != nil {
			s.stopped = true
			return err
		}
		if s.found++; s.found == s.limit {
			return s.stop()
		}
	}
	return nil
}

func (s *scan) stop() error {
	s.stopped = true
	return errEnough
}

// skips reports whether no execution of a chunk can match.
func (s *scan) skips(c *chunk) bool {
	f := s.only
	if f == nil {
		return false
	}
	return f.From != 0 && c.to < f.From || f.To != 0 && c.from >= f.To || f.Busted == StateBusted && !s.busts.in(c)
}

// linked checks that no chunk is missing between c and the one before it in this walk.
func (s *scan) linked(c *chunk) error {
	older, newer := &s.before, c
	if s.down {
		older, newer = c, &s.before
	}
	if s.before.last == 0 || older.first>>32 != newer.first>>32 || newer.before() == older.last {
		return nil
	}
	return fmt.Errorf("%w: the executions between %d and %d are missing", ErrDamaged, older.last, newer.first)
}

// end checks that no chunk is missing at the end of the walk, and that no bust is left.
func (s *scan) end() error {
	s.stopped = true
	switch {
	case s.down && s.before.last != 0 && s.before.previous != 0 && s.before.before() >= s.first:
		return fmt.Errorf("%w: the executions before %d are missing", ErrDamaged, s.before.first)
	case s.busts.found:
		return s.busts.stray()
	}
	return errEnough
}

// scan reads the columns of a row but the blob, and verifies their checksum.
func (c *chunk) scan(row *sqlite.Stmt, space *scratch) error {
	c.first, c.last = uint64(row.ColumnInt64(0)), uint64(row.ColumnInt64(1))
	c.previous = uint32(row.ColumnInt64(2))
	c.from, c.to = row.ColumnInt64(3), row.ColumnInt64(4)
	c.blobSum = uint32(row.ColumnInt64(5))
	if row.ColumnInt64(6) != int64(c.checksum(space)) || row.ColumnInt64(2) != int64(c.previous) || row.ColumnInt64(5) != int64(c.blobSum) {
		return fmt.Errorf("%w: executions from %d", ErrDamaged, c.first)
	}
	return nil
}

// scanBlob reads the blob of a row, and verifies its checksum.
func (c *chunk) scanBlob(row *sqlite.Stmt) error {
	n := row.ColumnLen(7)
	if cap(c.blob) < n {
		c.blob = make([]byte, n)
	}
	c.blob = c.blob[:n]
	row.ColumnBytes(7, c.blob)
	if checksum(c.blob) != c.blobSum {
		return fmt.Errorf("%w: executions %d to %d", ErrDamaged, c.first, c.last)
	}
	return nil
}

// bustReader reads the busts of a range beside its executions, in the same order.
type bustReader struct {
	stmt  *sqlite.Stmt
	bust  bustRow // the next one
	found bool    // there is a next one
}

// step reads the next bust, and verifies its checksum.
func (r *bustReader) step() (err error) {
	if r.found, err = r.stmt.Step(); err != nil || !r.found {
		return err
	}
	r.bust = bustRow{
		execution: uint64(r.stmt.ColumnInt64(0)), reason: r.stmt.ColumnText(1), time: r.stmt.ColumnInt64(2),
		by: uint64(r.stmt.ColumnInt64(4)),
	}
	if r.stmt.ColumnInt64(3) != int64(r.bust.checksum()) {
		return fmt.Errorf("%w: bust of execution %d", ErrDamaged, r.bust.execution)
	}
	return nil
}

// join marks e if the next bust is that of e. A bust that comes before e is of no execution.
func (r *bustReader) join(e *Execution, down bool) error {
	switch {
	case !r.found:
		return nil
	case r.bust.execution == e.ID:
		e.Busted, e.BustReason, e.BustTime, e.CorrectedBy = true, r.bust.reason, r.bust.time, r.bust.by
		return r.step()
	case r.bust.execution > e.ID == down:
		return r.stray()
	}
	return nil
}

// in reports whether the next bust is in a chunk.
func (r *bustReader) in(c *chunk) bool {
	return r.found && r.bust.execution >= c.first && r.bust.execution <= c.last
}

// skip leaves out the busts in a chunk.
func (r *bustReader) skip(c *chunk) error {
	for r.in(c) {
		if err := r.step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *bustReader) stray() error {
	return fmt.Errorf("%w: execution %d was busted, but is not there", ErrDamaged, r.bust.execution)
}

// orders implements view.
func (v *sqliteView) orders(r idRange, fn func(*Order) error) (next uint64, err error) {
	if r.first > r.last {
		return 0, nil
	}
	query := ordersUp
	if r.down {
		query = ordersDown
	}
	stmt, err := v.conn.Prepare(query)
	if err != nil {
		return 0, err
	}
	bindRange(stmt, r.first, r.last)
	rows, found := 0, 0
	var o Order // not in the function, where it would be an allocation per row
	err = each(stmt, func(row *sqlite.Stmt) error {
		if r.scan > 0 && rows >= r.scan {
			next = uint64(row.ColumnInt64(0))
			return errEnough
		}
		rows++
		if o, err = scanOrder(row, &v.space.row); err != nil {
			return err
		}
		if r.only != nil && !r.only.matchesOrder(&o) {
			return nil
		}
		if err := fn(&o); err != nil {
			return err
		}
		if found++; found == r.limit {
			return errEnough
		}
		return nil
	})
	return next, err
}

// executionsWith implements view.
func (v *sqliteView) executionsWith(ids []uint64, fn func(*Execution) error) error {
	return eachID(ids, v.executions, fn)
}

// ordersWith implements view.
func (v *sqliteView) ordersWith(ids []uint64, fn func(*Order) error) error {
	return eachID(ids, v.orders, fn)
}

// eachID calls fn for the rows with these ids, which read reads one at a time.
func eachID[T any](ids []uint64, read func(idRange, func(*T) error) (uint64, error), fn func(*T) error) error {
	for _, id := range ids {
		if _, err := read(idRange{first: id, last: id, limit: 1}, fn); err != nil {
			return err
		}
	}
	return nil
}

// audits implements view.
func (v *sqliteView) audits(q AuditQuery, limit int, fn func(*Audit) error) error {
	stmt, err := v.conn.Prepare(auditsDown)
	if err != nil {
		return err
	}
	for i, n := range map[int]int64{1: int64(q.Before), 2: int64(q.Customer), 4: q.From, 5: q.To, 6: int64(limit)} {
		stmt.BindInt64(i, n)
	}
	stmt.BindText(3, q.Command)
	return each(stmt, func(row *sqlite.Stmt) error {
		a := Audit{
			Number: uint64(row.ColumnInt64(0)), Time: row.ColumnInt64(1), Customer: uint32(row.ColumnInt64(2)), Name: row.ColumnText(3),
			Session: uint64(row.ColumnInt64(4)), Address: row.ColumnText(5), Command: row.ColumnText(6), Text: row.ColumnText(7),
			Result: row.ColumnText(8), Message: row.ColumnText(9), Unlisted: uint32(row.ColumnInt64(10)),
		}
		if row.ColumnInt64(11) != int64(a.checksum()) {
			return fmt.Errorf("%w: audit %d", ErrDamaged, a.Number)
		}
		return fn(&a)
	})
}

func bindRange(stmt *sqlite.Stmt, first, last uint64) {
	stmt.BindInt64(1, int64(first))
	stmt.BindInt64(2, int64(last))
}

// each calls fn for each row of a bound statement, until the last one, errEnough or an error.
func each(stmt *sqlite.Stmt, fn func(row *sqlite.Stmt) error) error {
	for {
		more, err := stmt.Step()
		if err == nil && more {
			err = fn(stmt)
		}
		if err != nil || !more {
			if errors.Is(err, errEnough) {
				err = nil
			}
			return errors.Join(err, stmt.Reset())
		}
	}
}
