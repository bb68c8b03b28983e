package engine

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// backlog is the unsent output of a carrier's sessions, as of the last write to each or
// the last review.
//
// Goroutine: event loop; any may read the two atomics.
type backlog struct {
	sessions []*Session // unordered; a session's place is 1 + its index
	bytes    int

	shownSessions atomic.Int64
	shownBytes    atomic.Int64
}

// set records that the link of s has n unsent bytes. Output that waits for an earlier
// reply is added to them.
func (b *backlog) set(s *Session, n int) {
	n += s.early.size()
	if n == s.unsent {
		return
	}
	b.bytes += n - s.unsent
	s.unsent = n
	s.shown.Store(int64(n))
	s.countUnsent()
	switch {
	case n > 0 && s.place == 0:
		b.sessions = append(b.sessions, s)
		s.place = len(b.sessions)
	case n == 0 && s.place > 0:
		b.remove(s)
	}
	b.shownBytes.Store(int64(b.bytes))
	b.shownSessions.Store(int64(len(b.sessions)))
}

// remove puts the last session into the place of s.
func (b *backlog) remove(s *Session) {
	end := len(b.sessions) - 1
	last := b.sessions[end]
	b.sessions[s.place-1], last.place = last, s.place
	b.sessions[end], s.place = nil, 0
	b.sessions = b.sessions[:end]
}

// reviewOutput updates the sessions that have unsent output: gnet does not tell when
// peers take it. Goroutine: event loop, a few times a second.
func (g *group) reviewOutput() {
	b := &g.backlog
	for i := len(b.sessions) - 1; i >= 0; i-- {
		if i < len(b.sessions) { // setUnsent may close other sessions
			s := b.sessions[i]
			s.setUnsent(s.link.Buffered())
		}
	}
}

// Review updates the sessions of a carrier that have unsent output: a carrier that is not told when peers
// take it calls this a few times a second, so that they get the pushes that they missed. Goroutine: the carrier.
func (c *Core) Review(carrier int) { c.groups[carrier].reviewOutput() }

// shed closes the sessions with the most unsent output when all together have more than
// limit bytes. It goes on to 7/8 of the limit, so that it is not needed again at once.
// The peers get no Notice: it would come after their unsent output.
func (g *group) shed(limit int) {
	b := &g.backlog
	if b.bytes <= limit {
		return
	}
	for i := len(b.sessions) - 1; i >= 0; i-- {
		b.set(b.sessions[i], b.sessions[i].link.Buffered())
	}
	if b.bytes <= limit {
		return
	}
	sessions := slices.Clone(b.sessions)
	slices.SortFunc(sessions, func(x, y *Session) int { return cmp.Compare(y.unsent, x.unsent) })
	for _, s := range sessions {
		if b.bytes <= limit-limit/8 {
			return
		}
		s.closing.Store(true)
		s.abortNow(ReasonMemory)
		b.set(s, 0)
	}
}
