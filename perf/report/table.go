package report

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is rows of text under a head.
type table struct {
	head []string
	rows [][]string
}

// appendMarkdown appends the table as Markdown; columns but the first are
// aligned to the right when they hold figures.
func (t table) appendMarkdown(dst []byte) []byte {
	dst = appendRow(dst, t.head)
	for column := range t.head {
		if t.figures(column) {
			dst = append(dst, "| ---: "...)
		} else {
			dst = append(dst, "| --- "...)
		}
	}
	dst = append(dst, "|\n"...)
	for _, row := range t.rows {
		dst = appendRow(dst, row)
	}
	return append(dst, '\n')
}

// figures tells whether a column's cells begin with digits.
func (t table) figures(column int) bool {
	for _, row := range t.rows {
		if text := row[column]; text == "" || !strings.ContainsRune("0123456789-", rune(text[0])) {
			return false
		}
	}
	return len(t.rows) > 0
}

func appendRow(dst []byte, cells []string) []byte {
	for _, cell := range cells {
		dst = append(dst, "| "...)
		dst = append(dst, strings.ReplaceAll(cell, "|", `\|`)...)
		dst = append(dst, ' ')
	}
	return append(dst, "|\n"...)
}

// appendText appends the table as aligned text.
func (t table) appendText(dst []byte) []byte {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(t.head, "\t"))
	for _, row := range t.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a buffer takes everything
	return append(dst, text.Bytes()...)
}
