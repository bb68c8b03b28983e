package engine

import (
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/codec"
)

// Audience is a set of sessions that get the same pushes (Outbox.PushTo). The zero
// value is empty. Goroutine: any.
type Audience struct {
	mu      sync.Mutex // held while the set changes
	current atomic.Pointer[[]members]
}

// members are the sessions of one carrier and dialect, in the order in which they were
// added. A slice that an Outbox has read is never changed.
type members struct {
	group    *group
	dialect  codec.Dialect
	sessions []*Session
}

// now returns the set as it is at this moment.
func (a *Audience) now() []members {
	if p := a.current.Load(); p != nil {
		return *p
	}
	return nil
}

// Len returns how many sessions are in the set.
func (a *Audience) Len() int {
	n := 0
	for _, m := range a.now() {
		n += len(m.sessions)
	}
	return n
}

// Empty reports whether the set has no sessions.
func (a *Audience) Empty() bool { return len(a.now()) == 0 }

// Append appends the sessions to dst.
func (a *Audience) Append(dst []*Session) []*Session {
	for _, m := range a.now() {
		dst = append(dst, m.sessions...)
	}
	return dst
}

// Add adds a session unless limit sessions are in the set already; a limit of 0 means no
// limit. It reports whether the session is in the set afterwards.
func (a *Audience) Add(s *Session, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.now()
	if slices.ContainsFunc(old, func(m members) bool { return slices.Contains(m.sessions, s) }) {
		return true
	}
	if limit > 0 && a.Len() >= limit {
		return false
	}
	next := slices.Clone(old)
	// Frames that are not shared are encoded for each session.
	at := slices.IndexFunc(next, func(m members) bool { return m.group == s.group && m.dialect == s.Dialect() && m.dialect.Shared() })
	if at < 0 {
		next = append(next, members{group: s.group, dialect: s.Dialect(), sessions: []*Session{s}})
	} else {
		// Readers of the old slice do not see beyond its length.
		next[at].sessions = append(next[at].sessions, s)
	}
	a.current.Store(&next)
	return true
}

// Remove removes a session; last reports whether it was the last one.
func (a *Audience) Remove(s *Session) (last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := slices.Clone(a.now())
	for i := range next {
		at := slices.Index(next[i].sessions, s)
		if at < 0 {
			continue
		}
		next[i].sessions = slices.Concat(next[i].sessions[:at], next[i].sessions[at+1:])
		if len(next[i].sessions) == 0 {
			next = slices.Delete(next, i, i+1)
		}
		a.current.Store(&next)
		return len(next) == 0
	}
	return false
}
