package engine

import (
	"holdfast/codec"
	"net"
	"sync/atomic"
	"time"
)

// SessionID is the number of a session: 1, 2, 3... in the order in which they opened since the
// start of the server. An old id never names a new session.
type SessionID uint64

// Session is one connection and who is logged in on it. Handlers store their own
// state of a session in properties (Property).
type Session struct {
	id         SessionID
	core       *Core
	link       Link
	group      *group
	remote     net.Addr
	connected  time.Time
	properties []any

	listener *Listener
	tls      *tlsInput     // nil: not encrypted, or not by this process
	secure   SecureLink    // the link, if it is one; else nil
	ws       *webInput     // nil: not a WebSocket session
	dialect  codec.Dialect // final before the first message is executed
	ordered  bool          // of its dialect
	laneOnly bool          // no message is executed on the event loop

	// underWay counts the replies of this session that are deferred or posted and not
	// yet written. While there are any, an inline carrier must post the next replies,
	// too, or they would overtake. Only inline carriers use it.
	underWay     atomic.Int32
	closing      atomic.Bool
	loggedIn     atomic.Bool
	everLoggedIn atomic.Bool // was logged in at some time
	patient      atomic.Bool // of SetPatient
	loggingIn    atomic.Bool

	requests uint32        // executed so far. Goroutine: the one that executes them
	held     *heldRequests // Goroutine: lane
	due      atomic.Int64  // bytes of its output; see flow.go
	shown    atomic.Int64  // unsent, for any goroutine

	cursors atomic.Pointer[[]*cursor] // in feeds; the slice is never changed

	// Goroutine: event loop.
	replied       uint32 // requests whose replies are written; see Request
	early         *earlyOutput
	closed        bool
	announced     bool // Config.OnOpen was called
	wantsTLS      bool // its client speaks TLS, and the listener does not
	refused       bool // it is being closed: nothing more is read
	queued        bool // complete frames wait in the loop's queue
	blocked       bool // they wait because the lane is full
	lingering     bool
	holding       bool   // its lane holds requests until output is read
	watched       bool   // in loop.watched
	loopRun       uint32 // loop.runs when its last request on the loop was executed
	reason        Reason
	lastPiece     int32 // 1 + index of its last piece in the batch being flushed
	need          int32 // bytes that its next frame needs
	inFlight      int
	inFlightBytes int

	// Deadlines; see clock. A tick of 0 means "never". Goroutine: event loop.
	opened       ticks
	heard        ticks  // of its last whole frame, or of the last reply if that is later
	frameStart   ticks  // of the first byte of an incomplete frame
	sent         ticks  // of the last output
	softSince    ticks  // unsent output is above the soft limit, or requests are held
	softTaken    uint64 // bytes that the peer had taken by then
	stalledSince ticks  // the peer has taken none of it
	taken        uint64 // bytes that it had taken by then
	wheelAt      ticks
	wheelNext    *Session
	wheelPrev    *Session

	// Goroutine: event loop.
	written uint64      // bytes given to the link
	answers uint64      // of those, the bytes up to the end of the last unsent reply
	large   uint64      // the same for replies of at least Core.largeReply bytes
	unsent  int         // bytes of those that are still in the link; see backlog
	counted int         // of unsent, what is part of due
	place   int         // 1 + index in the carrier's backlog; 0: not there
	missed  *missedKeys // droppable pushes that it did not get
}

// ID returns the session's id.
func (s *Session) ID() SessionID { return s.id }

// Dialect returns how its messages are written.
func (s *Session) Dialect() codec.Dialect { return s.dialect }

// Greets reports whether the server speaks first on the session's listener.
func (s *Session) Greets() bool { return s.listener.Greets }

// Listener returns where the session came to. It must not be changed.
func (s *Session) Listener() *Listener { return s.listener }

// Connected returns when the connection was accepted.
func (s *Session) Connected() time.Time { return s.connected }

// Unsent returns how many bytes of its output are not sent, as of the last write or the last review, a
// few times a second. Goroutine: any.
func (s *Session) Unsent() int64 { return s.shown.Load() }

// RemoteAddr returns the peer's address.
func (s *Session) RemoteAddr() net.Addr { return s.remote }

// Closing reports whether the session is ending: what is not posted yet no longer
// reaches the peer. Goroutine: any.
func (s *Session) Closing() bool { return s.closing.Load() }

// Due returns how many bytes of large replies, and of what Outbox.PushDue has added, the peer has not
// taken yet. It falls a few times a second, or at once when there is no unsent output. Goroutine: any.
func (s *Session) Due() int64 { return s.due.Load() }

// SetLoggedIn sets whether somebody is logged in. A session that is logged in may send
// longer frames, has no login deadline and gets heartbeats. Goroutine: any.
func (s *Session) SetLoggedIn(yes bool) {
	if yes {
		s.everLoggedIn.Store(true)
	}
	s.loggedIn.Store(yes)
}

// LoggedIn reports whether somebody is logged in. If so, all that OnOpen and the login have set before is
// seen. Goroutine: any.
func (s *Session) LoggedIn() bool { return s.loggedIn.Load() }

// SetPatient ends the limit IdleTime for the session: its protocol finds silent peers itself.
// Goroutine: any.
func (s *Session) SetPatient() { s.patient.Store(true) }

// SetLoggingIn sets whether a login of the session waits for the server: the session has no
// login deadline meanwhile. Goroutine: any.
func (s *Session) SetLoggingIn(yes bool) { s.loggingIn.Store(yes) }

// Close ends the session: it sends a Notice with the reason after what was posted
// before, and then closes the connection. Replies that wait for an earlier one are
// dropped, and requests that are still in the lane are not executed. Only the first
// call has an effect. Goroutine: any.
func (s *Session) Close(reason Reason) {
	if !s.closing.CompareAndSwap(false, true) {
		return
	}
	out := s.core.NewOutbox()
	out.closeAfter(s, reason, 0, false)
	out.Post()
	out.Free()
}

// closeAfter is Close with the Notice after what out has gathered and, if numbered,
// after the replies to all requests before that number.
func (s *Session) closeAfter(out *Outbox, reason Reason, number uint32, numbered bool) {
	if s.closing.CompareAndSwap(false, true) {
		out.closeAfter(s, reason, number, numbered)
	}
}

// answered subtracts n answered requests from what is in flight. Goroutine: event loop.
//
// The sizes of single requests are not stored, so each counts as of average size.
func (s *Session) answered(n int) {
	if n == 0 {
		return
	}
	if n >= s.inFlight {
		s.inFlight, s.inFlightBytes = 0, 0
		s.heard = s.group.now // from here on the peer may count as idle
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
	if s.tls.lasts() {
		time.AfterFunc(s.core.limits.Linger, s.abort)
		return // continueHandshake sends the Notice
	}
	s.early = nil // nobody gets it any more
	s.flushFeeds(lastFeedParts)
	s.leaveFeeds()
	if s.closed || s.lingering {
		return
	}
	s.sendNotice(reason)
	if s.closed {
		return
	}
	s.lingering = true
	_ = s.link.CloseWrite()
	if reason == ReasonShuttingDown && s.link.Buffered() > 0 {
		return // a stop waits for slow readers itself, up to its time limit
	}
	time.AfterFunc(s.core.limits.Linger, s.abort)
}

// abort closes the connection soon. Goroutine: any.
func (s *Session) abort() {
	out := s.core.NewOutbox()
	out.abort(s)
	out.Post()
	out.Free()
}

// abortNow closes the connection without waiting for the peer.
// Goroutine: event loop.
func (s *Session) abortNow(reason Reason) {
	if s.closed {
		return
	}
	s.reason = reason
	_ = s.link.Close()
}
