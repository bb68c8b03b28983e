package main_test

import (
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
)

// TestWatchWithoutATerminal: it says what to use.
func TestWatchWithoutATerminal(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	code := (&main.Program{Args: []string{"watch"}, Stderr: &stderr}).Run(t.Context())
	if code != 2 || !strings.Contains(stderr.String(), `use "holdfast client" for lines of text, or "holdfast client --json" for programs`) {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
