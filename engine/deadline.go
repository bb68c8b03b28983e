package engine

import (
	"time"

	"holdfast/codec"
)

// DefaultTick is the step of an event loop's clock, and how much later than its
// limit says a session may be cut.
const DefaultTick = 250 * time.Millisecond

// maxStep is how many ticks pass at once at most. A process that stood still
// (stopped, swapped out) has not read what its clients sent meanwhile, and must
// not take them for silent.
const maxStep = 4

// deadlines are the times of the limits in ticks.
type deadlines struct {
	firstFrame, frame, login, idle, writeStall, soft, heartbeat ticks
	// span is how many ticks ahead a session is looked at, at the latest. It is
	// the shortest of those times that begin without a word to the wheel.
	span ticks
}

func (l *Limits) deadlines(tick time.Duration) deadlines {
	// What happened within a tick is noted as of its beginning: one more, so that
	// nobody is cut early.
	within := func(d time.Duration) ticks { return ticks((d+tick-1)/tick) + 1 }
	d := deadlines{
		firstFrame: within(l.FirstFrameTime),
		frame:      within(l.FrameTime),
		idle:       within(l.IdleTime),
		writeStall: within(l.WriteStallTime),
		soft:       within(l.OutboundSoftTime),
		heartbeat:  max(1, ticks(l.Heartbeat/tick)),
	}
	if l.LoginTime > 0 {
		d.login = within(l.LoginTime)
	}
	d.span = min(d.frame, d.idle, d.heartbeat)
	return d
}

// clock is the time of one event loop and the sessions that have deadlines in it.
// Traffic stores the time in its session and does not touch the wheel: a session
// is looked at when the wheel comes to it, and set again for what is due then.
//
// Goroutine: event loop.
type clock struct {
	deadlines
	wheel wheel
	tick  time.Duration
	last  time.Time // the moment of group.now
}

// startClock gives the sessions of a group deadlines. They begin at tick 1: 0 in a
// session means never.
func (g *group) startClock(l *Limits, tick time.Duration, start time.Time) {
	g.now = 1
	g.clock = &clock{deadlines: l.deadlines(tick), tick: tick, last: start}
}

// advance lets the time of a group pass up to a moment.
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
	c.wheel.turn(from, g.now, (*Session).look)
}

// watch has the session looked at in the next tick: output stays unsent.
// Goroutine: event loop.
func (s *Session) watch() {
	g := s.group
	if g.clock == nil || s.closed || (s.wheelAt != 0 && s.wheelAt <= g.now+1) {
		return
	}
	g.clock.wheel.set(s, g.now+1)
}

// unwatch forgets the deadlines of a session. Goroutine: event loop.
func (s *Session) unwatch() {
	if c := s.group.clock; c != nil {
		c.wheel.remove(s)
	}
}

// begin starts the time of a session that was opened.
func (s *Session) begin() {
	g := s.group
	if g.clock == nil {
		return
	}
	s.opened, s.sent = g.now, g.now
	at, _ := s.due(g.now, &g.clock.deadlines)
	g.clock.wheel.set(s, min(at, g.now+g.clock.span))
}

// look cuts the session if it has missed a deadline, sends a heartbeat if one is
// due, and sets it for the next look. Goroutine: event loop.
func (s *Session) look() {
	if s.closed || s.lingering {
		return // the end has its own timer
	}
	now, d := s.group.now, &s.group.clock.deadlines
	next := now + d.span
	if n := s.link.Buffered(); n > 0 {
		if s.cutSlow(now, n, d) {
			return
		}
		next = now + 1
	} else {
		s.stalledSince, s.softSince = 0, 0
	}
	if !s.refused && !s.closing.Load() {
		at, reason := s.due(now, d)
		if at <= now {
			s.expire(reason)
		} else {
			next = min(next, at, s.beat(now, d))
		}
	}
	if !s.closed {
		s.group.clock.wheel.set(s, next)
	}
}

// due returns the nearest deadline for what the peer sends, and what it means.
func (s *Session) due(now ticks, d *deadlines) (at ticks, reason Reason) {
	if s.inFlight > 0 || s.waiting {
		s.heard = now // it waits for us
	}
	at, reason = s.heard+d.idle, ReasonIdle
	if s.heard == 0 {
		at, reason = s.opened+d.firstFrame, ReasonFirstFrameTimeout
	}
	if frame := s.begun + d.frame; s.begun != 0 && frame < at {
		at, reason = frame, ReasonFrameTimeout
	}
	if login := s.opened + d.login; d.login != 0 && login < at && !s.known.Load() {
		at, reason = login, ReasonLoginTimeout
	}
	return at, reason
}

// expire closes a session that has missed a deadline, behind the replies to what
// it sent before.
func (s *Session) expire(reason Reason) {
	if l, ok := s.group.carrier.(*loop); ok {
		l.refuse(s, reason)
		return
	}
	s.Close(reason)
}

// beat sends a heartbeat if one is due, and returns when the next one may be.
func (s *Session) beat(now ticks, d *deadlines) ticks {
	if !s.loggedIn.Load() {
		return now + d.heartbeat
	}
	if now-s.sent >= d.heartbeat {
		s.sent = now // also where unsent output must do
		if s.link.Buffered() == 0 {
			s.core.Stats.Heartbeats.Add(1)
			s.write(s.Dialect().AppendPush(nil, codec.PushHeartbeat, 0, nil))
		}
	}
	return s.sent + d.heartbeat
}

// cutSlow closes a session whose unsent output does not move, or was too much for
// too long, and tells whether it did.
func (s *Session) cutSlow(now ticks, unsent int, d *deadlines) bool {
	if taken := s.written - uint64(unsent); s.stalledSince == 0 || taken != s.taken {
		s.taken, s.stalledSince = taken, now
	}
	switch {
	case unsent <= s.core.limits.OutboundSoftBytes:
		s.softSince = 0
	case s.softSince == 0:
		s.softSince = now
	}
	switch {
	case now-s.stalledSince >= d.writeStall:
		s.closing.Store(true)
		s.endNow(ReasonWriteStall)
	case s.softSince != 0 && now-s.softSince >= d.soft:
		s.closing.Store(true)
		s.finish(ReasonSlowConsumer)
	default:
		return false
	}
	return true
}
