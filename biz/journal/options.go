package journal

import (
	"log/slog"
	"time"
)

// Limits of one batch. A batch and its headers stay below JetStream's 1 MiB.
const (
	// MaxBatchBytes is the largest batch, header included.
	MaxBatchBytes = 960 << 10
	// MaxBatchRecords is the largest number of records in a batch.
	MaxBatchRecords = 8192
	// MaxRecord is the longest record in bytes. Commit.Record panics above it.
	MaxRecord = MaxBatchBytes - headerBytes - maxPrefixBytes
)

// Defaults.
const (
	defaultAckTimeout   = 5 * time.Second
	defaultAckAttempts  = 3
	externalAckAttempts = 6 // half a minute: a new leader may take ten seconds
	defaultStartTimeout = 30 * time.Second
	defaultVerifyRate   = 200 << 20
	defaultMaxStore     = 1 << 60
	defaultOpenBytes    = 64 << 20
	defaultHeldBytes    = 256 << 20
	defaultOpenRecords  = 1 << 20
)

// Options are the settings of a Journal. Only Dir is required.
type Options struct {
	// Dir is the folder. Open creates it if it does not exist.
	Dir string
	// Checked says that an earlier run has checked all batches up to this one, and that they
	// were durable: Open reads the files from the one that has it. Zero: Open reads all files.
	Checked Point
	// VerifyRate is how many bytes a second VerifyOlder and Trim read at most, so that commits
	// and their fsync go on beside it. 0: 200 MiB.
	VerifyRate int64
	// Log receives the store's warnings and errors. Nil: nothing is logged.
	Log *slog.Logger
	// MaxStore limits the bytes on the disk. At the limit the store refuses a write,
	// which ends the committer. 0: no limit.
	MaxStore int64
	// AckTimeout is how long one attempt to write a batch may take, including the
	// fsync. 0: 5 s.
	AckTimeout time.Duration
	// AckAttempts is how often a batch is sent before the committer fails. 0: 3, or 6
	// with URL.
	AckAttempts int
	// URL names the external JetStream servers that store the journal, separated by
	// commas; Dir then has only mark and lock. "": this process stores it in Dir.
	URL string
	// MonitorURLs are the monitoring ports of all these servers. Open asks each whether
	// it calls fsync before it acknowledges, and fails with ErrLazySync otherwise.
	MonitorURLs []string
	// Shared makes the journal a stream of a cluster; Dir then has only mark and lock. Nil: no other
	// process writes to it.
	Shared *Shared
	// Replicas is how many of the servers store each batch. 0: 1.
	Replicas int
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxStore <= 0 {
		o.MaxStore = defaultMaxStore
	}
	if o.VerifyRate <= 0 {
		o.VerifyRate = defaultVerifyRate
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
	// MaxOpenBytes and MaxOpenRecords limit the records in the open commit, MaxHeldBytes
	// what its Held collects. At a limit Committer.Accepts returns false. 0: 64 MiB,
	// 1,048,576 records and 256 MiB.
	MaxOpenBytes   int
	MaxOpenRecords int
	MaxHeldBytes   int
	// OnFailure is called once, on the committer's goroutine, after a batch could not
	// be made durable. The process must end, since its memory is ahead of the disk.
	// OnFailure must not wait for Close.
	OnFailure func(error)
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
	return o
}
