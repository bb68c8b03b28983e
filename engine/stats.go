package engine

import "sync/atomic"

// Stats counts what has happened since the start. Goroutine: any.
type Stats struct {
	// Panics counts handlers that panicked, each of which cost one session.
	Panics atomic.Uint64
	// Dropped counts droppable pushes that slow sessions did not get, Conflated the
	// keys that were later reported for a push of the newest state (Config.OnCatchUp).
	Dropped   atomic.Uint64
	Conflated atomic.Uint64
	// Heartbeats counts the heartbeat pushes.
	Heartbeats atomic.Uint64
	// HalfClosedLost counts sessions whose clients ended their stream and did not get all
	// replies, because no descriptor was free, or gnet kept unsent output elsewhere.
	HalfClosedLost atomic.Uint64
	// Handshakes counts the TLS handshakes that succeeded, HandshakesFailed those that did
	// not because of the client or its certificate.
	Handshakes       atomic.Uint64
	HandshakesFailed atomic.Uint64
	closes           [reasonCount]atomic.Uint64
}

// Closes returns how many sessions ended, or were refused, for a reason.
func (s *Stats) Closes(r Reason) uint64 { return s.closes[r].Load() }

// group is what the sessions of one carrier share. Its counters have one
// writer, the event loop, and so cost no contention.
type group struct {
	index    int
	carrier  Carrier
	inline   bool // of AddInlineCarrier
	requests atomic.Uint64
	replied  atomic.Uint64
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	backlog  backlog
	blocked  atomic.Int64               // sessions that wait because the lane is full
	held     atomic.Int64               // sessions that wait because their output is not read
	depth    func() (pieces, bytes int) // of the lane; nil without a lane. Goroutine: any
	now      ticks                      // the time of the event loop, stored by its clock
	clock    *clock                     // nil: no deadlines
	feeds    *feedFlusher               // nil: the carrier is not an event loop
	timing   timing
	_        [64]byte // counters of two groups never share a cache line
}

// Traffic counts what went through all carriers.
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

// Load is what waits in all carriers at one moment.
type Load struct {
	LanePieces, LaneBytes       int // request batches that wait for a worker
	Blocked                     int // sessions whose requests wait because a lane is full
	Held                        int // sessions whose requests wait because their output is not read
	UnsentSessions, UnsentBytes int // output that peers have not taken
	PushesWaiting               int // see Core.PushesWaiting
	FeedBytes                   int // logs of feeds: what their slowest sessions need, and later
}

// Load adds up what waits. Goroutine: any.
func (c *Core) Load() Load {
	l := Load{PushesWaiting: c.PushesWaiting()}
	for _, g := range c.groups {
		l.UnsentSessions += int(g.backlog.shownSessions.Load())
		l.UnsentBytes += int(g.backlog.shownBytes.Load())
		l.Blocked += int(g.blocked.Load())
		l.Held += int(g.held.Load())
		if g.feeds != nil {
			l.FeedBytes += int(g.feeds.bytes.Load())
		}
		if g.depth != nil {
			pieces, bytes := g.depth()
			l.LanePieces += pieces
			l.LaneBytes += bytes
		}
	}
	return l
}
