package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unit writes the unit for a program that is on this machine, because systemd looks for it.
func unit(t *testing.T, text string) (path string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "/usr/local/bin/holdfast", program)
	path = filepath.Join(t.TempDir(), "holdfast.service")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// verify returns what systemd says against a unit, "" if nothing.
func verify(t *testing.T, text string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", unit(t, text)).CombinedOutput()
	if err != nil && len(out) == 0 {
		return err.Error()
	}
	return string(out)
}

// mostExposure is the highest exposure, from 0 to 10, that systemd-analyze security may find.
const mostExposure = 1.5

// TestUnit: systemd has nothing to say against the unit, and finds a misspelled key.
func TestUnit(t *testing.T) {
	t.Parallel()
	needs(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile("holdfast.service")
	if err != nil {
		t.Fatal(err)
	}
	if said := verify(t, string(text)); said != "" {
		t.Errorf("systemd-analyze verify:\n%s", said)
	}
	if said := verify(t, strings.Replace(string(text), "NoNewPrivileges", "NoNewPrivilege", 1)); !strings.Contains(said, "NoNewPrivilege") {
		t.Errorf("systemd-analyze verify does not find a misspelled key: %q", said)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", unit(t, string(text))).CombinedOutput()
	level := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if err != nil || level == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	if exposure, err := strconv.ParseFloat(string(level[1]), 64); err != nil || exposure > mostExposure {
		t.Errorf("the exposure is %s, above %v:\n%s", level[1], mostExposure, out)
	}
	t.Logf("exposure %s of 10", level[1])
}
