package load

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// table is text in rows and columns: the first column is a name, the others are
// figures.
type table struct {
	head []string
	rows [][]string
}

// appendText appends the table with its columns aligned, figures to the right.
func (t *table) appendText(dst []byte) []byte {
	widths := make([]int, len(t.head))
	all := slices.Concat([][]string{t.head}, t.rows)
	for _, row := range all {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, row := range all {
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				dst = append(dst, text+pad...)
			} else {
				dst = append(dst, "  "+pad+text...)
			}
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendMarkdown appends it as a table of GitHub's Markdown.
func (t *table) appendMarkdown(dst []byte) []byte {
	dst = appendMarkdownRow(dst, t.head)
	dst = append(dst, "| --- |"...)
	dst = append(dst, strings.Repeat(" ---: |", len(t.head)-1)...)
	dst = append(dst, '\n')
	for _, row := range t.rows {
		dst = appendMarkdownRow(dst, row)
	}
	return dst
}

func appendMarkdownRow(dst []byte, row []string) []byte {
	dst = append(dst, '|')
	for _, text := range row {
		dst = append(dst, ' ')
		dst = append(dst, strings.ReplaceAll(text, "|", `\|`)...)
		dst = append(dst, " |"...)
	}
	return append(dst, '\n')
}
