package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"

	main "holdfast/cmd/holdfast"
	"holdfast/perf/conformance"
)

// listenEcho starts a WebSocket echo endpoint that sends text also if it is not UTF-8, and
// returns its URL. It calls accepted for each connection.
func listenEcho(t *testing.T, accepted func()) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		accepted()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/echo"
}

func TestConformance(t *testing.T) {
	url := listenEcho(t, func() {})
	cases := []struct {
		name   string
		args   []string
		code   int
		stdout string // the start of it
		stderr string
	}{
		{"all passed", []string{"--case", "2,5.*", "--case", "7.1.1"}, 0, "32 cases: 32 passed\n", ""},
		{"some failed", []string{"--case", "6.2.*", "--case", "6.3.1"}, 1, "case   verdict\n6.3.1  FAILED   sent      text 0xcebae1bdb9", "holdfast: 1 of 5 cases failed\n"},
		{"bytes", []string{"--bytes", "--max-bytes", "130", "--case", "1.1", "--parallel", "1"}, 0, "8 cases: 1 passed, 7 skipped (more than 130 bytes)\n", ""},
		{"unknown case", []string{"--case", "8.1"}, 2, "", "holdfast: --case wants a case such as 6.4.1, a section such as 6.4 or a pattern such as 6.*, got \"8.1\"; see \"holdfast conformance websocket --help\"\n"},
		{"other scheme", []string{"--url", "http://127.0.0.1"}, 2, "", "holdfast: --url wants a URL such as ws://127.0.0.1:8891/echo, got \"http://127.0.0.1\"; see \"holdfast conformance websocket --help\"\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"conformance", "websocket", "--url", url}, tc.args...)...)
			if code != tc.code || !strings.HasPrefix(stdout, tc.stdout) || stderr != tc.stderr {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestConformanceWithoutEcho(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/echo"
	code, _, stderr := run(t, "conformance", "websocket", "--url", url, "--case", "1.1.1")
	if code != 1 || !strings.Contains(stderr, "404 Not Found: is this an echo endpoint?") || !strings.Contains(stderr, "--websocket-echo") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

// TestConformanceReport: the report has all results, and the text goes to Stderr if the
// report is on Stdout.
func TestConformanceReport(t *testing.T) {
	url := listenEcho(t, func() {})
	file := filepath.Join(t.TempDir(), "report.json")
	if code, stdout, stderr := run(t, "conformance", "websocket", "--url", url, "--case", "1.1.*", "--json", file); code != 0 {
		t.Fatalf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report conformance.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.URL != url || len(report.Results) != 8 || report.Count(conformance.OK) != 8 {
		t.Errorf("got %s", text)
	}
	code, stdout, stderr := run(t, "conformance", "websocket", "--url", url, "--case", "1.1.1", "--json", "-")
	if code != 0 || !json.Valid([]byte(stdout)) || stderr != "1 cases: 1 passed\n" {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestConformanceStops: a signal ends the command in the middle of a case.
func TestConformanceStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := listenEcho(t, cancel)
	var out strings.Builder
	p := &main.Program{Args: []string{"conformance", "websocket", "--url", url}, Stdout: &out}
	if code := p.Run(ctx); code != 130 || out.String() != "" {
		t.Errorf("code %d, stdout %q", code, out.String())
	}
}
