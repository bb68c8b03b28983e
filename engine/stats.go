package engine

import "sync/atomic"

// Stats counts what has happened since the start. Goroutine: any.
type Stats struct {
	// Panics counts handlers that panicked, each of which cost one session.
	Panics atomic.Uint64
	// Dropped counts droppable pushes that slow sessions did not get.
	Dropped atomic.Uint64
	closes  [reasonCount]atomic.Uint64
}

// Closes returns how many sessions ended, or were refused, for a reason.
func (s *Stats) Closes(r Reason) uint64 { return s.closes[r].Load() }

// group is what the sessions of one carrier share. Its counters have one
// writer, the event loop, and so cost no contention.
type group struct {
	index    int
	carrier  Carrier
	requests atomic.Uint64
	replied  atomic.Uint64
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	_        [64]byte // counters of two groups never share a cache line
}

// Traffic is what went through all carriers together.
type Traffic struct {
	Requests, Replies, BytesIn, BytesOut uint64
}

// Traffic adds up the carriers' counters.
func (c *Core) Traffic() Traffic {
	var t Traffic
	for _, g := range c.groups {
		t.Requests += g.requests.Load()
		t.Replies += g.replied.Load()
		t.BytesIn += g.bytesIn.Load()
		t.BytesOut += g.bytesOut.Load()
	}
	return t
}
