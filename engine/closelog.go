package engine

import (
	"log/slog"
	"net"
	"time"
)

// closeLogPause is the shortest time between two lines with the same reason.
const closeLogPause = time.Second

// closeLog tells operators of the sessions that the server ended or refused for a
// limit: one line a second for each reason, however many there are, and how many
// had none. Goroutine: any.
type closeLog struct {
	log     *slog.Logger
	reasons [reasonCount]Seldom
}

// notable says whether operators want to know of an end for r at once: it was
// the server's decision, and no other line tells of it.
func (r Reason) notable() bool {
	switch r {
	case ReasonNone, ReasonPeerClosed, ReasonPeerReset, ReasonPanic, ReasonShuttingDown:
		return false
	default:
		return true
	}
}

// ended logs the end of a session (0: a connection that got none).
func (l *closeLog) ended(now time.Time, id SessionID, remote net.Addr, reason Reason) {
	if !reason.notable() {
		l.log.Debug("session closed", "session", uint64(id), "remote", remote, "reason", reason)
		return
	}
	others, due := l.reasons[reason].Due(now, closeLogPause)
	if !due {
		return
	}
	text := "session closed for a limit"
	if id == 0 {
		text = "connection refused"
	}
	l.log.Info(text, "session", uint64(id), "remote", remote, "reason", reason, "others", others)
}

// flush logs how many had no line, where none came after them.
func (l *closeLog) flush(now time.Time) {
	for _, reason := range Reasons() {
		if n := l.reasons[reason].Overdue(now, closeLogPause); n > 0 {
			l.log.Info("more ends of the same kind", "reason", reason, "others", n)
		}
	}
}
