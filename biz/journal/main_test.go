package journal_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is the child process of the tests that need one.
func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(runChild(job, os.Getenv(childDir)))
	}
	goleak.VerifyTestMain(m)
}
