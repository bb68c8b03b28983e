package main_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
)

// health runs the command with an environment.
func health(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	p := &main.Program{Args: append([]string{"health"}, args...), Environ: environ, Stdout: &out, Stderr: &errs}
	code = p.Run(t.Context())
	return code, out.String(), errs.String()
}

// TestHealth: health finds the admin port of a server by flag and by environment, and during a
// drain the server lives and is not ready.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := startServe(t, append(patientWithReaders(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error", "--drain", "10m")...)
	release := stall(t, s.addr, s.admin)
	awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusOK, "")
	wants := func(code int, stdout, stderr string, environ []string, args ...string) {
		t.Helper()
		gotCode, gotOut, gotErrs := health(t, environ, args...)
		if gotCode != code || gotOut != stdout || gotErrs != stderr {
			t.Errorf("%q %q: got %d %q %q, want %d %q %q", environ, args, gotCode, gotOut, gotErrs, code, stdout, stderr)
		}
	}
	environ := []string{"HOLDFAST_ADMIN=" + s.admin}
	wants(0, "ok\n", "", environ)
	wants(0, "ok\n", "", []string{"HOLDFAST_ADMIN=127.0.0.1:1"}, "--admin", s.admin)
	wants(0, `{"admin":"`+s.admin+`","answer":"ok"}`+"\n", "", nil, "--admin", s.admin, "--json")

	stopped := make(chan int, 1)
	go func() { stopped <- s.stop() }()
	awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusServiceUnavailable, "the server is stopping\n")
	wants(1, "", "holdfast: "+s.admin+": 503 Service Unavailable: the server is stopping\n", environ, "--ready")
	wants(0, "ok\n", "", environ)
	release()
	if code := <-stopped; code != 0 {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
	if code, _, stderr := health(t, environ); code != 1 || !strings.Contains(stderr, "connection refused") {
		t.Errorf("without a server: %d %q", code, stderr)
	}
	wants(2, "", "holdfast: HOLDFAST_ADMIN: wants an address such as 127.0.0.1:8889\n", []string{"HOLDFAST_ADMIN=nowhere"})
}

// TestHealthReady: a server that takes orders is ready, in one line.
func TestHealthReady(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusOK, "")
	if code, stdout, stderr := health(t, nil, "--ready", "--admin", s.admin); code != 0 || stdout != "ready\n" {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
}

// TestHealthOfAnother: a program that is no holdfast server fails the check.
func TestHealthOfAnother(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if c, err := l.Accept(); err == nil {
				_, _ = c.Write([]byte("220 mail\r\n"))
				_ = c.Close()
			}
		}
	}()
	if code, stdout, stderr := health(t, nil, "--admin", l.Addr().String()); code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
}
