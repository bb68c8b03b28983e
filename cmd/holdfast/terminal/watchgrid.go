package terminal

import (
	"strings"

	"holdfast/perf/table"
)

// gridColumn is a column of a pane.
type gridColumn struct {
	head  string
	right bool // aligned to the right
	flex  bool // takes the space that is left, and is cut
	// Where space is short, columns are shortened and dropped by rank, the highest first; with 0
	// they never are.
	short, drop int
}

// gridCell is a cell: its text, a short form of it ("" without one), and its style.
type gridCell struct{ text, short, style string }

// extent is how many columns of the terminal a column of a grid needs, in full and in short; 0: it
// has no text.
type extent struct{ full, short int }

// flexLeast is the least width of a flex column.
const flexLeast = 10

// measure returns what each column needs for the heading and these rows, and not less than before:
// so columns do not jump.
func measure(columns []gridColumn, rows [][]gridCell, before []extent) []extent {
	needs := make([]extent, len(columns))
	copy(needs, before)
	for i := range columns {
		for _, row := range rows {
			c := row[i]
			if c.text == "" && i > 0 {
				continue
			}
			head, full := table.Width(columns[i].head), table.Width(c.text)
			short := full
			if c.short != "" {
				short = table.Width(c.short)
			}
			needs[i].full = max(needs[i].full, full, head)
			needs[i].short = max(needs[i].short, short, head)
		}
	}
	return needs
}

// gridLayout is how the columns of a grid are drawn.
type gridLayout struct {
	columns []gridColumn
	widths  []int // 0: not drawn
	short   []bool
	gap     int // between two columns
	width   int // of a line
}

// fit lays columns out in a width. Without enough space for the columns that are never dropped,
// the last ones are cut.
func fit(columns []gridColumn, needs []extent, width int) gridLayout {
	l := gridLayout{columns: columns, widths: make([]int, len(columns)), short: make([]bool, len(columns)), gap: 2, width: width}
	if width < 60 {
		l.gap = 1
	}
	for i := range columns {
		l.widths[i] = l.first(i, needs)
	}
	for rank := highestRank(columns); rank > 0 && l.used() > width; rank-- {
		for i, c := range columns {
			switch {
			case c.short == rank:
				l.short[i], l.widths[i] = true, needs[i].short
			case c.drop == rank:
				l.widths[i] = 0
			}
		}
	}
	l.regain(needs)
	for i, c := range columns {
		if left := width - l.used(); c.flex && l.widths[i] > 0 && left > 0 {
			l.widths[i] += min(left, needs[i].full-l.widths[i])
		}
	}
	return l
}

// first returns the width of a column in full.
func (l *gridLayout) first(i int, needs []extent) int {
	if l.columns[i].flex {
		return min(needs[i].full, flexLeast)
	}
	return needs[i].full
}

// regain takes back what was dropped or shortened before a wider column was, as far as there is
// space now.
func (l *gridLayout) regain(needs []extent) {
	for rank := 1; rank <= highestRank(l.columns); rank++ {
		for i, c := range l.columns {
			was, short := l.widths[i], l.short[i]
			if c.drop == rank && was == 0 || c.short == rank && short {
				l.widths[i], l.short[i] = l.first(i, needs), false
			}
			if l.used() > l.width {
				l.widths[i], l.short[i] = was, short
			}
		}
	}
}

func highestRank(columns []gridColumn) (rank int) {
	for _, c := range columns {
		rank = max(rank, c.drop, c.short)
	}
	return rank
}

// used returns the width of all columns and gaps.
func (l *gridLayout) used() (width int) {
	for _, w := range l.widths {
		if w > 0 {
			width += w + l.gap
		}
	}
	return max(width-l.gap, 0)
}

// line returns a row, as wide as the grid. of is the style of the whole line.
func (l *gridLayout) line(style Style, of string, row []gridCell) string {
	var line strings.Builder
	at := 0
	for i, w := range l.widths {
		if w == 0 {
			continue
		}
		gap := 0
		if at > 0 {
			gap = l.gap
		}
		if w = min(w, l.width-at-gap); w <= 0 {
			break
		}
		text := row[i].text
		if l.short[i] && row[i].short != "" {
			text = row[i].short
		}
		text = cutTo(text, w)
		blanks := strings.Repeat(" ", w-table.Width(text))
		line.WriteString(style(of, strings.Repeat(" ", gap)))
		if l.columns[i].right {
			line.WriteString(style(of, blanks) + style(of+row[i].style, text))
		} else {
			line.WriteString(style(of+row[i].style, text) + style(of, blanks))
		}
		at += gap + w
	}
	return line.String() + style(of, strings.Repeat(" ", max(l.width-at, 0)))
}

// heads returns the heading as a row; title is in place of the first head.
func (l *gridLayout) heads(title string) []gridCell {
	row := make([]gridCell, len(l.columns))
	for i, c := range l.columns {
		row[i].text = c.head
	}
	row[0].text = title
	return row
}

// cutTo returns text in at most width columns. Two points mark a cut: a sign for that has another
// width on some terminals.
func cutTo(text string, width int) string {
	switch {
	case table.Width(text) <= width:
		return text
	case width <= 4:
		return table.Cut(text, width)
	}
	return table.Cut(text, width-2) + ".."
}

// wrap returns escaped text in lines of at most width columns, broken at blanks, and at most
// limit of them.
func wrap(text string, width, limit int) (lines []string) {
	if width <= 0 || limit <= 0 {
		return nil
	}
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case table.Width(line)+1+table.Width(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for table.Width(line) > width {
			start := table.Cut(line, width)
			if start == "" { // a wide character in one column
				return lines
			}
			lines, line = append(lines, start), line[len(start):]
		}
	}
	if lines = append(lines, line); len(lines) > limit {
		lines = lines[:limit]
		lines[limit-1] = cutTo(lines[limit-1]+"....", width)
	}
	return lines
}

// part is a text of a line of parts, and its rank: the highest are dropped first.
type part struct {
	text, style string
	rank        int
}

// partsLine returns parts in a line of a width, two blanks apart, without the parts for which there
// is no space.
func partsLine(style Style, of string, width int, parts []part) string {
	lines := partsLines(style, of, width, 1, parts)
	return lines[0]
}

// partsLines is partsLine for a number of lines.
func partsLines(style Style, of string, width, limit int, parts []part) []string {
	rank := 0
	for _, p := range parts {
		rank = max(rank, p.rank)
	}
	for ; ; rank-- {
		lines := flow(style, of, width, rank, parts)
		if len(lines) <= limit || rank <= 0 {
			return lines[:min(len(lines), limit)]
		}
	}
}

// flow returns the parts up to a rank in lines, at least one.
func flow(style Style, of string, width, rank int, parts []part) (lines []string) {
	line, at := "", 0
	end := func() { lines = append(lines, line+style(of, strings.Repeat(" ", max(width-at, 0)))) }
	for _, p := range parts {
		if p.rank > rank || p.text == "" {
			continue
		}
		text := cutTo(p.text, width)
		if at > 0 && at+2+table.Width(text) > width {
			end()
			line, at = "", 0
		}
		if at > 0 {
			line, at = line+style(of, "  "), at+2
		}
		line, at = line+style(of+p.style, text), at+table.Width(text)
	}
	end()
	return lines
}
