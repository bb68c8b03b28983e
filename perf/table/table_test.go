package table_test

import (
	"strings"
	"testing"

	"holdfast/perf/table"
)

func TestTable(t *testing.T) {
	figures := table.Table{Head: []string{"server", "requests/s", "p50"}}
	figures.Add("c", "1200", "3 us")
	figures.Add("größer|gleich", "9", "± 12 us")
	words := table.Table{Align: "l"}
	words.Add("name", "what it is")
	words.Add("n", "")
	heading := table.Table{Head: []string{"", ""}, Align: "l"}
	cases := []struct {
		name, text, markdown string
		table                *table.Table
	}{
		{
			"figures", "server         requests/s      p50\nc                    1200     3 us\ngrößer|gleich           9  ± 12 us\n",
			"| server | requests/s | p50 |\n| --- | ---: | ---: |\n| c | 1200 | 3 us |\n| größer\\|gleich | 9 | ± 12 us |\n", &figures,
		},
		{"words without a head", "name  what it is\nn\n", "", &words},
		{"empty head", "\n", "|  |  |\n| --- | --- |\n", &heading},
		{"nothing", "", "", new(table.Table)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := string(tc.table.AppendText(nil)); got != tc.text {
				t.Errorf("text\n%swant\n%s", got, tc.text)
			}
			if tc.markdown == "" {
				return
			}
			if got := string(tc.table.AppendMarkdown([]byte("above\n"))); got != "above\n"+tc.markdown {
				t.Errorf("Markdown\n%swant\n%s", got, tc.markdown)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	signed := func(decimals int) table.Format {
		return func(v float64) string { return table.Signed(v, decimals) }
	}
	for _, tc := range []struct {
		format table.Format
		v      float64
		want   string
	}{
		{table.Count, 0, "0"}, {table.Count, 0.5, "0.5"}, {table.Count, 999, "999"}, {table.Count, 1000, "1,000"},
		{table.Count, 1234567, "1,234,567"}, {table.Count, -4321, "-4,321"}, {table.Count, 999.6, "1,000"},
		{table.Ratio, 0.893, "0.89x"}, {table.Ratio, 38.2, "38x"},
		{table.Microseconds, 0, "0 us"}, {table.Microseconds, 0.25, "0.25 us"}, {table.Microseconds, 20, "20 us"},
		{table.Microseconds, 999.96, "1 ms"}, {table.Microseconds, 1000, "1 ms"}, {table.Microseconds, 1540, "1.54 ms"},
		{table.Microseconds, 123456, "123 ms"}, {table.Microseconds, 2e6, "2 s"}, {table.Microseconds, 1234e6, "1234 s"},
		{table.Latency, 3.4, "3 us"}, {table.Latency, 1540, "1.54 ms"}, {table.Latency, 2e6, "2.00 s"},
		{table.Value, 0, "0"}, {table.Value, 1.5, "1.500"}, {table.Value, -1.5, "-1.500"}, {table.Value, 100.4, "100"},
		{table.Mebibytes, 8 << 20, "8.0 MiB"},
		{signed(1), 2, "+2.0"}, {signed(1), -0.04, "0.0"}, {signed(3), -0.04, "-0.040"},
	} {
		if got := tc.format(tc.v); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.v, got, tc.want)
		}
	}
}

func TestWideCharacters(t *testing.T) {
	wide := table.Table{Align: "ll", Rows: [][]string{{"北京控股", "x"}, {"e\u0301te\u0301", "x"}, {"plain", "x"}}}
	for i, line := range strings.Split(strings.TrimSpace(string(wide.AppendText(nil))), "\n") {
		if at := table.Width(strings.TrimSuffix(line, "x")); at != 10 {
			t.Errorf("row %d: the second column starts at %d: %q", i, at, line)
		}
	}
	for text, want := range map[string]string{"北京": "北", "ab": "ab", "abcd": "abc", "e\u0301bcd": "e\u0301bc", "": ""} {
		if got := table.Cut(text, 3); got != want {
			t.Errorf("Cut(%q, 3) = %q", text, got)
		}
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"Łódź, 北京, 100 %":         "Łódź, 北京, 100 %",
		"a\u3000b":                "a\u3000b",
		"x\nforged line":          `x\nforged line`,
		"\x1b[2J\x07\r\t\x7f":     `\x1b[2J\a\r\t\x7f`,
		"\u009b31m":               `\u009b31m`,
		"\u202eevil\u2066":        `\u202eevil\u2066`,
		"bad \xff\xfe \ufffd end": `bad \xff\xfe ` + "\ufffd end",
		"\u200b\ufeff":            `\u200b\ufeff`,
	} {
		if got := table.Escape(text); got != want {
			t.Errorf("Escape(%q) = %q, want %q", text, got, want)
		}
	}
	hostile := table.Table{Rows: [][]string{{"b\nc\x1b[2J"}}}
	if got := string(hostile.AppendText(nil)); got != `b\nc\x1b[2J`+"\n" {
		t.Errorf("table %q", got)
	}
}
