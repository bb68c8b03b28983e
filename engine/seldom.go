package engine

import (
	"sync"
	"time"
)

// Seldom lets one line of a log through in a while and counts those it keeps
// back. The zero value is ready. Goroutine: any.
type Seldom struct {
	mu   sync.Mutex
	last time.Time
	kept int
}

// Due says whether a line may be logged, a pause after the last one, and how many
// were kept back since.
func (s *Seldom) Due(now time.Time, pause time.Duration) (others int, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) < pause {
		s.kept++
		return 0, false
	}
	others, s.kept, s.last = s.kept, 0, now
	return others, true
}

// Overdue returns how many lines were kept back if none came a pause after them.
func (s *Seldom) Overdue(now time.Time, pause time.Duration) (others int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == 0 || now.Sub(s.last) < pause {
		return 0
	}
	others, s.kept, s.last = s.kept, 0, now
	return others
}
