package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

// TestTroubles: a verdict quotes the last warnings and errors of a node, and why it has ended.
func TestTroubles(t *testing.T) {
	var output strings.Builder
	for i := range 9 {
		fmt.Fprintf(&output, "time=1 level=INFO msg=%d\ntime=1 level=WARN msg=%d\n", i, i)
		output.WriteString("time=1 level=ERROR msg=\"NATS server\" text=\"Error trying to connect to route (attempt 2)\"\n")
	}
	output.WriteString("time=1 level=ERROR msg=" + strings.Repeat("x", 1000) + "\n2 level\nholdfast: ended\n")
	got := chaos.Troubles(output.String())
	want := []string{"time=1 level=WARN msg=7", "time=1 level=WARN msg=8", "time=1 level=ERROR msg=" + strings.Repeat("x", 177), "holdfast: ended"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
