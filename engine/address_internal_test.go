package engine

import (
	"net"
	"testing"
)

// TestLimitsAddress: the limit of connections per address is for other machines, unless
// LimitLoopback is set.
func TestLimitsAddress(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	for _, tt := range []struct {
		remote            net.Addr
		usually, loopback bool
	}{
		{tcp("127.0.0.1"), false, true},
		{tcp("127.255.3.4"), false, true},
		{tcp("::1"), false, true},
		{tcp("::ffff:127.0.0.1"), false, true},
		{&net.TCPAddr{IP: net.IP{127, 0, 0, 9}}, false, true},
		{tcp("192.0.2.1"), true, true},
		{tcp("::ffff:192.0.2.1"), true, true},
		{tcp("::2"), true, true},
		{tcp("fe80::1"), true, true},
	} {
		for _, all := range []bool{false, true} {
			l := Limits{ConnectionsPerAddress: 1, LimitLoopback: all}
			want := tt.usually
			if all {
				want = tt.loopback
			}
			if got := l.limitsAddress(tt.remote); got != want {
				t.Errorf("%v, LimitLoopback %v: %v", tt.remote, all, got)
			}
		}
		if l := (Limits{ConnectionsPerAddress: -1, LimitLoopback: true}); l.limitsAddress(tt.remote) {
			t.Errorf("%v is limited without a limit", tt.remote)
		}
	}
}
