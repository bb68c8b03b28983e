package history

import "fmt"

// Queries are the statements behind pages of history, for a look at their plans.
func Queries() map[string]string {
	return map[string]string{
		"page":               pageQuery,
		"page by instrument": pageInstrumentQuery,
		"sells":              sellsQuery,
	}
}

// LimitPending sets how many rows are sorted at once.
func LimitPending(s *Store, rows int) { s.write.pending.limit = rows }

// Synchronous returns how SQLite writes: 1 is normal, 2 is full.
func (s *Store) Synchronous() (int64, error) { return number(s.write.conn, "PRAGMA synchronous") }

// LimitPages lets the file grow to n pages, as a full disk does; 0: no limit.
func (s *Store) LimitPages(n int) error {
	if n == 0 {
		n = 1 << 30
	}
	return setPragmas(s.write.conn, []string{fmt.Sprintf("max_page_count = %d", n)})
}

// Damage is how an error of SQLite is told.
var Damage = damage
