//go:build gate

package main_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/perf/chaos"
)

// canaryTime is the longest time in which the tests may find a built-in fault.
const canaryTime = time.Minute

// TestGateCanaries: the tests find the broken promise in builds that break one. Each build
// tag is a fault: canary_early sends replies before the fsync, canary_twice executes every
// order twice, canary_nochain does not check the checksums of the journal.
func TestGateCanaries(t *testing.T) {
	for tag, faults := range map[string]map[string]chaos.Size{
		"canary_early": {"durable": {Rounds: 1, Size: 500}},
		"canary_twice": {"kill": {Rounds: 2, Size: 16}, "linear": {Rounds: 1, Size: 6}},
	} {
		t.Run(tag, func(t *testing.T) {
			program := buildCanary(t, tag)
			for name, size := range faults {
				t.Run(name, func(t *testing.T) { findCanary(t, program, name, size) })
			}
		})
	}
	t.Run("canary_nochain", func(t *testing.T) {
		failWithTag(t, "canary_nochain", "./biz/journal", "TestBrokenChain", "TestParseMessageRefusesEveryFlip", "TestReadDamage")
	})
}

// inSource is a command that runs in the source tree.
func inSource(ctx context.Context, t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = root
	return cmd
}

// buildCanary builds the program with a fault and returns its path.
func buildCanary(t *testing.T, tag string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "holdfast")
	if out, err := inSource(t.Context(), t, "go", "build", "-tags", tag, "-o", program, "./cmd/holdfast").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// findCanary wants the fault of perf/chaos to say that a promise is broken.
func findCanary(t *testing.T, program, name string, size chaos.Size) {
	t.Helper()
	f, ok := chaos.Find(name)
	if !ok {
		t.Fatal("no such fault")
	}
	ctx, cancel := context.WithTimeout(t.Context(), canaryTime)
	defer cancel()
	v, err := chaos.Execute(ctx, f, &chaos.Run{
		Program: []string{program}, Seed: gateSeed(t), Rounds: size.Rounds, Size: size.Size, Scratch: t.TempDir(), Out: t.Output(),
	})
	if errors.Is(err, chaos.ErrNeeds) {
		skipNeeds(t, f)
	}
	if v == nil || v.Breaches == 0 {
		t.Errorf("not found: %v, %v", v, err)
	}
}

// failWithTag wants tests to fail in a build with a tag; they pass in one without.
func failWithTag(t *testing.T, tag, folder string, names ...string) {
	t.Helper()
	pattern := "^(" + strings.Join(names, "|") + ")$"
	out, err := inSource(t.Context(), t, "go", "test", "-count", "1", "-timeout", canaryTime.String(), "-tags", tag, "-run", pattern, folder).CombinedOutput()
	for _, name := range names {
		if exit := new(exec.ExitError); !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL: "+name+" ") {
			t.Errorf("%s does not find it: %v\n%s", name, err, out)
		}
	}
}
