package engine

import (
	"sync"
	"time"
)

// LogLimiter lets one log line through per pause and counts those that it suppresses.
// The zero value is ready to use. Goroutine: any.
type LogLimiter struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// Allow reports whether a line may be logged now: not within a pause after the last one.
// suppressed is how many lines it has refused since then.
func (l *LogLimiter) Allow(now time.Time, pause time.Duration) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) < pause {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.last = l.suppressed, 0, now
	return suppressed, true
}

// Flush returns how many lines were refused since the last one, for a line that says so.
// It returns 0 within a pause after the last line.
func (l *LogLimiter) Flush(now time.Time, pause time.Duration) (suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suppressed == 0 || now.Sub(l.last) < pause {
		return 0
	}
	suppressed, l.suppressed, l.last = l.suppressed, 0, now
	return suppressed
}
