package config_test

import (
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestConsoleDoor: the page connects to a WebSocket listener that its browser reaches and that speaks TLS as the
// console does, else to a listener for it.
func TestConsoleDoor(t *testing.T) {
	const own = -1
	for _, tc := range []struct {
		name, console, listeners string
		want                     int
		address                  string
	}{
		{"none", "127.0.0.1:8880", "", own, "127.0.0.1:8881"},
		{"same host", "127.0.0.1:8880", "chat=127.0.0.1:1 websocket=127.0.0.1:2 websocket=127.0.0.1:3", 1, "127.0.0.1:2"},
		{"every address", "127.0.0.1:8880", "websocket=:2", 0, ":2"},
		{"every address of IPv4", "10.0.0.1:8880", "websocket=10.0.0.2:1 websocket=0.0.0.0:2", 1, "0.0.0.0:2"},
		{"another host", "10.0.0.1:8880", "websocket=127.0.0.1:2", own, "10.0.0.1:8881"},
		{"console on every address", ":8880", "websocket=127.0.0.1:2", own, ":8881"},
		{"both on every address", ":8880", "websocket=:2", 0, ":2"},
		{"IPv6", "[::1]:8880", "websocket=127.0.0.1:2", own, "[::1]:8881"},
		{"TLS", "127.0.0.1:8880,tls", "websocket=127.0.0.1:2 websocket=127.0.0.1:3,tls", 1, "127.0.0.1:3"},
		{"other TLS", "127.0.0.1:8880", "websocket=127.0.0.1:3,tls", own, "127.0.0.1:8881"},
		{"free port", "127.0.0.1:0", "", own, "127.0.0.1:0"},
		{"last port", "127.0.0.1:65535", "", own, "127.0.0.1:0"},
		{"next port is that of admin", "127.0.0.1:8888", "", own, "127.0.0.1:0"},
		{"next port is that of a listener", "127.0.0.1:8880", "tlv=:8881", own, "127.0.0.1:0"},
		{"socket file", "127.0.0.1:8880", "websocket=unix:/run/x.sock", own, "127.0.0.1:8881"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := []string{"--console=" + tc.console}
			c, err := config.Load(config.Sources{
				Flags:   parsed(t, append(args, "--listen=127.0.0.1:0,tls", "--tls-cert=a", "--tls-key=b")...),
				Environ: []string{"HOLDFAST_LISTENERS=" + tc.listeners},
			})
			if err != nil {
				t.Fatal(err)
			}
			l, i := c.ConsoleDoor()
			if i != tc.want || l.Address != tc.address || l.TLS != c.ConsoleTLS || l.Dialect != config.DialectWebSocket {
				t.Errorf("%+v, %d", l, i)
			}
		})
	}
}
