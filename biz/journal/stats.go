package journal

import "time"

// Stats counts what a Committer has written.
type Stats struct {
	Commits uint64
	Records uint64
	Bytes   uint64        // of the records
	Total   time.Duration // spent writing, fsync included
}

func (s *Stats) add(d *draft, took time.Duration) {
	s.Commits++
	s.Records += uint64(d.records)
	s.Bytes += uint64(d.bytes)
	s.Total += took
}
