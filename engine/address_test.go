package engine_test

import (
	"net"
	"testing"

	"holdfast/engine"
)

func TestCountedAddress(t *testing.T) {
	tests := []struct {
		remote net.Addr
		want   string
	}{
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, "10.0.0.1"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1).To4(), Port: 6}, "10.0.0.1"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3:4:5:6"), Port: 7}, "2001:db8:1:2::"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 7}, "fe80::"},
		{&net.TCPAddr{}, "invalid IP"},
		{&net.UnixAddr{Name: "x"}, "invalid IP"},
		{nil, "invalid IP"},
	}
	for _, tt := range tests {
		if got := engine.CountedAddress(tt.remote).String(); got != tt.want {
			t.Errorf("%v is counted as %s, want %s", tt.remote, got, tt.want)
		}
	}
}
