package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/perf/flame"
)

// benchFlame runs "bench flame" as a separate program: it starts itself again.
func benchFlame(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"bench", "flame"}, args...)...)
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// The test does not check what is measured, only that it is complete.
func TestBenchFlameQuick(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "flames")
	output, err := benchFlame(t, "--quick", "--loads", "orders-100,submit-full", "--out", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(filepath.Join(dir, "shares.json"))
	if err != nil {
		t.Fatal(err)
	}
	var result flame.Result
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	servers := map[string][]string{"orders-100": {"reactor", "readwriter-sql"}, "submit-full": {"reactor", "readwriter"}}
	if len(result.Loads) != len(servers) || !result.Complete {
		t.Fatalf("got %s\n%s", text, output)
	}
	for _, l := range result.Loads {
		if len(l.Servers) != 2 {
			t.Fatalf("%s: %d servers\n%s", l.Name, len(l.Servers), output)
		}
		files := []string{l.Diff, l.AllocsDiff}
		for i, s := range l.Servers {
			files = append(files, s.Files.CPU, s.Files.CPUGraph, s.Files.Allocs, s.Files.AllocsGraph)
			if s.Name != servers[l.Name][i] || s.Seconds <= 0 || s.Rate <= 0 || s.Goroutines < 2 || len(s.Shares) == 0 {
				t.Errorf("%s: got %+v", l.Name, s)
			}
		}
		for _, file := range files {
			if info, err := os.Stat(filepath.Join(dir, file)); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
				t.Errorf("%s: %q: %v", l.Name, file, err)
			}
		}
	}
	if page, err := os.ReadFile(filepath.Join(dir, "shares.md")); err != nil || !strings.Contains(string(page), "(diff-submit-full.html)") {
		t.Errorf("%v: %s", err, page)
	}
}

func TestBenchFlameRefuses(t *testing.T) {
	strange := t.TempDir()
	if err := os.WriteFile(filepath.Join(strange, "letter.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"unknown load":      {[]string{"--loads", "chess"}, `"chess" is not one of orders-100, orders-10000, orders-full, submit-full`},
		"too short":         {[]string{"--duration", "10ms"}, "--duration wants a duration from 1s to 8760h"},
		"somebody's folder": {[]string{"--quick", "--out", strange}, "holds other files"},
	} {
		t.Run(name, func(t *testing.T) {
			if output, err := benchFlame(t, tc.args...); err == nil || !strings.Contains(output, tc.want) {
				t.Errorf("no %q in %v: %s", tc.want, err, output)
			}
		})
	}
}
