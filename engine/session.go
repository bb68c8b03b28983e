package engine

import (
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

	// deferred counts replies of this session that wait in holding outboxes; while
	// there are any, later replies queue behind them. Raised where they are added,
	// lowered on the event loop.
	deferred atomic.Int32
	closing  atomic.Bool

	// Goroutine: event loop.
	closed        bool
	refused       bool // sent what is no frame: nothing more is read
	need          int  // bytes without which its next frame is not whole
	lingering     bool
	reason        Reason
	inFlight      int
	inFlightBytes int
	lastPiece     int32 // 1 + index of its last piece in the batch being flushed
}

// ID returns the session's id.
func (s *Session) ID() SessionID { return s.id }

// RemoteAddr returns the peer's address.
func (s *Session) RemoteAddr() net.Addr { return s.remote }

// Link returns the byte pipe under the session. Goroutine: its carrier.
func (s *Session) Link() Link { return s.link }

// Closing tells whether the session is ending: nothing that is not posted yet
// reaches the peer any more. Goroutine: any.
func (s *Session) Closing() bool { return s.closing.Load() }

// Close ends the session: a Notice with the reason is flushed behind what was
// posted before, then the connection is closed. Requests that are still in its
// lane are not executed. Goroutine: any; only the first call counts.
func (s *Session) Close(reason Reason) {
	if !s.closing.CompareAndSwap(false, true) {
		return
	}
	out := s.core.NewOutbox()
	out.Close(s, reason)
	out.Post()
	out.Free()
}

// closeBehind is Close with the Notice behind the replies that out has gathered,
// and behind those that are deferred. Goroutine: lane, or event loop.
func (s *Session) closeBehind(out *Outbox, reason Reason) {
	switch {
	case !s.closing.CompareAndSwap(false, true):
	case s.deferred.Load() > 0:
		s.core.config.Sink.HoldClose(s, reason)
	default:
		out.Close(s, reason)
	}
}

// write sends b unless the session is over. Goroutine: event loop.
func (s *Session) write(b []byte, droppable bool) {
	if len(b) == 0 || s.closed || s.lingering {
		return
	}
	limits := &s.core.limits
	if droppable && s.link.Buffered() > limits.OutboundSoftBytes {
		s.core.Stats.Dropped.Add(1)
		return
	}
	if err := s.link.Write(b); err != nil || s.closed { // a failed Write may call OnClose
		return
	}
	s.group.bytesOut.Add(uint64(len(b)))
	if s.link.Buffered() > limits.OutboundHardBytes {
		s.closing.Store(true)
		s.endNow(ReasonSlowConsumer)
	}
}

// answered lowers what is in flight. Goroutine: event loop.
//
// Whose bytes were answered is not known; they count as of average length.
func (s *Session) answered(n int) {
	if n >= s.inFlight {
		s.inFlight, s.inFlightBytes = 0, 0
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
	if notice := appendNotice(nil, reason); notice != nil {
		_ = s.link.Write(notice)
	}
	if s.closed {
		return
	}
	s.lingering = true
	_ = s.link.CloseWrite()
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
