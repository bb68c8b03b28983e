package terminal

import (
	"slices"
	"strings"

	"holdfast/perf/table"
)

// Table is text in aligned columns, with styles.
type Table struct {
	text   table.Table
	style  Style
	styles map[[2]int]string // by row and column
	width  int               // of the terminal; 0: no limit
	last   []int             // columns that leave their line first where there is no space for all
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

// Fit makes the table fit into columns of a terminal, 0 for no limit: what has no space in the line
// of its row is below it. The columns in last leave their lines first, in this order, and then all
// others from the right; the first one stays.
func (t *Table) Fit(width int, last ...int) { t.width, t.last = width, last }

// String returns the lines, each indented by two blanks.
func (t *Table) String() string {
	below := t.below()
	if len(below) == 0 {
		return string(t.text.AppendText(nil))
	}
	narrow := NewTable(t.style)
	narrow.text.Rows = make([][]string, len(t.text.Rows))
	for column := range t.columns() {
		if below[column] {
			continue
		}
		narrow.text.Align += t.align(column)
		if t.text.Head != nil {
			narrow.text.Head = append(narrow.text.Head, t.text.Head[column])
		}
		for i, row := range t.text.Rows {
			narrow.styles[[2]int{i, len(narrow.text.Rows[i])}] = t.styles[[2]int{i, column}]
			narrow.text.Rows[i] = append(narrow.text.Rows[i], cellOf(row, column))
		}
	}
	var text strings.Builder
	row := len(t.text.Rows) - strings.Count(narrow.String(), "\n") // -1 for a heading
	for line := range strings.Lines(narrow.String()) {
		text.WriteString(line)
		if row >= 0 {
			text.WriteString(t.rest(row, below))
		}
		row++
	}
	return text.String()
}

// columns returns how many columns there are.
func (t *Table) columns() (n int) {
	n = len(t.text.Head)
	for _, row := range t.text.Rows {
		n = max(n, len(row))
	}
	return n
}

func (t *Table) align(column int) string {
	return t.text.Align[min(column, len(t.text.Align)-1):][:1]
}

// cellOf returns a cell of a row that may be short.
func cellOf(row []string, column int) string {
	if column < len(row) {
		return row[column]
	}
	return ""
}

// below returns the columns for which there is no space in the lines.
func (t *Table) below() map[int]bool {
	if t.width == 0 {
		return nil
	}
	widths := make([]int, t.columns())
	for column := range widths {
		widths[column] = table.Width(cellOf(t.text.Head, column))
		for _, row := range t.text.Rows {
			widths[column] = max(widths[column], table.Width(table.Escape(cellOf(row, column))))
		}
	}
	used := len(t.text.Indent) - 2
	for _, w := range widths {
		used += w + 2
	}
	below := make(map[int]bool)
	drop := func(column int) {
		if used > t.width && column > 0 && column < len(widths) && !below[column] {
			below[column], used = true, used-widths[column]-2
		}
	}
	for _, column := range t.last {
		drop(column)
	}
	for column := range slices.Backward(widths) {
		drop(column)
	}
	return below
}

// rest returns the lines below a row: the cells for which it has no space, with their heads.
func (t *Table) rest(row int, below map[int]bool) string {
	var parts []part
	for column := range t.columns() {
		if text := table.Escape(cellOf(t.text.Rows[row], column)); below[column] && text != "" {
			head := strings.ToLower(cellOf(t.text.Head, column))
			parts = append(parts, part{strings.TrimSpace(head + " " + text), t.styles[[2]int{row, column}], 0})
		}
	}
	if len(parts) == 0 {
		return ""
	}
	indent := t.text.Indent + "  "
	var lines strings.Builder
	for _, line := range flow(t.style, "", max(t.width-len(indent), 1), 0, parts) {
		lines.WriteString(indent + strings.TrimRight(line, " ") + "\n")
	}
	return lines.String()
}
