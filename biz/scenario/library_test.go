package scenario_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
	"holdfast/biz/simulation"
)

// TestLibrary plays every scenario of the library, alone.
func TestLibrary(t *testing.T) {
	shared := startServer(t, simulation.Config{})
	t.Run("each", func(t *testing.T) {
		for i, s := range scenario.Library() {
			t.Run(s.Short(), func(t *testing.T) {
				t.Parallel()
				o := own(t)
				o.Addr, o.First = shared, scenario.DefaultFirstCustomer+client.Customer(i)
				r, err := scenario.Play(t.Context(), []*scenario.Scenario{s}, o)
				must(t, err)
				complain(t, r)
				if r.Failed() || len(r.Skipped) > 0 {
					t.Error(r.Summary())
				}
			})
		}
	})
}

// TestLibraryIsExamples: the library starts with the ten scenarios that any server can run, and
// has examples of all statements.
func TestLibraryIsExamples(t *testing.T) {
	library := scenario.Library()
	var all strings.Builder
	for i, s := range library {
		if (s.Server == nil) != (i < 10) {
			t.Errorf("%s is at place %d", s.File, i+1)
		}
		if s.About == "" || s.Short() == "" || strings.Contains(s.Short(), ".") {
			t.Errorf("%s: about %q, short name %q", s.File, s.About, s.Short())
		}
		all.WriteString(s.Text)
	}
	if len(library) < 30 || len(scenario.Shared()) != 10 {
		t.Errorf("%d scenarios, %d for any server", len(library), len(scenario.Shared()))
	}
	words := strings.FieldsFunc(all.String(), func(r rune) bool { return strings.ContainsRune(" \n,", r) })
	for _, verb := range scenario.Verbs() {
		if !slices.Contains(words, verb) && !slices.Contains(words, strings.TrimSuffix(verb, "s")) && !slices.Contains(words, verb+"s") {
			t.Errorf("no example of %q", verb)
		}
	}
}
