package client_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/client"
)

func TestCheckAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8888":        "",
		"[::1]:8888":            "",
		"example.com:1":         "",
		":65535":                "",
		"unix:/run/x.sock":      "",
		"unix:x":                "",
		"":                      "it is empty",
		"127.0.0.1":             "the port is missing",
		"localhost":             "the port is missing",
		"8888":                  "the port is missing",
		"127.0.0.1:":            "the port is not a number",
		"127.0.0.1:0":           "the port is not a number",
		"127.0.0.1:65536":       "the port is not a number",
		"127.0.0.1:http":        "the port is not a number",
		"127.0.0.1:+80":         "the port is not a number",
		"::1:8888":              "brackets",
		"http://127.0.0.1:8888": "it is a URL",
		"tcp://host":            "it is a URL",
		"a b:8888":              "no host name has",
		"/tmp/x.sock:1":         "no host name has",
		"unix:":                 "the path is missing",
		"ws://127.0.0.1:1/ws":   "",
		"ws://[::1]:1/a/b":      "",
		"ws://localhost:1":      "",
		"ws://localhost/ws":     "the port is missing",
		"ws://:0/ws":            "the port is not a number",
		"ws:///ws":              "it is empty",
		"ws://a:1/ws?x=1":       "not one of a host, a port and a path",
		"ws://u:p@a:1/ws":       "not one of a host, a port and a path",
		"ws://a:x/ws":           "not one of a host, a port and a path",
		"wss://127.0.0.1:1/ws":  "",
		"wss://127.0.0.1/ws":    "the port is missing",

		"unix:" + strings.Repeat("x", 107): "",
		"unix:" + strings.Repeat("x", 108): "more than 107 bytes",
	} {
		t.Run(addr, func(t *testing.T) {
			err := client.CheckAddress(addr)
			if want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, client.ErrBadAddress) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "HOST:PORT") {
				t.Errorf("got %v, want %q", err, want)
			}
			if _, err := client.Dial(t.Context(), addr, client.Options{}); !errors.Is(err, client.ErrBadAddress) {
				t.Errorf("Dial: %v", err)
			}
		})
	}
}

func TestDialUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, err := client.Dial(t.Context(), "unix:"+path, client.Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot connect to unix:"+path) || !strings.Contains(client.Explain(err), "nothing listens there") {
		t.Errorf("without a server: %v: %s", err, client.Explain(err))
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		if conn, err := l.Accept(); err == nil {
			(&fakeConn{Conn: conn}).serve(greeting(ok))
		}
	})
	defer work.Wait()
	defer l.Close()
	c, err := client.Dial(t.Context(), "unix:"+path, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Submit(t.Context(), []byte("x")); err != nil || c.Addr() != "unix:"+path {
		t.Errorf("%v, address %s", err, c.Addr())
	}
}

// TestWebSocketAddressWithZone: the zone of an IPv6 address is escaped in the URL, and not in
// what is dialled.
func TestWebSocketAddressWithZone(t *testing.T) {
	addr, dialled := client.WebSocketAddress("[fe80::1%lo]:8891"), ""
	if addr != "ws://[fe80::1%25lo]:8891/ws" {
		t.Error(addr)
	}
	never := errors.New("no network")
	_, err := client.Dial(t.Context(), addr, client.Options{Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled = addr
		return nil, never
	}})
	if dialled != "[fe80::1%lo]:8891" || !errors.Is(err, never) {
		t.Errorf("dialled %q: %v", dialled, err)
	}
}
