package journal

import "fmt"

// keptSegments is how many segments a draft reuses for the next commits. Further ones,
// after a rare burst, go back to the garbage collector.
const keptSegments = 4

// A segment is one unfinished batch: space for the header, then records. Its bytes are
// published without a copy.
type segment struct {
	buf   []byte
	count int
}

func (s *segment) fits(n int) bool {
	return s.count < MaxBatchRecords && len(s.buf)+recordBytes(n) <= MaxBatchBytes
}

func (s *segment) reset() {
	if s.buf == nil {
		s.buf = make([]byte, headerBytes, 4<<10)
	}
	s.buf, s.count = s.buf[:headerBytes], 0
}

// A draft collects the records of one commit in as many segments as they need.
type draft struct {
	segments []segment
	used     int // segments in use, at least 1
	records  int
	bytes    int // of the records, without prefixes
}

func newDraft() draft {
	d := draft{segments: make([]segment, 1)}
	d.reset()
	return d
}

// record appends a copy of rec.
func (d *draft) record(rec []byte) {
	s := &d.segments[d.used-1]
	if !s.fits(len(rec)) {
		s = d.next(len(rec))
	}
	s.buf = appendRecord(s.buf, rec)
	s.count++
	d.records++
	d.bytes += len(rec)
}

// next starts another segment for a record of n bytes.
func (d *draft) next(n int) *segment {
	if n > MaxRecord {
		panic(fmt.Sprintf("journal: record of %d bytes, the limit is %d", n, MaxRecord))
	}
	if d.used == len(d.segments) {
		d.segments = append(d.segments, segment{})
	}
	s := &d.segments[d.used]
	s.reset()
	d.used++
	return s
}

// together makes the next n records, which have that many bytes in all, come into one batch, if a
// batch can have them.
func (d *draft) together(n, bytes int) {
	s := &d.segments[d.used-1]
	if s.count > 0 && (s.count+n > MaxBatchRecords || len(s.buf)+bytes+n*maxPrefixBytes > MaxBatchBytes) {
		d.next(0)
	}
}

// batches returns the segments with records, in order.
func (d *draft) batches() []segment {
	if d.records == 0 {
		return nil
	}
	return d.segments[:d.used]
}

func (d *draft) reset() {
	if len(d.segments) > keptSegments {
		clear(d.segments[keptSegments:])
		d.segments = d.segments[:keptSegments]
	}
	d.segments[0].reset()
	d.used, d.records, d.bytes = 1, 0, 0
}
