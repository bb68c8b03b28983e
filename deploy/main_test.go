package deploy_test

import (
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needs skips a test on a machine that lacks a program, and fails it with HOLDFAST_CI.
func needs(t *testing.T, program, packages string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("HOLDFAST_CI") != "" {
		t.Fatalf("needs %s: apt-get install %s", program, packages)
	}
	t.Skipf("skip: needs %s: apt-get install %s", program, packages)
}
