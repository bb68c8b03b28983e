//go:build gate

package main_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"holdfast/perf/chaos"
)

// TestGateChaos makes a small run of every fault. CHAOS_SEED repeats one.
func TestGateChaos(t *testing.T) {
	for _, f := range chaos.Faults() {
		t.Run(f.Name, func(t *testing.T) { gateFault(t, f) })
	}
}

func gateFault(t *testing.T, f chaos.Fault) {
	t.Helper()
	r := &chaos.Run{
		Program: []string{os.Args[0]}, Env: []string{"HOLDFAST_TEST_AS_PROGRAM=1"},
		Seed: gateSeed(t), Rounds: f.Gate.Rounds, Size: f.Gate.Size, Scratch: t.TempDir(), Out: t.Output(),
	}
	v, err := chaos.Execute(t.Context(), f, r)
	if v != nil {
		t.Log(v)
	}
	switch {
	case errors.Is(err, chaos.ErrNeeds):
		skipNeeds(t, f)
	case err != nil:
		t.Fatal(err)
	case !v.Held:
		t.Error("a promise was broken")
	}
}

// skipNeeds skips faults that this machine can't run; with HOLDFAST_CI only those for
// which it lacks rights.
func skipNeeds(t *testing.T, f chaos.Fault) {
	t.Helper()
	switch {
	case f.Root:
		t.Skip("only root, with the right to mount, can do this")
	case os.Getenv("HOLDFAST_CI") == "":
		t.Skip("skip: needs", f.NeedsText())
	default:
		t.Fatal("needs", f.NeedsText())
	}
}

func gateSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("CHAOS_SEED")
	if text == "" {
		return rand.Uint64N(1e9)
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("CHAOS_SEED: %v", err)
	}
	return seed
}
