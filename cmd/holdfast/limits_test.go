package main_test

import (
	"fmt"
	"io"
	"math"
	"net"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// TestServeWithAMemoryLimit: the limit is announced and divided, and the Go runtime has
// it as long as the server runs.
func TestServeWithAMemoryLimit(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(),
		"--log-level", "error", "--memory-limit", fmt.Sprint(256<<20))
	if want := "256 MiB (memory_limit), at most 32 MiB of it for unsent output"; !strings.Contains(s.out.String(), want) {
		t.Errorf("%q is missing from the first lines:\n%s", want, s.out)
	}
	if got, want := debug.SetMemoryLimit(-1), int64(math.Floor(256<<20*0.9)); got != want {
		t.Errorf("the runtime's limit is %d, want %d", got, want)
	}
	if metrics := get(t, "http://"+s.admin+"/metrics"); !strings.Contains(metrics, "holdfast_memory_limit_bytes 2.68435456e+08\n") {
		t.Error("the limit is missing from the metrics")
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.errs)
	}
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the runtime's limit is %d after the end, was %d", got, before)
	}
}

// TestAdminConnections: the admin port takes 16 connections at once and leaves the
// rest of the descriptors to clients; the next one is served when one closes.
func TestAdminConnections(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	ask := func() net.Conn {
		conn, err := net.Dial("tcp", s.admin)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) error {
		if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	var conns []net.Conn
	for range 16 {
		conns = append(conns, ask())
		if err := answered(conns[len(conns)-1], 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	next := ask()
	if err := answered(next, 300*time.Millisecond); err == nil {
		t.Error("a connection beyond the limit was answered")
	}
	conns[3].Close()
	if err := answered(next, 10*time.Second); err != nil {
		t.Errorf("not answered after a connection closed: %v", err)
	}
	for _, conn := range append(conns, next) {
		conn.Close()
	}
}
