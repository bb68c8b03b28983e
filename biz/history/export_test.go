package history

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
