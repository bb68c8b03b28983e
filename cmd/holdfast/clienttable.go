package main

import (
	"strings"
	"unicode/utf8"
)

// cell is a text in a table, with a style where colours are on.
type cell struct{ text, style string }

// table is text in aligned columns. The style of a cell takes no room.
type table struct {
	head  []string // a leading ">" makes the column flush right
	rows  [][]cell
	style func(style, text string) string
}

// add adds a row of plain cells; set gives the last row's cells a style.
func (t *table) add(texts ...string) {
	row := make([]cell, 0, len(texts))
	for _, text := range texts {
		row = append(row, cell{text: text})
	}
	t.rows = append(t.rows, row)
}

func (t *table) set(column int, style string) { t.rows[len(t.rows)-1][column].style = style }

// String returns the lines, each indented by two blanks; the head is left out
// where it says nothing.
func (t *table) String() string {
	all := t.rows
	if strings.Trim(strings.Join(t.head, ""), ">") != "" {
		head := make([]cell, 0, len(t.head))
		for _, name := range t.head {
			head = append(head, cell{strings.TrimPrefix(name, ">"), styleFaint})
		}
		all = append([][]cell{head}, t.rows...)
	}
	widths := make([]int, len(t.head))
	for _, row := range all {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range all {
		t.line(&b, row, widths)
	}
	return b.String()
}

// line writes a row; blanks are written when something follows them.
func (t *table) line(b *strings.Builder, row []cell, widths []int) {
	blanks := 0
	for i, c := range row {
		pad := widths[i] - utf8.RuneCountInString(c.text)
		blanks += 2
		if strings.HasPrefix(t.head[i], ">") {
			blanks, pad = blanks+pad, 0
		}
		if c.text == "" {
			blanks += pad
			continue
		}
		b.WriteString(strings.Repeat(" ", blanks) + t.styled(c))
		blanks = pad
	}
	b.WriteByte('\n')
}

func (t *table) styled(c cell) string {
	if c.style == "" {
		return c.text
	}
	return t.style(c.style, c.text)
}
