package journal

import (
	"log/slog"
	"time"
)

// Limits of one batch. A batch stays below JetStream's 1 MiB with room for its
// headers.
const (
	// MaxBatchBytes is the largest batch, header included.
	MaxBatchBytes = 960 << 10
	// MaxBatchRecords is the largest number of records in a batch.
	MaxBatchRecords = 8192
	// MaxRecord is the longest record. Commit.Record panics above it.
	MaxRecord = MaxBatchBytes - headerBytes - maxPrefixBytes
)

// Defaults.
const (
	defaultAckTimeout   = 5 * time.Second
	defaultAckAttempts  = 3
	externalAckAttempts = 6 // half a minute: a new leader may take ten seconds
	defaultStartTimeout = 30 * time.Second
	defaultMaxStore     = 1 << 60
	defaultOpenBytes    = 64 << 20
	defaultHeldBytes    = 256 << 20
	defaultOpenRecords  = 1 << 20
)

// Options are the settings of a Journal. Only Dir is required.
type Options struct {
	// Dir is the folder; it is made if it does not exist.
	Dir string
	// Log gets the server's warnings and errors. Nil: nothing is logged.
	Log *slog.Logger
	// MaxStore is the most bytes the journal may use on the disk. At the limit
	// a write is refused, which ends the committer. 0: no limit of its own.
	MaxStore int64
	// AckTimeout is how long one attempt to write a batch may take, fsync
	// included. 0: 5 s.
	AckTimeout time.Duration
	// AckAttempts is how often a batch is sent before the store is taken for
	// dead. 0: 3.
	AckAttempts int
	// URL names the JetStream servers that keep the journal, commas between them;
	// "" keeps it in Dir, in this process. Dir then has mark and lock only.
	URL string
	// MonitorURLs are the monitoring ports of all those servers. Open asks them
	// whether each calls fsync before it acknowledges, and refuses otherwise.
	MonitorURLs []string
	// Replicas is how many of the servers keep each batch. 0: 1.
	Replicas int
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxStore <= 0 {
		o.MaxStore = defaultMaxStore
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = defaultAckTimeout
	}
	if o.AckAttempts <= 0 {
		o.AckAttempts = defaultAckAttempts
		if o.URL != "" {
			o.AckAttempts = externalAckAttempts
		}
	}
	o.Replicas = max(o.Replicas, 1)
	return o
}

// CommitterOptions are the settings of a Committer. The zero value is usable.
type CommitterOptions struct {
	// MaxOpenBytes and MaxOpenRecords bound the records that may wait in the open
	// commit while another is under way, MaxHeldBytes what its Release collects; above
	// them Committer.Room reports false. 0: 64 MiB, 1,048,576 records and 256 MiB.
	MaxOpenBytes   int
	MaxOpenRecords int
	MaxHeldBytes   int
	// OnFailure is called once, on the committer's goroutine, when a batch
	// could not be made durable. The process must end: what was applied in
	// memory is ahead of the disk. It must not wait for Close.
	OnFailure func(error)
	// OnCommit is called on the committer's goroutine after each write,
	// before the release. It must be quick.
	OnCommit func(records int, took time.Duration)
	// Now is the clock of the statistics. Nil: time.Now.
	Now func() time.Time
}

func (o CommitterOptions) withDefaults() CommitterOptions {
	if o.MaxOpenBytes <= 0 {
		o.MaxOpenBytes = defaultOpenBytes
	}
	if o.MaxOpenRecords <= 0 {
		o.MaxOpenRecords = defaultOpenRecords
	}
	if o.MaxHeldBytes <= 0 {
		o.MaxHeldBytes = defaultHeldBytes
	}
	if o.OnFailure == nil {
		o.OnFailure = func(error) {}
	}
	if o.OnCommit == nil {
		o.OnCommit = func(int, time.Duration) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
