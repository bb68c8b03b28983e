package history

import (
	"log/slog"
	"path/filepath"
)

const (
	// readers is the number of connections that read. Each caches up to 2 MiB.
	readers = 2
	// DefaultLimit is the page size of a query without a limit.
	DefaultLimit = 100
	// MaxLimit is the largest page size; larger limits are reduced to it.
	MaxLimit = 1000
	// MaxReason is the longest reason of a bust, in bytes.
	MaxReason = 1024
	// MaxState is the largest snapshot of one account, in bytes.
	MaxState = 16 << 20
)

// Options are the settings of a Store. Only Path is required.
type Options struct {
	// Path is the database file; its folder must exist. SQLite creates two more files
	// there, with -wal and -shm appended to the name.
	Path string
	// Durable makes every transaction wait for the disk (synchronous = full), for a
	// server that stores its orders only here and not in a journal.
	Durable bool
	// Log receives a line when a new file is created, or one of an earlier schema version is
	// changed; it may be nil.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(o.Path)
	o.Path = path
	return o, err
}
