package engine

import (
	"cmp"
	"slices"
	"time"
)

// Flow control of replies: a session's next request is executed only when at most
// Core.dueLimit bytes of its output are due: half of OutboundHardBytes. Its other requests
// are held and count as in flight. So a client that reads at full speed may ask for any
// amount within the limits; the other half, and as much again, is for the last reply and
// for pushes. A client that does not read costs at most that, and one reply.
//
// Due output is (Session.due):
//
//   - encoded replies of at least Core.largeReply bytes that are not written yet,
//   - as many bytes of the pushes before the start of a feed, such as the last messages of a
//     chat room,
//   - what the link stores, while there is one of these among it,
//   - what Outbox.PushDue has added, in the same way,
//   - replies that wait for an earlier one,
//   - a share for each request that runs off the lane.
//
// Smaller replies need no flow control: all that a session can have in flight are at most
// twice OutboundHardBytes.
//
// The lane holds requests and never waits. The event loop looks at the sessions with held
// requests, and hands them back to the lane when less than half of dueLimit is due.

// setDueLimits derives the limits of due output.
func (c *Core) setDueLimits() {
	l := &c.limits
	c.dueLimit = int64(l.OutboundHardBytes / 2)
	c.largeReply = max(1, 2*l.OutboundHardBytes/l.InFlightRequests)
}

// offLaneShare is what a request off the lane counts as due before its reply is known: a
// session has at most four.
func (c *Core) offLaneShare() int64 { return c.dueLimit/4 + 1 }

// largeReply is a reply that counts as due until its batch is written or dropped.
type largeReply struct {
	session *Session
	size    int64
}

// addLarge counts a reply as due.
func (b *Batch) addLarge(s *Session, sizeBytes int) {
	s.due.Add(int64(sizeBytes))
	if n := len(b.large); n > 0 && b.large[n-1].session == s {
		b.large[n-1].size += int64(sizeBytes)
		return
	}
	b.large = append(b.large, largeReply{s, int64(sizeBytes)})
}

// largeWritten makes the unsent output of the batch's sessions count as due, as the batch
// has large replies to them. Goroutine: the batch's carrier, after the write.
func (b *Batch) largeWritten() {
	for i := range b.large {
		s := b.large[i].session
		s.large = s.written
		s.countUnsent()
	}
}

// countUnsent updates which part of the unsent output is due. Goroutine: event loop.
func (s *Session) countUnsent() {
	early := s.early.size()
	n := early
	if link := s.unsent - early; link > 0 && s.large > 0 && s.large+uint64(link) > s.written {
		n += link
	}
	if n != s.counted {
		s.due.Add(int64(n - s.counted))
		s.counted = n
	}
}

// clearLarge subtracts the replies of the batch from what is due: they are written, or never
// will be.
func (b *Batch) clearLarge() {
	for i := range b.large {
		b.large[i].session.due.Add(-b.large[i].size)
	}
	clear(b.large)
	b.large = b.large[:0]
}

// heldRequests are the requests of a session that are held. Goroutine: lane.
type heldRequests struct {
	frames []byte
	end    Reason // close the session after them; ReasonNone: do not
}

// serve executes a piece of the lane, or holds what must wait. A piece without bytes means
// the close of its session, or, without a reason, that held requests may go on.
// Goroutine: lane.
func (l *loop) serve(s *Session, frames []byte, reason Reason) {
	switch {
	case s.held != nil:
		l.serveHeld(s, frames, reason)
	case len(frames) == 0:
		s.closeAfter(l.worker.out, reason, s.requests, true)
	default:
		used, _ := l.core.execute(l.worker, s, frames, false)
		if used == len(frames) || s.closing.Load() {
			return
		}
		s.held = new(heldRequests)
		s.group.held.Add(1)
		l.hold(s, frames[used:])
		l.watchHeld(s)
	}
}

// serveHeld is serve for a session that has held requests. Goroutine: lane.
func (l *loop) serveHeld(s *Session, frames []byte, reason Reason) {
	h := s.held
	switch {
	case len(frames) > 0:
		l.hold(s, frames)
		return
	case reason != ReasonNone:
		h.end = cmp.Or(h.end, reason)
		return
	}
	used, _ := l.core.execute(l.worker, s, h.frames, false)
	if used < len(h.frames) && !s.closing.Load() {
		h.frames = h.frames[used:]
		l.heldBytes -= used
		l.watchHeld(s)
		return
	}
	l.heldBytes -= len(h.frames)
	s.held = nil
	if h.end != ReasonNone {
		s.closeAfter(l.worker.out, h.end, s.requests, true)
	}
	l.worker.Post() // a stop waits for the count, and then for what is posted
	s.group.held.Add(-1)
}

// hold stores frames of a session. All that a lane holds is at most Limits.LaneBytes: a
// session with more is closed. Goroutine: lane.
func (l *loop) hold(s *Session, frames []byte) {
	if l.heldBytes+len(frames) > l.core.limits.LaneBytes {
		s.Close(ReasonOverloaded)
		return
	}
	s.held.frames = append(s.held.frames, frames...)
	l.heldBytes += len(frames)
}

// watchHeld has the event loop look at a session with held requests, after it has written
// the replies that the session already has. Goroutine: lane.
func (l *loop) watchHeld(s *Session) {
	l.worker.Post()
	l.mu.Lock()
	l.newlyHeld = append(l.newlyHeld, s)
	l.mu.Unlock()
	l.requestRun(nil)
}

// While there are sessions to look at, the loop looks at them this often: gnet does not
// tell when peers take output. The time doubles as long as nothing changes.
const (
	shortestLook = time.Millisecond
	longestLook  = 16 * time.Millisecond
)

// look looks at the sessions that wait for their output: those with held requests, and
// those whose clients have ended their stream. Goroutine: event loop.
func (l *loop) look() {
	changed := false
	l.watched = slices.DeleteFunc(l.watched, func(s *Session) bool {
		due, written := s.due.Load(), s.written
		again := l.lookAt(s)
		changed = changed || !again || s.due.Load() != due || s.written != written
		return !again
	})
	l.lookTime = min(2*l.lookTime, longestLook)
	if changed {
		l.lookTime = shortestLook
	}
}

// lookAgain starts the timer of the next look, if one is needed. Goroutine: event loop.
func (l *loop) lookAgain() {
	if len(l.watched) == 0 || l.lookStarted {
		return
	}
	l.lookStarted = true
	l.lookTime = max(l.lookTime, shortestLook)
	// With many sessions less often: a look at one takes up to 1 us.
	after := l.lookTime + time.Duration(len(l.watched))*shortestLook/300
	if l.lookTimer == nil {
		l.lookTimer = time.AfterFunc(after, l.lookSoon)
		return
	}
	l.lookTimer.Reset(after)
}

// runLooks looks at the sessions with held requests that are new, and at all if look is set.
// Goroutine: event loop.
func (l *loop) runLooks(newlyHeld []*Session, look bool) {
	for _, s := range newlyHeld {
		if s.due.Load() <= l.core.dueLimit { // the peer takes it as quickly as it is written
			l.lane.Put(s, nil, int(ReasonNone)) // no bytes always fit
			continue
		}
		s.holding = true
		l.keepLooking(s)
	}
	if look {
		l.lookStarted = false
		l.look()
	}
	l.lookAgain()
}

// lookSoon has the event loop look. Goroutine: any.
func (l *loop) lookSoon() {
	l.mu.Lock()
	l.lookDue = true
	l.mu.Unlock()
	l.requestRun(nil)
}

// lookAt updates what is due for s and lets its requests go on if that is little. It
// reports whether to look again. Goroutine: event loop.
func (l *loop) lookAt(s *Session) bool {
	t, halfClosed := s.link.(*tailLink)
	if halfClosed && !s.closed {
		t.flush()
	}
	if !s.closed {
		s.setUnsent(s.link.Buffered())
	}
	behind := !s.closed && s.flushFeeds(feedParts)
	if s.holding && (s.closed || s.closing.Load() || s.due.Load() <= l.core.dueLimit/2) {
		s.holding = false
		l.lane.Put(s, nil, int(ReasonNone))
	}
	if halfClosed && !s.closed {
		t.endIfDone(l)
	}
	s.watched = !s.closed && (s.holding || halfClosed || behind)
	return s.watched
}

// keepLooking adds s to the sessions to look at. Goroutine: event loop.
func (l *loop) keepLooking(s *Session) {
	if !s.watched {
		s.watched = true
		l.watched = append(l.watched, s)
	}
}

// closeHeld closes the sessions with held requests, which are not executed: the server
// stops. Goroutine: event loop.
func (l *loop) closeHeld() {
	for _, s := range l.watched {
		if s.holding {
			s.Close(ReasonShuttingDown)
		}
	}
}
