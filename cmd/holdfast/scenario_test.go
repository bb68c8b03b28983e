package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/scenario"
)

func TestScenarioWithItsOwnServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	code, stdout, stderr := run(t, "scenario", "--json", file)
	if code != 0 || stderr != "" || !strings.Contains(stdout, ": all as expected, in ") {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report scenario.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.Failed() || len(report.Steps) < 70 {
		t.Errorf("%d steps in the file", len(report.Steps))
	}
}

func TestScenarioOnAServer(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	if code, stdout, stderr := run(t, "scenario", "--addr", addr, "--first", "100021", "--verbose"); code != 0 ||
		!strings.Contains(stdout, "100021  worked example") || strings.Count(stderr, "ok ") < 70 {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	code, stdout, stderr := run(t, "scenario", "--addr", addr, "--password", "wrong")
	if code != 1 || !strings.Contains(stdout, "FAIL") || !strings.HasSuffix(stderr, "holdfast: the scenario failed: see the steps marked FAIL\n") {
		t.Errorf("wrong password: code %d, stderr %q", code, stderr)
	}
}
