package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/perf/load"
)

// The bench commands start this program again, so they run in a child here, too.
// What they measure is not looked at.
func TestBenchQuick(t *testing.T) {
	tests := map[string][]string{
		"submit": {"raw gnet", "lane", "loop"},
		"orders": {"holdfast"},
		"idle":   {"holdfast"},
	}
	for name, servers := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bench.json")
			cmd := exec.CommandContext(t.Context(), os.Args[0], "bench", name, "--quick", "--json", file)
			cmd.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c load.Comparison
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			for _, cell := range c.Cells {
				for i, s := range cell.Servers {
					if s.Name != servers[i] || len(s.Reports) != 1 || len(s.Failures) != 0 {
						t.Errorf("%s: %s has %d reports, failures %v", cell.Name, s.Name, len(s.Reports), s.Failures)
					}
				}
			}
		})
	}
}

func TestLoadOnAServer(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	for _, workload := range []string{"submit", "heartbeat", "orders", "idle"} {
		t.Run(workload, func(t *testing.T) {
			code, stdout, stderr := runProgram(t, "load", "--addr", s.addr, "--workload", workload,
				"--connections", "20", "--depth", "4", "--warmup", "50ms", "--duration", "200ms")
			if code != 0 || !strings.Contains(stdout, "20 connections") {
				t.Errorf("code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = (&main.Program{Args: args, Stdout: &out, Stderr: &errs}).Run(t.Context())
	return code, out.String(), errs.String()
}
