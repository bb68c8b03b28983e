package main_test

import (
	"net/http"
	"testing"
)

// TestNotReadyDuringTheDrain: from the start of a stop until its end, the server says that it
// is not ready, and lives.
func TestNotReadyDuringTheDrain(t *testing.T) {
	t.Parallel()
	s := startServe(t, append(patientWithReaders(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error", "--drain", "1m")...)
	release := stall(t, s.addr, s.admin)
	if status, body := fetch(t, "http://"+s.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("before: %d %s", status, body)
	}
	stopped := make(chan int, 1)
	go func() { stopped <- s.stop() }()
	status, body := http.StatusOK, ""
	for status == http.StatusOK { // until the server notices that it should stop
		status, body = fetch(t, "http://"+s.admin+"/readyz")
	}
	if status != http.StatusServiceUnavailable || body != "the server is stopping\n" {
		t.Errorf("during the drain: %d %q", status, body)
	}
	if status, _ := fetch(t, "http://"+s.admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	release()
	if code := <-stopped; code != 0 {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
}
