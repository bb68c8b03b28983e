package terminal_test

import (
	"strings"
	"testing"

	"holdfast/cmd/holdfast/terminal"
	text "holdfast/perf/table"
)

// TestNarrowTable: what has no space in its line is below it, with its heading, and no line is
// wider than the terminal.
func TestNarrowTable(t *testing.T) {
	t.Parallel()
	mark := func(style, text string) string {
		if style == "" {
			return text
		}
		return "<" + text + ">"
	}
	narrow := func(style terminal.Style, width int, last ...int) string {
		table := terminal.NewTable(style, "INSTRUMENT", "NAME", ">SHARES", ">PROFIT", "")
		table.Fit(width, last...)
		table.Add("ALFA/600100", "贵州茅台酒\n股份有限公司", "1,200", "+240.00", "halted")
		table.Set(3, terminal.Green)
		table.Add("ALFA/600101", "Tin", "5", "", "")
		return table.String()
	}
	off := terminal.NewStyle(false)
	for _, tc := range []struct {
		name  string
		width int
		last  []int
		want  string
	}{
		{"no limit", 0, []int{1}, "  INSTRUMENT   NAME                      SHARES   PROFIT\n  ALFA/600100  贵州茅台酒\\n股份有限公司   1,200  +240.00  halted\n  ALFA/600101  Tin                            5\n"},
		{"from the right", 60, nil, "  INSTRUMENT   NAME                      SHARES   PROFIT\n  ALFA/600100  贵州茅台酒\\n股份有限公司   1,200  +240.00\n    halted\n  ALFA/600101  Tin                            5\n"},
		{"a certain column first", 40, []int{1}, "  INSTRUMENT   SHARES   PROFIT\n  ALFA/600100   1,200  +240.00  halted\n    name 贵州茅台酒\\n股份有限公司\n  ALFA/600101       5\n    name Tin\n"},
		{"only one column", 20, nil, "  INSTRUMENT\n  ALFA/600100\n    name 贵州茅台..\n    shares 1,200\n    profit +240.00\n    halted\n  ALFA/600101\n    name Tin\n    shares 5\n"},
	} {
		got := narrow(off, tc.width, tc.last...)
		if got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
		for line := range strings.Lines(got) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); tc.width > 0 && n > tc.width {
				t.Errorf("%s: a line has %d columns: %q", tc.name, n, line)
			}
		}
	}
	if got := narrow(mark, 20); !strings.Contains(got, "\n    <profit +240.00>\n") {
		t.Errorf("the style of a cell is lost:\n%s", got)
	}
}
