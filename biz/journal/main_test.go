package journal_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or acts as the child process of a test.
func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(runChild(job, os.Getenv(childDir)))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if l := writtenOnce.longJournal; l != nil {
			_ = os.RemoveAll(l.dir)
		}
		os.Exit(code)
	}))
}
