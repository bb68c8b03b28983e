package main_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
)

// stalling is a connection whose peer is not read while it is held.
type stalling struct {
	net.Conn
	held sync.RWMutex
}

// Read implements net.Conn.
func (c *stalling) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:min(len(b), 1<<10)])
	c.held.RLock() // a read from before the hold returns after it
	defer c.held.RUnlock()
	return n, err
}

// stall connects a client to a new server. It returns when the server has answered all
// requests, and has output that the client does not read. release lets it read again, and
// closes it.
func stall(t *testing.T, addr, admin string) (release func()) {
	t.Helper()
	var conn stalling
	c, err := client.Dial(t.Context(), addr, client.Options{Timeout: 4 * patience, HeartbeatInterval: -1,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			tcp, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			conn.Conn = tcp
			// If it has place for a few segments only, the kernel drops all that comes, with the
			// acknowledgements, and the requests don't get through.
			return &conn, tcp.(*net.TCPConn).SetReadBuffer(256 << 10)
		}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), 100001, client.DemoToken(100001)); err != nil {
		t.Fatal(err)
	}
	conn.held.Lock()
	var asking sync.WaitGroup
	const requests = 12000 // more megabytes than the kernel stores, and fewer than may be in flight
	for range requests {
		asking.Go(func() { _, _ = c.Quotes(t.Context(), nil, true) }) // answered by the end of the connection
	}
	answered := fmt.Sprintf("\nholdfast_rsp_send_total %d\n", requests+2) // with those to Hello and Login
	for deadline := time.Now().Add(4 * patience); ; time.Sleep(10 * time.Millisecond) {
		metrics := get(t, "http://"+admin+"/metrics")
		if strings.Contains(metrics, "\nholdfast_unsent_sessions 1\n") && strings.Contains(metrics, answered) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no session has unsent output, or not all requests are answered:\n%s", metrics)
		}
	}
	return func() {
		conn.held.Unlock()
		c.Close()
		asking.Wait()
	}
}

// patientWithReaders returns the flags of a server that does not close a client which does not
// read.
func patientWithReaders() []string {
	return []string{"--outbound-soft-bytes", "67108864", "--outbound-hard-bytes", "67108864", "--write-stall-time", "1h",
		"--in-flight-requests", "16384"}
}

// TestServeStopsWithUnreadOutput: a client that does not read delays a stop for the drain
// time. That is not a failure.
func TestServeStopsWithUnreadOutput(t *testing.T) {
	t.Parallel()
	s := startServe(t, append(patientWithReaders(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "warn", "--drain", "1s")...)
	release := stall(t, s.addr, s.admin)
	code := s.stop()
	release()
	if code != 0 || !strings.Contains(s.errs.String(), "level=WARN") || !strings.Contains(s.errs.String(), "sessions=1 ") {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
}
