package terminal_test

import (
	"testing"

	"holdfast/cmd/holdfast/terminal"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	commands := []string{"buy", "holding", "history", "help"}
	codes := []string{"600100", "600101", "ALFA/600100", "ALFA/600101"}
	cases := []struct {
		name       string
		word       string
		candidates []string
		whole      string
		extended   bool
	}{
		{"only one", "b", commands, "buy ", true},
		{"already whole", "buy", commands, "buy ", true},
		{"several, nothing in common", "h", commands, "h", false},
		{"several with more in common", "6", codes, "60010", true},
		{"several, as far as it goes", "60010", codes, "60010", false},
		{"upper case", "alfa/6", codes, "ALFA/60010", true},
		{"unknown", "x", commands, "x", false},
		{"nothing typed", "", commands, "", false},
		{"no candidates", "b", nil, "b", false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if whole, extended := terminal.Complete(tc.word, tc.candidates); whole != tc.whole || extended != tc.extended {
				t.Errorf("got %q, %t; want %q, %t", whole, extended, tc.whole, tc.extended)
			}
		})
	}
}

// table returns a table's text; styled cells are in <>.
func table(head []string, rows [][]string) string {
	t := terminal.NewTable(func(style, text string) string {
		if style == "" {
			return text
		}
		return "<" + text + ">"
	}, head...)
	for _, row := range rows {
		t.Add(row...)
	}
	t.Set(len(head)-1, terminal.Red)
	return t.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		head []string
		rows [][]string
		want string
	}{
		{"aligned", []string{"A", ">B"}, [][]string{{"long text", "1"}, {"x", "1,000"}}, "  <A>              <B>\n  long text      1\n  x          <1,000>\n"},
		{"no head", []string{"", ">"}, [][]string{{"cash", "10.00"}}, "  cash  <10.00>\n"},
		{"no blanks at the end", []string{"A", "NOTE"}, [][]string{{"1", "x"}, {"2", ""}}, "  <A>  <NOTE>\n  1  x\n  2\n"},
		{"letters, not bytes", []string{"A", "B"}, [][]string{{"é", "1"}, {"ab", "2"}}, "  <A>   <B>\n  é   1\n  ab  <2>\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := table(tc.head, tc.rows); got != tc.want {
				t.Errorf("got\n%q\nwant\n%q", got, tc.want)
			}
		})
	}
}
