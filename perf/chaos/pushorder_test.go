package chaos_test

import (
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

// TestResumption: a session must receive what the account had before the login. It may receive more.
func TestResumption(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		resumed                 bool
		before, now, got, after uint64
		want                    string // a part; "" for nothing
	}{
		{"missed nothing", true, 7, 7, 7, 7, ""},
		{"missed some", true, 7, 9, 9, 9, ""},
		{"missed nothing, and the account went on", true, 60_945, 60_945, 60_969, 60_969, ""},
		{"missed some, and the account went on", true, 2118, 2124, 2127, 2130, ""},
		{"too few", true, 7, 9, 8, 9, "missed the pushes from 8 to 9 and received them only up to 8"},
		{"more than there are", true, 7, 9, 12, 11, "received the pushes up to 12, but there are only 11"},
		{"seen more than there are", true, 9, 7, 9, 9, "has seen push 9"},
		{"seen more than there are, and a snapshot", false, 9, 7, 0, 0, "has seen push 9"},
		{"a snapshot although few were missed", false, 7, 9, 0, 0, "did not receive the pushes from 8 to 9"},
		{"a snapshot after many", false, 7, 263, 0, 0, ""},
		{"a snapshot for who has seen nothing", false, 0, 9, 0, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := chaos.Resumption(tc.resumed, tc.before, tc.now, tc.got, tc.after)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// TestPushOrder: pushes follow each other or a snapshot, which may be seen after them.
func TestPushOrder(t *testing.T) {
	push := func(sequence uint64) func(*chaos.PushOrder) string {
		return func(o *chaos.PushOrder) string { return o.Push(sequence) }
	}
	snapshot := func(sequence uint64) func(*chaos.PushOrder) string {
		return func(o *chaos.PushOrder) string { return o.Snapshot(sequence) }
	}
	type steps = []func(*chaos.PushOrder) string
	for _, tc := range []struct {
		name  string
		steps steps
		want  string
	}{
		{"in order", steps{snapshot(5), push(6), push(7)}, ""},
		{"the snapshot is seen late", steps{push(6), push(7), snapshot(5), push(8)}, ""},
		{"a second snapshot is seen late", steps{snapshot(5), push(6), push(300), snapshot(299), push(301)}, ""},
		{"a gap", steps{snapshot(5), push(6), push(8)}, "got push 8, which does not follow"},
		{"twice", steps{snapshot(5), push(6), push(6)}, "got push 6, which does not follow"},
		{"two gaps", steps{snapshot(5), push(7), push(9)}, "got push 9 after 7"},
		{"a gap after the snapshot", steps{push(7), snapshot(5)}, "got push 7 first, after a snapshot with 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o chaos.PushOrder
			var wrong []string
			for _, step := range tc.steps {
				wrong = append(wrong, step(&o))
			}
			got := strings.Join(append(wrong, o.End()), "")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
