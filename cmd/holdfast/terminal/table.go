package terminal

import (
	"strings"

	"holdfast/perf/table"
)

// Table is text in aligned columns, with styles.
type Table struct {
	text   table.Table
	style  Style
	styles map[[2]int]string // by row and column
}

// NewTable returns a table with these columns. A leading ">" aligns a column to the right.
// The heading is omitted if all names are empty.
func NewTable(style Style, head ...string) *Table {
	t := &Table{style: style, styles: make(map[[2]int]string)}
	t.text.Indent, t.text.Style = "  ", t.styled
	names := make([]string, len(head))
	for i, name := range head {
		right := strings.HasPrefix(name, ">")
		names[i] = strings.TrimPrefix(name, ">")
		if right {
			t.text.Align += "r"
		} else {
			t.text.Align += "l"
		}
	}
	if strings.Join(names, "") != "" {
		t.text.Head = names
	}
	return t
}

// Add adds a row of plain cells.
func (t *Table) Add(texts ...string) { t.text.Add(texts...) }

// Set sets the style of a cell in the last row.
func (t *Table) Set(column int, style string) { t.styles[[2]int{len(t.text.Rows) - 1, column}] = style }

func (t *Table) styled(row, column int, text string) string {
	if row < 0 {
		return t.style(Faint, text)
	}
	return t.style(t.styles[[2]int{row, column}], text)
}

// String returns the lines, each indented by two blanks.
func (t *Table) String() string { return string(t.text.AppendText(nil)) }
