package engine

import (
	"holdfast/codec"
	"net"
	"sync/atomic"
	"time"
)

// SessionID names a session for as long as it lives. The low 32 bits are a slot
// that is used again, the high 32 bits count how often it was: an old id never
// names a new session.
type SessionID uint64

// Session is one connection and who is logged in on it. Handlers keep what they
// know of it in properties.
type Session struct {
	id         SessionID
	core       *Core
	link       Link
	group      *group
	remote     net.Addr
	properties []any

	listener *Listener
	ordered  bool // of its dialect

	// underWay counts the places among the replies of this session that the carrier
	// does not write directly; while there are any, all replies go that way. Only for
	// carriers with direct contexts. Raised where a reply is deferred or posted, lowered
	// after its write.
	underWay atomic.Int32
	closing  atomic.Bool
	loggedIn atomic.Bool
	known    atomic.Bool // was logged in at some time

	requests uint32 // executed so far. Goroutine: who executes them

	// Goroutine: event loop.
	replied       uint32 // requests whose replies are written; see Request
	early         *earlyOutput
	closed        bool
	refused       bool // its end is on the way: nothing more is read
	waiting       bool // whole frames wait for their turn, in the loop's queue
	blocked       bool // they wait for room in the lane instead
	lingering     bool
	reason        Reason
	lastPiece     int32 // 1 + index of its last piece in the batch being flushed
	need          int32 // bytes without which its next frame is not whole
	inFlight      int
	inFlightBytes int

	// Deadlines; see clock. A tick is 0 where there is nothing that it would be of.
	// Goroutine: event loop.
	opened       ticks
	heard        ticks  // of its last whole frame, or of the last reply if that is later
	begun        ticks  // of the first byte of a frame that is not whole
	sent         ticks  // of the last output
	softSince    ticks  // unsent output is above the soft limit
	stalledSince ticks  // the peer has taken none of it
	taken        uint64 // what it has taken by then
	wheelAt      ticks
	wheelNext    *Session
	wheelPrev    *Session

	// Goroutine: event loop.
	written uint64      // bytes given to the link
	unsent  int         // bytes of those that the link keeps; see backlog
	place   int         // 1 + index in the carrier's backlog; 0: not there
	missed  *missedKeys // droppable pushes that it did not get
}

// ID returns the session's id.
func (s *Session) ID() SessionID { return s.id }

// Dialect returns how its messages are written.
func (s *Session) Dialect() codec.Dialect { return s.listener.Dialect }

// Greets reports whether the server speaks first on the session's listener.
func (s *Session) Greets() bool { return s.listener.Greets }

// RemoteAddr returns the peer's address.
func (s *Session) RemoteAddr() net.Addr { return s.remote }

// Closing tells whether the session is ending: nothing that is not posted yet
// reaches the peer any more. Goroutine: any.
func (s *Session) Closing() bool { return s.closing.Load() }

// SetLoggedIn says whether somebody is logged in: the session may send longer
// frames then, has no deadline for the login any more, and gets heartbeats.
// Goroutine: any.
func (s *Session) SetLoggedIn(yes bool) {
	if yes {
		s.known.Store(true)
	}
	s.loggedIn.Store(yes)
}

// Close ends the session: a Notice with the reason is flushed after what was posted
// before, then the connection is closed. Replies that wait for an earlier one are
// dropped, and requests that are still in its lane are not executed. Goroutine: any; only the first call counts.
func (s *Session) Close(reason Reason) {
	if !s.closing.CompareAndSwap(false, true) {
		return
	}
	out := s.core.NewOutbox()
	out.closeAfter(s, reason, 0, false)
	out.Post()
	out.Free()
}

// closeAfter is Close with the Notice after what out has gathered and, with a number,
// after the replies to all requests before that one.
func (s *Session) closeAfter(out *Outbox, reason Reason, number uint32, numbered bool) {
	if s.closing.CompareAndSwap(false, true) {
		out.closeAfter(s, reason, number, numbered)
	}
}

// answered lowers what is in flight. Goroutine: event loop.
//
// Whose bytes were answered is not known; they count as of average length.
func (s *Session) answered(n int) {
	if n == 0 {
		return
	}
	if n >= s.inFlight {
		s.inFlight, s.inFlightBytes = 0, 0
		s.heard = s.group.now // its turn begins
		return
	}
	s.inFlightBytes -= int(int64(s.inFlightBytes) * int64(n) / int64(s.inFlight))
	s.inFlight -= n
}

// finish sends the Notice and lets the peer read it: the connection is closed
// when the peer closes its side, or when the time to linger is over.
// Goroutine: event loop.
func (s *Session) finish(reason Reason) {
	if s.closed || s.lingering {
		return
	}
	s.closing.Store(true)
	s.reason = reason
	s.early = nil // nobody gets it any more
	s.tell(reason)
	if s.closed {
		return
	}
	s.lingering = true
	_ = s.link.CloseWrite()
	if reason == ReasonShuttingDown && s.link.Buffered() > 0 {
		return // a stop waits for readers as long as it may, and then cuts them all
	}
	time.AfterFunc(s.core.limits.Linger, s.end)
}

// end closes the connection soon. Goroutine: any.
func (s *Session) end() {
	out := s.core.NewOutbox()
	out.end(s)
	out.Post()
	out.Free()
}

// endNow closes the connection without waiting for the peer.
// Goroutine: event loop.
func (s *Session) endNow(reason Reason) {
	if s.closed {
		return
	}
	s.reason = reason
	_ = s.link.Close()
}
