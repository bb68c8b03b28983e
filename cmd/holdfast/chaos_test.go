package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

func TestChaosUsage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the faults need Linux")
	}
	for _, tc := range []struct {
		name   string
		args   []string
		stderr string
	}{
		{"no such fault", []string{"chaos", "kil"}, `holdfast: unknown command "kil" (did you mean "kill"?); see "holdfast chaos --help"` + "\n"},
		{"rounds", []string{"chaos", "kill", "--rounds", "-1"}, `holdfast: --rounds wants a whole number from 1 to 2147483647, got "-1"; see "holdfast chaos kill --help"` + "\n"},
		{"only", []string{"chaos", "all", "--only", "kill,kil"}, `holdfast: --only "kil" is not one of `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if code, stdout, stderr := run(t, tc.args...); code != 2 || stdout != "" || !strings.HasPrefix(stderr, tc.stderr) {
				t.Errorf("code %d, %q, %q", code, stdout, stderr)
			}
		})
	}
}

// TestChaosList: every fault is listed, once, on a line that fits a terminal, can be
// tried small, and its help says what must hold.
func TestChaosList(t *testing.T) {
	code, stdout, stderr := run(t, "chaos", "list")
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, %q", code, stderr)
	}
	for line := range strings.Lines(stdout) {
		if len(line) > 100 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	names := map[string]bool{}
	for _, f := range chaos.Faults() {
		if names[f.Name] || f.ID == "" || f.Short == "" || f.Promise == "" || f.Gate == (chaos.Size{}) || f.Long == (chaos.Size{}) {
			t.Errorf("%+v", f)
		}
		names[f.Name] = true
		if len(f.Short) > chaos.MaxShort || !strings.Contains(stdout, " "+f.Name+" ") || !strings.Contains(stdout, f.Short) {
			t.Errorf("%s is not listed, or too long", f.Name)
		}
		if _, help, _ := run(t, "chaos", f.Name, "--help"); !strings.Contains(help, f.Promise) || !strings.Contains(help, f.HowText()) {
			t.Errorf("%s: %s", f.Name, help)
		}
		if (f.Long.Size > 0) != (f.SizeHelp != "") {
			t.Errorf("%s: size %d %q", f.Name, f.Long.Size, f.SizeHelp)
		}
	}
}

// chaosChild runs a command of chaos in a child: it starts the program again.
func chaosChild(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	scratch := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"chaos"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1", "TMPDIR="+scratch)
	if err := cmd.Run(); err != nil {
		if exit := new(exec.ExitError); !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestChaosFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the faults need Linux")
	}
	file := filepath.Join(t.TempDir(), "verdict.json")
	code, stdout, stderr := chaosChild(t, "second", "--rounds", "1", "--size", "1", "--seed", "42", "--out", file)
	if code != 0 || !strings.HasPrefix(stdout, "D6 held: ") || !strings.HasPrefix(stderr, "D6 second: seed 42\n") {
		t.Fatalf("code %d, %q, %q", code, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	var v chaos.Verdict
	if err := errors.Join(err, json.Unmarshal(text, &v)); err != nil || !v.Held || v.Seed != 42 || v.Fault != "second" {
		t.Errorf("%+v, %v", v, err)
	}
	if want := "holdfast chaos second --out verdict.json --rounds 1 --seed 42 --size 1"; v.Command != want {
		t.Errorf("command %q", v.Command)
	}
}

// TestChaosAll: a folder has verdicts and a page, which names no folder of this machine.
func TestChaosAll(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the faults need Linux")
	}
	folder := filepath.Join(t.TempDir(), "results")
	code, stdout, stderr := chaosChild(t, "all", "--quick", "--only", "second", "--seed", "7", "--out", folder)
	if code != 0 || !strings.HasPrefix(stdout, "D6 held: ") {
		t.Fatalf("code %d, %q, %q", code, stdout, stderr)
	}
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| D6 | [second](second.json) |", "| held | 7 |", "small sizes", "| holdfast |", "`holdfast chaos second --seed 7 --rounds 1 --size 2`"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(string(page), os.TempDir()+"/") {
		t.Errorf("a folder of this machine in\n%s", page)
	}
	if _, err := os.Stat(filepath.Join(folder, "second.json")); err != nil {
		t.Error(err)
	}
}
