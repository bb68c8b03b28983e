package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeOnSocketFiles: clients, load and scenario reach a server that listens on socket
// files only, and the admin port. A second server finds the file in use.
func TestServeOnSocketFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, other := "unix:"+filepath.Join(dir, "a"), "unix:"+filepath.Join(dir, "b")
	s := startServe(t, "--listen", address, "--listener", "tlv="+other, "--admin", "127.0.0.1:0", "--data", t.TempDir(),
		"--event-loops", "3", "--connections-per-address", "1", "--log-level", "error")
	if s.addr != address || !strings.Contains(s.out.String(), "tlv="+other) {
		t.Errorf("announced:\n%s", s.out)
	}
	if code, out, errs := typed(t, address, "100020", "buy 600100 100\nholding\n"); code != 0 || !strings.Contains(out, "600100") {
		t.Errorf("client: %d %s %s", code, out, errs)
	}
	for _, args := range [][]string{
		{"load", "--addr", address, "--connections", "20", "--workload", "submit", "--duration", "200ms", "--warmup", "10ms"},
		{"scenario", "--addr", address},
	} {
		if code, out, errs := run(t, args...); code != 0 {
			t.Errorf("%s: %d %s %s", args[0], code, out, errs)
		}
	}
	for _, flag := range []string{"--listen=" + address, "--listener=packet=" + other} {
		code, _, errs := run(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", flag, "--data", t.TempDir())
		if code != 2 || !strings.Contains(errs, "is in use") || !strings.Contains(errs, strings.SplitN(flag, "=", 2)[0]) {
			t.Errorf("%s: %d %s", flag, code, errs)
		}
	}
	if code := s.stop(); code != 0 {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestAddressOfAnotherMachine: 192.0.2.1 is for documentation (RFC 5737).
func TestAddressOfAnotherMachine(t *testing.T) {
	t.Parallel()
	code, _, errs := run(t, "serve", "--listen", "192.0.2.1:9", "--allow-plaintext", "--admin", "127.0.0.1:0", "--throwaway", "--log-level", "error")
	if want := "holdfast: --listen 192.0.2.1:9: this machine does not have this address; choose another one\n"; code != 2 || errs != want {
		t.Errorf("code %d: %s", code, errs)
	}
}

// TestSocketFilesThatCanNotBe: the setting is named, and the file that is there stays.
func TestSocketFilesThatCanNotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, listen, want string }{
		{"a file", "unix:" + file, "not a socket"},
		{"no folder", "unix:/does/not/exist", "--listen unix:/does/not/exist: no such file or directory: /does; create it, or choose another path"},
		{"below a file", "unix:" + file + "/x", "notes is not a folder; choose another path"},
		{"too long", "unix:/" + strings.Repeat("x", 107), "has 108 bytes, the system allows 107"},
		{"no path", "unix:", "such as unix:/run/holdfast.sock"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		code, _, errs := run(t, "serve", "--listen", tt.listen, "--admin", "127.0.0.1:0", "--data", data)
		if code != 2 || !strings.Contains(errs, "--listen") || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: %d %s", tt.name, code, errs)
		}
		if _, err := os.Stat(data); err == nil {
			t.Errorf("%s: a data folder was made", tt.name)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
