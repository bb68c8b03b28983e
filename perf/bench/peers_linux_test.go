package bench_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/perf/bench"
	"holdfast/perf/load"
)

// TestPeersAreMeasured builds all peers and puts a small load on each of them. Their
// modules are not part of holdfast, so only the complete check downloads them.
func TestPeersAreMeasured(t *testing.T) {
	if os.Getenv("HOLDFAST_CI") == "" {
		t.Skip("the peers are built from other modules: HOLDFAST_CI=1 go test ./perf/bench")
	}
	free, err := bench.FreeAddresses(2)
	if err != nil {
		t.Fatal(err)
	}
	servers, notes := bench.Peers(t.Context(), t.TempDir(), free[0], free[1])
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	options := load.Options{Workload: load.Submit, Connections: 20, Depth: 4, Duration: 200 * time.Millisecond}
	result, err := load.Compare(t.Context(), load.Plan{Servers: servers, Cells: []load.Cell{{Options: options}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range result.Cells[0].Servers {
		got = append(got, s.Name)
		if rate, ok := s.Metric("rate"); !ok || rate.Median == 0 {
			t.Errorf("%s answered nothing: %v", s.Name, s.Failures)
		}
		if _, counted := s.Metric("allocations"); counted != (s.Name != "c") {
			t.Errorf("%s: allocations counted: %v", s.Name, counted)
		}
	}
	if names := strings.Join(got, " "); names != "netpoll nbio zinx gorilla nbiows c" {
		t.Errorf("measured %s", names)
	}
}

func TestPeersThatCannotBeBuilt(t *testing.T) {
	cases := []struct {
		name  string
		setUp func(t *testing.T)
		want  []string // in the notes, one of each
	}{
		{"away from the source", func(t *testing.T) { t.Chdir(t.TempDir()) }, []string{"run this in the source tree"}},
		{"no compilers", func(t *testing.T) { t.Setenv("PATH", t.TempDir()) }, []string{"install Go", "apt-get install gcc"}},
		{"compilers that fail", failingCompilers, []string{"go failed: exit status 3: go is broken", "gcc failed: exit status 3: gcc is broken"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.setUp(t)
			servers, notes := bench.Peers(t.Context(), t.TempDir(), "127.0.0.1:1", "127.0.0.1:2")
			if len(servers) != 0 || len(notes) != len(c.want) {
				t.Fatalf("%d servers, notes %q, want none and %q", len(servers), notes, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(notes[i], want) {
					t.Errorf("note %q, want %q in it", notes[i], want)
				}
			}
		})
	}
}

// failingCompilers leaves nothing but compilers that fail.
func failingCompilers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"go", "gcc"} {
		script := "#!/bin/sh\necho several lines\necho " + name + " is broken\nexit 3\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}
