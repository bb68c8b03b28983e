package scenario

import (
	"time"
)

// moment is a time as a scenario names it.
type moment struct {
	after time.Duration // from now on, unless one of the others is there
	clock string        // the next "15:04:05" of the server's start time zone
	full  time.Time
}

const (
	clockLayout = "15:04:05"
	momentWords = "a time such as 15:00, 2026-01-05T15:00:00+08:00, or a duration such as 1h from now on"
)

// moment returns the next word as a time.
func (l *line) moment() moment {
	text := l.peek()
	if d, ok := parseDuration(text); ok {
		l.accept(text)
		return moment{after: d}
	}
	for _, layout := range []string{"15:04", clockLayout} {
		if t, err := time.Parse(layout, text); err == nil {
			l.accept(text)
			return moment{clock: t.Format(clockLayout)}
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		l.accept(text)
		return moment{full: t}
	}
	l.wants(momentWords)
	return moment{}
}

// at returns the time; now is the time of the clock, in the time zone of the server's start.
func (m moment) at(now time.Time) time.Time {
	switch {
	case !m.full.IsZero():
		return m.full
	case m.clock == "":
		return now.Add(m.after)
	}
	t, _ := time.Parse(clockLayout, m.clock) // it was parsed before
	year, month, date := now.Date()
	at := time.Date(year, month, date, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}
