package history

import (
	"log/slog"
	"path/filepath"
)

const (
	// DefaultReaders is the number of connections that read.
	DefaultReaders = 2
	// DefaultLimit is the page size where a query names none.
	DefaultLimit = 100
	// MaxLimit is the largest page; a larger limit is cut to it.
	MaxLimit = 1000
	// MaxReason is the largest reason of a bust in bytes.
	MaxReason = 1024
	// MaxState is the largest snapshot of one account in bytes.
	MaxState = 16 << 20
)

// Options say where the history is and how it is read.
type Options struct {
	// Path of the database file; its folder must exist. Beside it SQLite keeps
	// two files of the same name with -wal and -shm appended.
	Path string
	// Readers is the number of connections for queries, DefaultReaders if 0.
	// Each caches up to 2 MiB.
	Readers int
	// Durable makes every transaction wait for the disk (synchronous = full), for
	// a server whose orders are kept here alone and not in a journal.
	Durable bool
	// Log gets a line when a new file is made; it may be nil.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(o.Path)
	o.Path = path
	return o, err
}
