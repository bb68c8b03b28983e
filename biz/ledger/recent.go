package ledger

import (
	"encoding/binary"
	"slices"
)

// recent holds the newest events in their binary form, which takes a quarter of the memory
// of an Event. It grows with the events, so an unused account needs no memory for it. At
// most twice max events are stored; the older half is dropped at once.
type recent struct {
	bytes []byte // each event, and after it its length
	count int    // events in bytes
	max   int
	half  int // where the event after the oldest max ones starts, once there are as many
}

// lengthSize is the size of the length after an event.
const lengthSize = 2

// len returns how many events count as in memory.
func (r *recent) len() int { return min(r.count, r.max) }

// before returns where the event starts whose length ends at end.
func (r *recent) before(end int) (start int) {
	return end - lengthSize - int(binary.LittleEndian.Uint16(r.bytes[end-lengthSize:]))
}

// start returns where the newest n events start.
func (r *recent) start(n int) int {
	at := len(r.bytes)
	for range n {
		at = r.before(at)
	}
	return at
}

// add appends an event and returns its bytes.
func (r *recent) add(e *Event) []byte {
	start := len(r.bytes)
	r.bytes = AppendEvent(r.bytes, e)
	end := len(r.bytes)
	r.bytes = binary.LittleEndian.AppendUint16(r.bytes, uint16(end-start))
	if r.count++; r.count == r.max {
		r.half = len(r.bytes)
	}
	return r.bytes[start:end]
}

// trim drops old events if there are too many. A command calls it at its start, so that all
// its own events stay.
func (r *recent) trim() {
	if r.count < 2*r.max {
		return
	}
	if r.count > 2*r.max { // after a command with many events
		r.half = r.start(r.max)
	}
	left := r.bytes[r.half:]
	if r.count = r.max; cap(r.bytes) > 8*len(left)+1024 {
		r.bytes = slices.Clone(left)
	} else {
		r.bytes = r.bytes[:copy(r.bytes, left)]
	}
	r.half = len(r.bytes)
}

// appendNewest appends the newest n events to dst, oldest first.
func (r *recent) appendNewest(dst []byte, n int) []byte {
	if n == 1 {
		end := len(r.bytes)
		return append(dst, r.bytes[r.before(end):end-lengthSize]...)
	}
	ends := make([]int, 0, n)
	for at := len(r.bytes); len(ends) < n; at = r.before(at) {
		ends = append(ends, at)
	}
	for _, end := range slices.Backward(ends) {
		dst = append(dst, r.bytes[r.before(end):end-lengthSize]...)
	}
	return dst
}
