// Package table prints figures: in aligned tables, as text or Markdown, and singly in the
// formats that all results share.
//
// It does not know what the figures mean. Goroutine: any; a Table has one owner.
package table

import (
	"cmp"
	"strings"
)

// Table is rows of text in columns.
type Table struct {
	Head []string // nil: no heading; Markdown needs one
	Rows [][]string
	// Align has a letter per column, l or r; the last letter is for all further columns.
	// Default "lr": names to the left, figures to the right.
	Align string
	// Indent comes before each line of text.
	Indent string
	// Style, when set, returns a cell of the text with escape sequences; they do not count
	// as width. row is an index of Rows, or -1 for the heading.
	Style func(row, column int, text string) string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// AppendText appends the table with aligned columns, two spaces apart: aligned as a
// terminal shows them, also with wide characters. Cells are escaped (Escape).
func (t *Table) AppendText(dst []byte) []byte {
	lines, first := t.escaped()
	var widths []int
	for _, cells := range lines {
		for len(widths) < len(cells) {
			widths = append(widths, 0)
		}
		for i, cell := range cells {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	for row, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-Width(cell))
			if t.Style != nil && cell != "" {
				cell = t.Style(first+row, i, cell)
			}
			if t.right(i) {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		dst = append(dst, strings.TrimRight(t.Indent+line.String(), " ")+"\n"...)
	}
	return dst
}

// escaped returns the heading, if there is one, and the rows; first is the index in Rows
// of the first line, -1 for the heading.
func (t *Table) escaped() (lines [][]string, first int) {
	if t.Head != nil {
		lines, first = append(lines, t.Head), -1
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Escape(cell)
		}
		lines = append(lines, cells)
	}
	return lines, first
}

// right reports whether a column is aligned to the right.
func (t *Table) right(column int) bool {
	align := cmp.Or(t.Align, "lr")
	return align[min(column, len(align)-1)] == 'r'
}

// AppendMarkdown appends the table in GitHub's Markdown.
func (t *Table) AppendMarkdown(dst []byte) []byte {
	dst = appendMarkdownRow(dst, t.Head)
	for i := range t.Head {
		if t.right(i) {
			dst = append(dst, "| ---: "...)
		} else {
			dst = append(dst, "| --- "...)
		}
	}
	dst = append(dst, "|\n"...)
	for _, row := range t.Rows {
		dst = appendMarkdownRow(dst, row)
	}
	return dst
}

func appendMarkdownRow(dst []byte, cells []string) []byte {
	for _, cell := range cells {
		dst = append(dst, "| "+Escape(strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell))+" "...)
	}
	return append(dst, "|\n"...)
}
