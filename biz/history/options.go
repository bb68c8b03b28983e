package history

import (
	"log/slog"
	"path/filepath"
	"time"
)

const (
	// DefaultLimit is the page size of a query without a limit.
	DefaultLimit = 100
	// MaxLimit is the largest page size; larger limits are reduced to it.
	MaxLimit = 1000
	// MaxReason is the longest reason of a bust, in bytes.
	MaxReason = 1024
)

// Options are the settings of a Store. Only Path is required.
type Options struct {
	// Path is the database file; its folder must exist. SQLite creates two more files
	// there, with -wal and -shm appended to the name.
	Path string
	// URL is that of a PostgreSQL database (postgres://...), which is used instead of Path.
	URL string
	// Durable makes every transaction wait for the disk (synchronous = full), for a
	// server that stores its orders only here and not in a journal.
	Durable bool
	// Log receives a line when a new history is created; it may be nil.
	Log *slog.Logger

	lockedAfter time.Duration // 0: the constant; for tests
}

func (o Options) withDefaults() (Options, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.lockedAfter == 0 {
		o.lockedAfter = lockedAfter
	}
	path, err := filepath.Abs(o.Path)
	o.Path = path
	return o, err
}
