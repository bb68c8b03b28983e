package engine

import (
	"log/slog"
	"net"
	"time"
)

// closeLogPause is the shortest time between two lines with the same reason.
const closeLogPause = time.Second

// closeLog logs the sessions that the server closed or refused because of a limit: at
// most one line a second for each reason, with how many others there were.
// Goroutine: any.
type closeLog struct {
	log     *slog.Logger
	reasons [reasonCount]LogLimiter
}

// notable reports whether a close for r deserves a line: the server decided it, and no
// other line says so.
func (r Reason) notable() bool {
	switch r {
	case ReasonNone, ReasonPeerClosed, ReasonPeerReset, ReasonPanic, ReasonShuttingDown, ReasonRevoked, ReasonOnDemand, ReasonLoggedOut:
		return false
	default:
		return true
	}
}

// ended logs the end of a session; id 0 is a refused connection. detail may be empty.
func (l *closeLog) ended(now time.Time, id SessionID, remote net.Addr, reason Reason, detail string) {
	if !reason.notable() {
		l.log.Debug("session closed", "session", uint64(id), "remote", remote, "reason", reason)
		return
	}
	others, due := l.reasons[reason].Allow(now, closeLogPause)
	if !due {
		return
	}
	text := "session closed for a limit"
	if id == 0 {
		text = "connection refused"
	}
	log := l.log
	if detail != "" {
		log = log.With("detail", detail)
	}
	log.Info(text, "session", uint64(id), "remote", remote, "reason", reason, "others", others)
}

// flush logs how many were suppressed, for reasons with no line since.
func (l *closeLog) flush(now time.Time) {
	for _, reason := range Reasons() {
		if n := l.reasons[reason].Flush(now, closeLogPause); n > 0 {
			l.log.Info("more sessions closed for the same reason", "reason", reason, "others", n)
		}
	}
}
