package journal

import (
	"sync/atomic"
	"time"
)

// Stats counts what a Committer has written.
type Stats struct {
	Commits uint64
	Batches uint64
	Records uint64
	Bytes   uint64        // of the records
	Total   time.Duration // spent writing, fsync included
	Last    time.Duration // of the last commit
}

// counters are written by the committer's goroutine and read by any.
type counters struct {
	commits, batches, records, bytes atomic.Uint64
	total, last                      atomic.Int64
}

func (c *counters) add(d *draft, took time.Duration) {
	c.commits.Add(1)
	c.batches.Add(uint64(d.used))
	c.records.Add(uint64(d.records))
	c.bytes.Add(uint64(d.bytes))
	c.total.Add(int64(took))
	c.last.Store(int64(took))
}

func (c *counters) read() Stats {
	return Stats{
		Commits: c.commits.Load(),
		Batches: c.batches.Load(),
		Records: c.records.Load(),
		Bytes:   c.bytes.Load(),
		Total:   time.Duration(c.total.Load()),
		Last:    time.Duration(c.last.Load()),
	}
}
