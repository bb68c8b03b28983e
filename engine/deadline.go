package engine

import (
	"time"

	"holdfast/codec"
)

// DefaultTick is the step of an event loop's clock. A session may be closed that much
// later than its limit says.
const DefaultTick = 250 * time.Millisecond

// maxStep is how many ticks can pass at once. A process that was stopped or swapped out
// has not read what its clients sent meanwhile and must not treat them as silent.
const maxStep = 4

// deadlines are the times of the limits in ticks.
type deadlines struct {
	firstFrame, frame, login, idle, writeStall, soft, heartbeat, handshake, pong ticks
	// span is the longest time between two checks of a session: the shortest of the
	// deadlines that start without the wheel being told.
	span ticks
}

func (l *Limits) deadlines(tick time.Duration) deadlines {
	// What happens within a tick counts as of its start: add one, so that nobody is
	// closed early.
	within := func(d time.Duration) ticks { return ticks((d+tick-1)/tick) + 1 }
	d := deadlines{
		firstFrame: within(l.FirstFrameTime),
		frame:      within(l.FrameTime),
		idle:       within(l.IdleTime),
		writeStall: within(l.WriteStallTime),
		soft:       within(l.OutboundSoftTime),
		heartbeat:  max(1, ticks(l.Heartbeat/tick)),
		handshake:  within(l.HandshakeTime),
		pong:       within(l.PongTime),
	}
	if l.LoginTime > 0 {
		d.login = within(l.LoginTime)
	}
	d.span = min(d.frame, d.idle, d.heartbeat)
	return d
}

// clock is the time of one event loop and the sessions that have deadlines in it.
// Traffic only stores the time in its session. A session is checked when the wheel
// comes to it, and is then scheduled for its next deadline.
//
// Goroutine: event loop.
type clock struct {
	deadlines
	wheel wheel
	tick  time.Duration
	last  time.Time // the moment of group.now
}

// startClock starts the deadlines of a group at tick 1: in a session, 0 means "never".
func (g *group) startClock(l *Limits, tick time.Duration, start time.Time) {
	g.now = 1
	g.clock = &clock{deadlines: l.deadlines(tick), tick: tick, last: start}
}

// advance moves the time of a group forward and checks the sessions that are due.
func (g *group) advance(to time.Time) {
	c := g.clock
	passed := to.Sub(c.last)
	n := passed / c.tick
	switch {
	case n <= 0:
		return
	case n > maxStep:
		n, c.last = maxStep, to
	default:
		c.last = to.Add(-(passed % c.tick))
	}
	from := g.now
	g.now += ticks(n)
	g.reviewOutput()
	c.wheel.advance(from, g.now, (*Session).checkDeadlines)
}

// watch schedules a check in the next tick, for a session with unsent output.
// Goroutine: event loop.
func (s *Session) watch() {
	g := s.group
	if g.clock == nil || s.closed || (s.wheelAt != 0 && s.wheelAt <= g.now+1) {
		return
	}
	g.clock.wheel.set(s, g.now+1)
}

// unwatch removes the session from the wheel. Goroutine: event loop.
func (s *Session) unwatch() {
	if c := s.group.clock; c != nil {
		c.wheel.remove(s)
	}
}

// startDeadlines starts the deadlines of a new session.
func (s *Session) startDeadlines() {
	g := s.group
	if g.clock == nil {
		return
	}
	s.opened, s.sent = g.now, g.now
	at, _ := s.nextDeadline(g.now, &g.clock.deadlines)
	g.clock.wheel.set(s, min(at, g.now+g.clock.span))
}

// checkDeadlines closes the session if it has missed a deadline, sends a heartbeat if one
// is due, and schedules the next check. Goroutine: event loop.
func (s *Session) checkDeadlines() {
	if s.closed || s.lingering {
		return // lingering has its own timer
	}
	now, d := s.group.now, &s.group.clock.deadlines
	next := now + d.span
	if n := s.link.Buffered(); n > 0 {
		if s.closeIfSlow(now, n, d) {
			return
		}
		next = now + 1
	} else {
		s.stalledSince, s.softSince = 0, 0
	}
	if !s.refused && !s.closing.Load() {
		at, reason := s.nextDeadline(now, d)
		if at <= now {
			s.expire(reason)
		} else {
			next = min(next, at, s.heartbeat(now, d))
			if s.ws != nil && !s.closed {
				next = min(next, s.ws.ping(s, now, d))
			}
		}
	}
	if !s.closed {
		s.group.clock.wheel.set(s, next)
	}
}

// nextDeadline returns the nearest deadline for what the peer sends, and its reason.
func (s *Session) nextDeadline(now ticks, d *deadlines) (at ticks, reason Reason) {
	if s.inFlight > 0 || s.queued {
		s.heard = now // the peer waits for us
	}
	at, reason = s.heard+d.idle, ReasonIdle
	switch {
	case s.patient.Load():
		at = never
	case s.heard == 0:
		at, reason = s.opened+d.firstFrame, ReasonFirstFrameTimeout
	}
	if s.tls != nil && !s.tls.open {
		return s.tls.deadline(s, d), ReasonHandshakeTimeout
	}
	if s.ws != nil {
		switch {
		case !s.ws.open:
			at, reason = s.opened+d.handshake, ReasonHandshakeTimeout
		case s.ws.pinged != 0 && s.frameStart == 0 && s.ws.pinged+d.pong < at:
			at, reason = s.ws.pinged+d.pong, ReasonPongTimeout
		}
	}
	if frame := s.frameStart + d.frame; s.frameStart != 0 && frame < at {
		at, reason = frame, ReasonFrameTimeout
	}
	if login := s.loginDeadline(now, d); login < at {
		at, reason = login, ReasonLoginTimeout
	}
	return at, reason
}

// loginDeadline returns the deadline for the login. One that waits for the server may take
// longer.
func (s *Session) loginDeadline(now ticks, d *deadlines) ticks {
	switch {
	case d.login == 0 || s.everLoggedIn.Load():
		return never
	case s.loggingIn.Load():
		return max(s.opened+d.login, now+1)
	default:
		return s.opened + d.login
	}
}

// expire closes a session that has missed a deadline, after the replies to what it sent
// before.
func (s *Session) expire(reason Reason) {
	if l, ok := s.group.carrier.(*loop); ok {
		l.refuse(s, reason)
		return
	}
	s.Close(reason)
}

// heartbeat sends a heartbeat if one is due, and returns when the next one is. A session
// whose client has ended its stream gets none: it would never count as silent.
func (s *Session) heartbeat(now ticks, d *deadlines) ticks {
	if _, halfClosed := s.link.(*tailLink); halfClosed || !s.loggedIn.Load() {
		return now + d.heartbeat
	}
	if now-s.sent >= d.heartbeat {
		s.sent = now // unsent output serves as a heartbeat, too
		if s.link.Buffered() == 0 {
			if b := s.Dialect().AppendPush(nil, codec.PushHeartbeat, 0, nil); len(b) > 0 { // not every dialect has one
				s.core.Stats.Heartbeats.Add(1)
				s.write(b)
			}
		}
	}
	return s.sent + d.heartbeat
}

// closeIfSlow closes a session that reads nothing, or that reads too little while its
// unsent output is above the soft limit or its requests are held: less than half of the
// soft limit in OutboundSoftTime. It reports whether it did.
func (s *Session) closeIfSlow(now ticks, unsent int, d *deadlines) bool {
	soft, taken := s.core.limits.OutboundSoftBytes, s.written-uint64(unsent)
	if s.stalledSince == 0 || taken != s.taken {
		s.taken, s.stalledSince = taken, now
	}
	switch {
	case unsent <= soft && !s.holding:
		s.softSince = 0
	case s.softSince == 0 || taken-s.softTaken >= uint64(soft)/2:
		s.softSince, s.softTaken = now, taken
	}
	switch {
	case now-s.stalledSince >= d.writeStall:
		s.closing.Store(true)
		s.abortNow(ReasonWriteStall)
	case s.softSince != 0 && now-s.softSince >= d.soft:
		s.closing.Store(true)
		s.finish(ReasonSlowConsumer)
	default:
		return false
	}
	return true
}
