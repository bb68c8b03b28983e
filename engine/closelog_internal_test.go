package engine

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// However many sessions end at a limit, each reason is logged once per second, and every end
// is counted in one of these lines.
func TestEndsAreLoggedOnceASecond(t *testing.T) {
	var text strings.Builder
	l := closeLog{log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	start, remote := time.Unix(1000, 0), &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 7}
	for i := 1; i <= 100; i++ {
		l.ended(start.Add(time.Duration(i-1)*time.Millisecond), SessionID(i), remote, ReasonIdle, "")
	}
	l.ended(start, 0, remote, ReasonTooManyFromAddress, "")
	l.ended(start, 5, remote, ReasonPeerClosed, "")
	l.ended(start, 6, remote, ReasonBadHandshake, "no Host")
	l.flush(start.Add(999 * time.Millisecond))
	l.ended(start.Add(time.Second), 200, remote, ReasonIdle, "")
	l.ended(start.Add(time.Second), 201, remote, ReasonIdle, "")
	l.flush(start.Add(2 * time.Second))
	l.flush(start.Add(3 * time.Second))
	want := `level=INFO msg="session closed for a limit" session=1 remote=10.0.0.1:7 reason=idle others=0
level=INFO msg="connection refused" session=0 remote=10.0.0.1:7 reason=too_many_from_address others=0
level=INFO msg="session closed for a limit" detail="no Host" session=6 remote=10.0.0.1:7 reason=bad_handshake others=0
level=INFO msg="session closed for a limit" session=200 remote=10.0.0.1:7 reason=idle others=99
level=INFO msg="more sessions closed for the same reason" reason=idle others=1
`
	if got := text.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
