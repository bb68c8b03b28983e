package main_test

import (
	"strings"
	"testing"
)

// conforms runs the suite against the path /echo of a server. No time limit judges how fast
// the machine is.
func conforms(t *testing.T, args, want string) {
	t.Helper()
	s := startServe(t, "--throwaway", "--websocket-echo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error",
		"--listener", "websocket=127.0.0.1:0", "--frame-time", "10m", "--idle-time", "10m")
	url := "ws://" + s.listener(t, "websocket") + "/echo"
	all := append([]string{"conformance", "websocket", "--url", url, "--timeout", "2m"}, strings.Fields(args)...)
	if code, stdout, stderr := run(t, all...); code != 0 || stdout != want {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestServerConforms: the server passes the suite, also if each byte comes in a separate TCP
// segment. TestGateServerConforms has the cases with more bytes.
func TestServerConforms(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, args, stdout string }{
		{"whole", "--max-bytes 1000000", "301 cases: 259 passed, 42 skipped (more than 1000000 bytes)\n"},
		{"bytes", "--bytes --max-bytes 70000", "301 cases: 254 passed, 47 skipped (more than 70000 bytes)\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, tc.args, tc.stdout)
		})
	}
}
