package main_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestServeWithoutSpace: below the watermark the server is up and says that it is
// not ready; reads are answered, orders refused.
func TestServeWithoutSpace(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(),
		"--disk-watermark", "1125899906842624") // a pebibyte
	status, body := fetch(t, "http://"+s.admin+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "disk is nearly full") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := fetch(t, "http://"+s.admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	_, body = fetch(t, "http://"+s.admin+"/metrics")
	if !regexp.MustCompile(`(?m)^holdfast_disk_free_bytes [1-9]`).MatchString(body) ||
		!strings.Contains(body, "\nholdfast_password_guesses_delayed_total 0\n") {
		t.Error("the metrics lack the disk or the guesses")
	}
	code, out, _ := typed(t, s.addr, "100020", "holding\nbuy 600100 1\n")
	if code != 1 || !strings.Contains(out, "error: the server's disk is nearly full; the request had no effect") {
		t.Errorf("code %d: %s", code, out)
	}
	if n := strings.Count(s.errs.String(), "disk nearly full: orders and busts are refused"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, s.errs)
	}
}

// fetch is get for any status.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return response.StatusCode, string(b)
}
