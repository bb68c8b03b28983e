package textfile_test

import (
	"strings"
	"testing"

	"holdfast/biz/textfile"
)

func TestSuggestion(t *testing.T) {
	words := []string{"lots", "lot", "market", "band", ""}
	for word, want := range map[string]string{
		"lot": "lot", "lott": "lot", "lo": "lot", "Lot": "lot", "markte": "market", "bend": "band", "xyzzy": "", "markets are": "", "": "",
		strings.Repeat("market", 1000): "",
	} {
		if want != "" {
			want = ` (did you mean "` + want + `"?)`
		}
		if got := textfile.Suggestion(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if near, ok := textfile.Nearest("ab", []string{"abcd"}, 1); ok {
		t.Errorf("found %q with more errors than allowed", near)
	}
}
