package history

import "context"

// backend is the database below a Store: SQLite or PostgreSQL. It has the committed
// executions with their busts, the orders and the progress; all queries and the open
// transaction are above it.
//
// Errors are those of the package: ErrDamaged, ErrVersion, ErrFull, ErrDisk, ErrLocked, ErrGone,
// and the cause of ctx once ctx has ended. Goroutine: any for read; one at a time for write;
// sync runs beside both; recreate and close run alone.
type backend interface {
	// read calls fn with a view of one committed state: what is written while fn runs is not in
	// it. It never waits for write.
	read(ctx context.Context, fn func(view) error) error
	// write writes all of t at once, with its progress; after an error nothing of it. It fails
	// with ErrDuplicate if the customer has an execution with this id or a higher one.
	// After an unknown outcome (a lost connection) it finds out before it returns.
	write(ctx context.Context, t *transaction) error
	// nameInstruments is Store.NameInstruments. Goroutine: any.
	nameInstruments(ctx context.Context, first uint32, symbols func() []string) error
	// sync returns when what is committed survives a power cut, with the progress of that.
	sync(ctx context.Context) (progress, error)
	// present returns ErrGone if what is written no longer reaches the database that was opened.
	present() error
	// recreate starts again with an empty database.
	recreate(ctx context.Context) error
	close() error
}

// view is one committed state. It is valid until the function returns that read calls.
// Goroutine: the one that called read. A function passed to it must not use the view.
type view interface {
	progress() (progress, error)
	// A caller may want only the first rows of a large range: a database reads it in portions.
	//
	// executions calls fn for the executions of r with their busts, in the order of r; errEnough
	// ends it without an error. Execution is valid until fn returns. If it stopped because of
	// r.scan, next is the id from which to go on: as r.last downwards, as r.first upwards;
	// otherwise next is 0.
	executions(r idRange, fn func(*Execution) error) (next uint64, err error)
	// orders is executions for the rows of orders.
	orders(r idRange, fn func(*Order) error) (next uint64, err error)
	// executionsWith calls fn for the executions with these ids, in the order of ids; those that are
	// not there are left out. An error of fn ends it.
	executionsWith(ids []uint64, fn func(*Execution) error) error
	// ordersWith is executionsWith for the rows of orders.
	ordersWith(ids []uint64, fn func(*Order) error) error
	// audits calls fn for the first limit audits that q selects, newest first.
	audits(q AuditQuery, limit int, fn func(*Audit) error) error
}

// progress is what the history has of the journal.
type progress struct {
	batch    uint64 // the last one; 0: none
	checksum uint32 // of this batch
	stored   bool   // false: no batch was committed, and there is no checksum
}

// idRange selects the ids from first to last; it is empty if first is above last. The highest
// bit of both is the same, so a database may compare them as signed numbers.
type idRange struct {
	first, last uint64
	down        bool // newest first
	// limit is how many rows are needed: further ones may be left out. 0: all.
	limit int
	// scan is about how many rows a call reads before it stops and returns next. What is
	// skipped cheaply does not count. 0: no limit. It reads at least one row.
	scan int
	// only is a hint: rows that do not match may be left out. nil: all rows are needed, and
	// verified.
	only *Filter
}

// transaction is what the next write adds. See pending.go for how it grows.
type transaction struct {
	pending
	// busts are the busts and corrections in the order in which they came. Their executions exist
	// here or in the database. Only the first one of an execution counts, here or there.
	busts    []bustRow
	audits   []Audit
	batch    uint64 // 0: the progress remains as it is
	checksum uint32
}

// bustRow is the mark of a busted execution.
type bustRow struct {
	execution uint64
	by        uint64 // execution that corrects it, 0 for a bust
	reason    string
	time      int64
}
