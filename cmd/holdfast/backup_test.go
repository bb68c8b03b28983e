package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
)

// TestBackupCommands backs up a running server, restores, and starts a server on the result.
func TestBackupCommands(t *testing.T) {
	dir, parent := t.TempDir(), t.TempDir()
	folder, restored := filepath.Join(parent, "backup"), filepath.Join(parent, "data")
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	first := place(t, s.addr, &client.Order{ClientOrderID: "before", Side: client.Buy, Quantity: 10})
	for _, args := range [][]string{
		{"backup", folder, "--data", dir}, {"backup", "--verify", folder}, {"restore", folder, "--data", restored, "--json"},
	} {
		code, stdout, stderr := run(t, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, folder) {
			t.Fatalf("%s: code %d: %s%s", args, code, stdout, stderr)
		}
		var result struct {
			Events  uint64
			Batches uint64
		}
		if args[0] != "restore" {
			if !strings.Contains(stdout, "events      1\n") {
				t.Errorf("%s: %s", args, stdout)
			}
		} else if err := json.Unmarshal([]byte(stdout), &result); err != nil || result.Events != 1 || result.Batches == 0 {
			t.Errorf("%s: %v: %s", args, err, stdout)
		}
	}
	place(t, s.addr, &client.Order{ClientOrderID: "after", Side: client.Buy, Quantity: 10})
	if code := s.stop(); code != 0 {
		t.Fatal(code)
	}
	code, stdout, stderr := run(t, "journal", "dump", "--data", restored)
	if code != 0 || !strings.Contains(stdout, first.Executions[0].ID.String()) || strings.Contains(stdout, `"after"`) {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
	s = startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", restored, "--log-level", "error")
	if code := s.stop(); code != 0 {
		t.Errorf("a server on the restored folder ended with %d: %s", code, s.errs)
	}
	if _, err := os.Stat(filepath.Join(restored, "new-history")); err == nil {
		t.Error("the start did not take the restored history as a new one")
	}
}

func TestBackupMistakes(t *testing.T) {
	folder, full := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no folder":        {[]string{"backup"}, 2, "missing argument DIR"},
		"no data folder":   {[]string{"backup", folder, "--data", filepath.Join(full, "none")}, 1, "set --data to the data folder"},
		"no journal":       {[]string{"backup", folder, "--data", full}, 1, "set --data to the data folder"},
		"external journal": {[]string{"backup", folder, "--journal-url", "nats://127.0.0.1:4222"}, 1, "nats stream backup"},
		"not a backup":     {[]string{"restore", full, "--data", folder}, 1, "not a backup"},
		"verify nothing":   {[]string{"backup", "--verify", folder}, 1, "not a backup"},
	} {
		code, stdout, stderr := run(t, tc.args...)
		if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %s%s", name, code, stdout, stderr)
		}
	}
}
