package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNotReadyDuringTheDrain: from the start of a stop until its end, the server says that it
// is not ready, and lives.
func TestNotReadyDuringTheDrain(t *testing.T) {
	t.Parallel()
	s := startServe(t, append(patientWithReaders(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error", "--drain", "10m")...)
	release := stall(t, s.addr, s.admin)
	awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusOK, "")
	stopped := make(chan int, 1)
	go func() { stopped <- s.stop() }()
	awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusServiceUnavailable, "the server is stopping\n")
	awaitAnswer(t, "http://"+s.admin+"/healthz", http.StatusOK, "")
	release()
	if code := <-stopped; code != 0 {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
}

// awaitAnswer waits for an answer with this status, and with this text in it. A busy machine may
// first answer that a lane is too slow.
func awaitAnswer(t *testing.T, url string, status int, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got, body := fetch(t, url)
		if got == status && strings.Contains(body, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d %q, want %d %q", url, got, body, status, text)
		}
	}
}
