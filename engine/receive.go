package engine

import (
	"context"
)

// receive takes the whole frames among what a session has sent, up to
// FramesPerEvent of them. What is more waits in the loop's queue, so that the
// other sessions of the turn have theirs first.
func (l *loop) receive(s *Session, in *inbound) {
	most := l.core.limits.MaxFrameBytes
	if !s.loggedIn.Load() {
		most = l.core.limits.LoginFrameBytes
	}
	b := in.received()
	end, frames, err := s.listener.Dialect.Scan(b, most, l.core.limits.FramesPerEvent)
	if frames == l.core.limits.FramesPerEvent && end < len(b) {
		l.queue.add(s)
	}
	l.note(s, most, b, end)
	if end > 0 {
		if taken := l.accept(s, b[:end], frames); taken < end {
			l.block(s, in, taken, len(b))
			return
		}
	}
	if err != nil {
		l.refuse(s, frameReason(err))
		in.drop()
		return
	}
	in.take(end)
}

// note keeps what the deadlines and the next look at the session's bytes need:
// the first end of b were whole frames.
func (l *loop) note(s *Session, most int, b []byte, end int) {
	now := s.group.now
	if end > 0 {
		s.heard = now
	}
	switch {
	case end == len(b) || s.waiting:
		s.begun, s.need = 0, 0
		return
	case end > 0 || s.begun == 0:
		s.begun = now
	}
	need, _ := s.listener.Dialect.FrameLen(b[end:], most)
	s.need = int32(need)
}

// queue has the sessions whose frames wait for their turn. What they sent stays
// in gnet's buffers, where it is at most what one read gives and a frame: nothing
// more is read before the loop has run its tasks, of which the queue is one.
//
// Goroutine: event loop.
type queue struct {
	loop     *loop
	sessions []*Session
	due      bool // Run was handed to gnet and has not begun
}

// add puts s at the end.
func (q *queue) add(s *Session) {
	s.waiting = true
	q.sessions = append(q.sessions, s)
	if q.due {
		return
	}
	q.due = q.loop.events.Execute(context.Background(), q) == nil
}

// Run implements gnet.Runnable: it gives each session that waits its next turn.
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
			continue // it has its turn when there is room
		}
		s.waiting = false
		q.again(s)
	}
}

// again takes what s has sent, if it is still there.
func (q *queue) again(s *Session) {
	if s.closed {
		return
	}
	in := &s.link.(*gnetLink).in
	if s.refused || s.closing.Load() {
		in.drop()
		return
	}
	q.loop.receive(s, in)
}

// finish serves all that waits.
func (q *queue) finish() {
	for len(q.sessions) > 0 {
		q.serve()
	}
}

// pileUp is for bytes of a session that waits: they do, too. It is closed when
// that is more than it may have in flight, or may have wait for room.
func (l *loop) pileUp(s *Session, in *inbound) {
	limits := &l.core.limits
	most := limits.MaxFrameBytes + limits.InFlightBytes
	if s.blocked {
		most = maxBlockedBytes
	}
	if in.size() > most {
		s.Close(ReasonOverloaded)
	}
}

// maxBlockedBytes is how much a session may have sent that waits for room in the
// lane. It is a few requests: those who fill the lane have more.
const maxBlockedBytes = 2 << 10

// block lets the frames of s behind the first taken bytes, of size that it has sent,
// wait until the lane has worked off some of what others sent. A session with more
// than a few is closed: others have filled the lane, or it has.
func (l *loop) block(s *Session, in *inbound, taken, size int) {
	in.take(taken)
	if size-taken > maxBlockedBytes {
		s.Close(ReasonOverloaded)
		return
	}
	s.begun, s.need = 0, 0
	s.waiting, s.blocked = true, true
	l.blocked = append(l.blocked, s)
	s.group.blocked.Store(int64(len(l.blocked)))
}

// unblock takes what waits for room, in the order in which it came, until there is
// none again.
func (l *loop) unblock() {
	sessions := l.blocked
	if len(sessions) == 0 {
		return
	}
	l.blocked = nil
	for i, s := range sessions {
		s.waiting, s.blocked = false, false
		l.queue.again(s)
		if s.blocked {
			l.blocked = append(l.blocked, sessions[i+1:]...)
			break
		}
	}
	l.core.groups[l.index].blocked.Store(int64(len(l.blocked)))
}
