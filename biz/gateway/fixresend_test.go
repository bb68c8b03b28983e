package gateway_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"holdfast/engine"
)

// TestFIXResendToSlowClient: a client that does not read what it asks for again and again is not cut off:
// the server goes on when it has taken the earlier messages, and each report arrives.
func TestFIXResendToSlowClient(t *testing.T) {
	const orders = 1000
	with := worldOf(t, nil)
	with.limits = engine.Limits{OutboundSoftBytes: 256 << 10, OutboundHardBytes: 512 << 10}
	s := startFIX(t, with)
	c := &fixClient{t: t, name: "alice", customer: alice, out: 1}
	c.connect(s)
	must(t, c.conn.(*net.TCPConn).SetReadBuffer(16<<10))
	c.logon()
	for n := range orders {
		c.send("D", fmt.Sprintf("11=o%d", n), "55=600100", "54=1", "38=1", "40=1")
		if n%100 == 99 {
			for more := true; more; {
				_, more = c.next()
			}
		}
	}
	stuck := false
	for from := 1; !stuck && from < 100; from++ {
		c.send("2", fmt.Sprintf("7=%d", from), "16=0")
		c.handled(false)
		eventually(t, "the resend to end, or to wait", func() bool {
			state := c.state()
			stuck = state.Due > 64<<10 && state.Resending
			return stuck || !state.Resending || !state.Connected
		})
	}
	if state := c.state(); !stuck || !state.Connected || state.Due > 64<<10+500*400 {
		t.Fatalf("the client does not read: %+v", state)
	}
	last := fmt.Sprintf("|34=%d|43=Y|", orders+1)
	for !strings.Contains(last, "done") {
		m, err := c.read()
		must(t, err)
		if line := c.receive(m.Body); strings.Contains(line, last) && !c.state().Resending {
			last = "done"
		}
	}
}
