package main_test

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
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

// TestProbesBesideIdleConnections: sixteen connections that idle on the admin port, with
// and without an earlier request, do not keep a probe from its answer.
func TestProbesBesideIdleConnections(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	for i := range 40 {
		conn, err := net.Dial("tcp", s.admin)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if i%2 == 0 {
			continue
		}
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := fetch(t, "http://"+s.admin+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
