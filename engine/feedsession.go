package engine

import (
	"context"
	"slices"
	"time"
)

// How many parts of each feed are written when a session that was behind takes output again,
// and when it is closed.
const (
	feedParts     = 4
	lastFeedParts = 64
)

// missAll records that the session has missed droppable pushes of unknown keys.
// Goroutine: event loop.
func (s *Session) missAll() {
	s.miss(0)
	if s.missed != nil {
		s.missed.keys, s.missed.everything = nil, true
	}
}

// flushFeeds writes up to parts parts of each feed to the session, until its socket takes no
// more. It reports whether the session is still behind. Goroutine: event loop.
func (s *Session) flushFeeds(parts int) (behind bool) {
	for _, c := range s.feeds() {
		if c.log == nil {
			continue
		}
		for n := 0; n < parts && c.flush(); n++ {
		}
	}
	return s.isBehind()
}

// isBehind reports whether a feed has pushes that the session did not get. Goroutine: any.
func (s *Session) isBehind() bool {
	return slices.ContainsFunc(s.feeds(), (*cursor).isBehind)
}

func (c *cursor) isBehind() bool {
	if c.log == nil {
		return false
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.active && !c.left && c.position < c.log.end
}

// closeAfterFeeds closes each session when it has what its feeds have for it now, all others
// at the time giveUp, or when ctx ends. Goroutine: any.
func (c *Core) closeAfterFeeds(ctx context.Context, reason Reason, giveUp time.Time) {
	goals := make(map[*cursor]uint64)
	left := c.sessions.all()
	for _, s := range left {
		for _, cursor := range s.feeds() {
			if cursor.isBehind() {
				goals[cursor] = cursor.log.endNow()
			}
		}
	}
	isBehind := func(s *Session) bool {
		return slices.ContainsFunc(s.feeds(), func(c *cursor) bool { return c.isBefore(goals[c]) })
	}
	for {
		var fed []*Session
		left = slices.DeleteFunc(left, func(s *Session) bool {
			if isBehind(s) {
				return false
			}
			fed = append(fed, s)
			return true
		})
		c.closeSessions(fed, reason)
		if len(left) == 0 || time.Now().After(giveUp) || !sleep(ctx, shortestLook) {
			break
		}
	}
	c.CloseAll(reason) // also those that came meanwhile
}

func (l *feedLog) endNow() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// isBefore reports whether the session needs something before that position of the log.
func (c *cursor) isBefore(position uint64) bool {
	if position == 0 {
		return false
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return !c.left && c.position < position
}
