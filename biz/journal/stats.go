package journal

import (
	"cmp"
	"slices"
	"time"
)

// Stats counts what a Committer has written.
type Stats struct {
	Commits uint64
	Records uint64
	Bytes   uint64        // of the records
	Total   time.Duration // spent writing, fsync included

	// The commits by their records, by their bytes, and by the time spent writing: the
	// buckets up to the bounds of RecordBounds, SizeBounds and TimeBounds, and one above them.
	ByRecords [len(upToRecords) + 1]uint64
	BySize    [len(upToBytes) + 1]uint64
	ByTime    [len(upToTime) + 1]uint64
	Written   uint64 // sum of ByRecords; Records may be fewer, where a CommitLog counts some kinds only
}

var (
	upToRecords = [...]int{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000}
	upToBytes   = [...]int{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}
	upToTime    = [...]time.Duration{
		100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
		time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
		10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2500 * time.Millisecond, 5 * time.Second,
	}
)

// RecordBounds returns the upper bounds of the buckets of Stats.ByRecords.
func RecordBounds() []int { return slices.Clone(upToRecords[:]) }

// SizeBounds returns the upper bounds of the buckets of Stats.BySize, in bytes.
func SizeBounds() []int { return slices.Clone(upToBytes[:]) }

// TimeBounds returns the upper bounds of the buckets of Stats.ByTime.
func TimeBounds() []time.Duration { return slices.Clone(upToTime[:]) }

// bucket returns which bucket a value is in.
func bucket[T cmp.Ordered](bounds []T, value T) int {
	n, _ := slices.BinarySearch(bounds, value)
	return n
}

func (s *Stats) add(d *draft, took time.Duration) {
	s.Commits++
	s.Records += uint64(d.records)
	s.Bytes += uint64(d.bytes)
	s.Total += took
	s.Written += uint64(d.records)
	s.ByRecords[bucket(upToRecords[:], d.records)]++
	s.BySize[bucket(upToBytes[:], d.bytes)]++
	s.ByTime[bucket(upToTime[:], took)]++
}
