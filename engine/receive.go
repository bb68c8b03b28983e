package engine

import (
	"context"

	"holdfast/codec"
)

// receive takes the complete frames that a session has sent, up to FramesPerEvent. The
// rest waits in the loop's queue, so that other sessions are served in between.
func (l *loop) receive(s *Session) {
	if s.tls != nil && !s.tls.open {
		l.receiveHandshake(s)
		return
	}
	most := l.core.limits.MaxFrameBytes
	if !s.loggedIn.Load() {
		most = l.core.limits.LoginFrameBytes
	}
	b := s.received(most)
	if s.closed {
		return
	}
	end, frames, err := codec.Scan(s.dialect, b, most, l.core.limits.FramesPerEvent)
	if frames == l.core.limits.FramesPerEvent && end < len(b) {
		l.queue.add(s)
	}
	l.recordProgress(s, most, b, end)
	if end > 0 {
		if taken := l.dispatch(s, b[:end], frames); taken < end {
			l.block(s, b, taken)
			return
		}
	}
	reason := s.inputEnd()
	switch {
	case err != nil:
		reason = frameReason(err)
		s.ws.explain(err)
		s.wantsTLS = s.heard == 0 && s.tls == nil && b[0] == recordHandshake
	case s.queued:
		reason = ReasonNone // not yet
	}
	if reason != ReasonNone {
		l.refuse(s, reason)
		s.discardAllInput()
		return
	}
	s.discardInput(b, end)
}

// recordProgress updates the deadlines and how many bytes the next frame needs: the
// first end bytes of b were complete frames.
func (l *loop) recordProgress(s *Session, most int, b []byte, end int) {
	now := s.group.now
	if end > 0 {
		s.heard = now
	}
	switch {
	case s.queued || end == len(b) && !s.ws.incomplete():
		s.frameStart, s.need = 0, 0
		return
	case end > 0 || s.frameStart == 0:
		s.frameStart = now
	}
	if s.tls == nil { // else the frame is there before the records that end it are
		need, _ := s.dialect.FrameLen(b[end:], most)
		s.need = int32(need)
	}
}

// queue holds the sessions with complete frames that wait. Their bytes stay in gnet's
// buffers. These hold at most one read and one frame: gnet reads no more before it has
// run the loop's tasks, and the queue is one of them.
//
// Goroutine: event loop.
type queue struct {
	loop     *loop
	sessions []*Session
	due      bool // Run was handed to gnet and has not started
}

// add appends s.
func (q *queue) add(s *Session) {
	s.queued = true
	q.sessions = append(q.sessions, s)
	if q.due {
		return
	}
	q.due = q.loop.events.Execute(context.Background(), q) == nil
}

// Run implements gnet.Runnable: it serves each session once.
func (q *queue) Run(context.Context) error {
	q.due = false
	q.serve()
	return nil
}

func (q *queue) serve() {
	sessions := q.sessions
	q.sessions = nil
	for _, s := range sessions {
		if s.blocked {
			continue // unblock serves it
		}
		s.queued = false
		q.resume(s)
	}
}

// resume serves what s has sent, if it is still open.
func (q *queue) resume(s *Session) {
	if s.closed {
		return
	}
	if s.refused || s.closing.Load() {
		s.discardAllInput()
		return
	}
	q.loop.receive(s)
}

// drain serves all sessions until nothing waits.
func (q *queue) drain() {
	for len(q.sessions) > 0 {
		q.serve()
	}
}

// limitQueued is called when a session that waits sends more. It closes the session when
// more bytes wait than it may have in flight, or than a blocked session may have.
func (l *loop) limitQueued(s *Session) {
	limits := &l.core.limits
	most := limits.MaxFrameBytes + limits.InFlightBytes
	if s.blocked {
		most = maxBlockedBytes
	}
	if s.inputSize() > most {
		s.Close(ReasonOverloaded)
	}
}

// maxBlockedBytes is how much a session may have waiting while the lane is full: a few
// requests. Those sessions that made it full have more.
const maxBlockedBytes = 2 << 10

// block makes s wait until a full lane has space again. The first taken bytes of b are in
// the lane. A session with more than a few requests left is closed.
func (l *loop) block(s *Session, b []byte, taken int) {
	s.discardInput(b, taken)
	if len(b)-taken > maxBlockedBytes {
		s.Close(ReasonOverloaded)
		return
	}
	s.frameStart, s.need = 0, 0
	s.queued, s.blocked = true, true
	l.blocked = append(l.blocked, s)
	s.group.blocked.Store(int64(len(l.blocked)))
}

// unblock serves the blocked sessions, in the order in which they came, until the lane
// is full again.
func (l *loop) unblock() {
	sessions := l.blocked
	if len(sessions) == 0 {
		return
	}
	l.blocked = nil
	for i, s := range sessions {
		s.queued, s.blocked = false, false
		l.queue.resume(s)
		if s.blocked {
			l.blocked = append(l.blocked, sessions[i+1:]...)
			break
		}
	}
	l.core.groups[l.index].blocked.Store(int64(len(l.blocked)))
}
