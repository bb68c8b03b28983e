package terminal

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// The smallest terminal with panes, in columns and lines. Below there are only a few totals.
const (
	leastWidth  = 24
	leastHeight = 6
)

// View implements tea.Model.
func (m *watchModel) View() tea.View {
	top, bottom := m.top(), m.bottom()
	lines := top
	switch {
	case m.tiny():
	case m.help:
		lines = append(lines, m.helpLines(m.height-len(top)-len(bottom))...)
	default:
		lines = append(lines, m.paneLines()...)
	}
	for len(lines)+len(bottom) < m.height {
		lines = append(lines, "")
	}
	start := len(lines)
	lines = append(lines, bottom...)
	v := tea.NewView(strings.Join(lines[:min(len(lines), max(m.height, 0))], "\n"))
	v.AltScreen = true
	if m.ticket != nil && m.ask == nil && !m.help {
		_, x, y := m.ticketLines(m.ticketSpace())
		v.Cursor = tea.NewCursor(x, start+y)
	}
	return v
}

// tiny reports whether there is no space for panes.
func (m *watchModel) tiny() bool { return m.width < leastWidth || m.height < leastHeight }

// top returns the lines above the panes.
func (m *watchModel) top() []string {
	if m.tiny() {
		lines := []string{partsLine(m.style, m.linkStyle(), m.width, m.headParts()[:1])}
		for _, p := range m.accountParts()[:3] {
			lines = append(lines, partsLine(m.style, "", m.width, []part{p}))
		}
		return lines[:max(min(len(lines), m.height-len(m.bottom())), 0)]
	}
	lines := []string{partsLine(m.style, invert, m.width, m.headParts())}
	limit := 1
	switch {
	case m.height >= 20:
		limit = 3
	case m.height >= 12:
		limit = 2
	}
	lines = append(lines, partsLines(m.style, "", m.width, limit, m.accountParts())...)
	for len(lines) < m.topLines { // so the panes do not jump
		lines = append(lines, "")
	}
	return lines
}

// ticketSpace is how many lines a ticket may have.
func (m *watchModel) ticketSpace() int {
	if m.tiny() {
		return 1
	}
	return max(m.height-4, 1)
}

// bottom returns the lines below the panes: the ticket, a question or a message, and the keys.
func (m *watchModel) bottom() (lines []string) {
	if m.ticket != nil && m.ask == nil {
		lines, _, _ = m.ticketLines(m.ticketSpace())
	}
	text, style, keys := m.said, m.tone, m.keys()
	limit := 3
	if m.ask != nil {
		text, style, limit = m.ask.text, bold, 4
	} else if text == "" && len(m.sending) > 0 {
		text = "waiting for the reply: " + m.unsent()
	}
	if text == "" && m.link.state != linkConnected && m.ticket == nil {
		text, style = m.link.why, Yellow
	}
	if text != "" {
		for _, line := range wrap(text, m.width, max(min(limit, m.height/3), 1)) {
			lines = append(lines, m.style(style, line))
		}
	}
	if text == "" || m.height > len(lines)+1 {
		lines = append(lines, partsLine(m.style, Faint, m.width, keys))
	}
	return lines[max(len(lines)-m.height, 0):]
}

// keys returns the keys that can be pressed now.
func (m *watchModel) keys() []part {
	list := []string{"q quit", "? help", "b buy", "s sell", "c cancel", "tab pane", "arrows select", "p prices"}
	switch {
	case m.help:
		list = []string{"any key: back"}
	case m.ask != nil:
		list = []string{"y yes", "n no"}
	case m.ticket != nil:
		list = []string{"enter review", "esc close", "tab next field", "ctrl+u clear"}
	}
	parts := make([]part, 0, len(list))
	for i, text := range list {
		parts = append(parts, part{text, "", i})
	}
	return parts
}

// paneLines returns the panes.
func (m *watchModel) paneLines() (lines []string) {
	if m.lists[paneTape].width == 0 || m.width < wide { // stacked
		for p := range paneCount {
			lines = append(lines, m.paneText(p)...)
		}
		return lines
	}
	lines = m.paneText(panePositions)
	left, right := append(m.paneText(paneOrders), m.paneText(panePrices)...), m.paneText(paneTape)
	for i := range left {
		lines = append(lines, left[i]+"  "+right[i])
	}
	return lines
}

// paneText returns a pane: its heading, and as many lines as it has for rows.
func (m *watchModel) paneText(p pane) []string {
	l := &m.lists[p]
	if l.width == 0 {
		return nil
	}
	grid := fit(paneColumns(p), l.needs, l.width)
	heading := Faint + under
	if p == m.focus {
		heading = bold + under
	}
	lines := []string{grid.line(m.style, heading, grid.heads(m.title(p)))}
	for row := l.top; row < l.top+l.rows; row++ {
		switch {
		case row >= m.count(p):
			text := ""
			if row == 0 {
				text = cutTo(p.empty(), l.width)
			}
			lines = append(lines, m.style(Faint, text)+strings.Repeat(" ", l.width-len(text)))
		case row == l.at && p == m.focus:
			cells := m.cells(p, row)
			for i := range cells { // colours are hard to read here
				if cells[i].style = ""; m.struck(p, row) && 0 < i && i < len(cells)-1 {
					cells[i].style = Struck
				}
			}
			lines = append(lines, grid.line(m.style, invert, cells))
		default:
			lines = append(lines, grid.line(m.style, "", m.cells(p, row)))
		}
	}
	return lines
}

// helpLines explains the keys and the marks.
func (m *watchModel) helpLines(limit int) []string {
	rows := [][2]string{
		{"b, s", "buy or sell: asks before it sends"},
		{"c", "cancel the selected order: asks"},
		{"p", "show the prices of all instruments, or hide them"},
		{"tab, left, right", "the next pane"},
		{"up, down, page keys", "select a row and show all of it; the first one follows the newest"},
		{"ctrl+l", "draw the screen again"},
		{"ctrl+z", "back to the shell; fg continues"},
		{"q, ctrl+c", "quit: working orders stay"},
		{"", ""},
		{"BUSTED", "the execution was taken back; it is struck out"},
		{"now #8", "it was corrected: #8 replaces it"},
		{"was #7", "it replaces #7"},
		{"", ""},
		{"push", "number of the last push of the account"},
		{"", fmt.Sprintf("%s, %s", plural(m.pushes, "push received", "pushes received"), plural(m.frames, "frame drawn", "frames drawn"))},
		{"", fmt.Sprintf("%d dropped, %s, %d repeated", m.link.dropped, plural(m.shown.Gaps, "gap", "gaps"), m.shown.Doubles)},
	}
	var lines []string
	for _, row := range rows {
		if m.width < 60 && row[0] != "" {
			lines = append(lines, m.style(bold, cutTo(row[0], m.width)))
			row[0] = ""
		}
		start := fmt.Sprintf("  %-20s ", row[0])
		if m.width < 60 {
			start = "  "
		}
		for _, text := range wrap(row[1], m.width-len(start), 3) {
			lines = append(lines, m.style(bold, start)+text)
			start = strings.Repeat(" ", len(start))
		}
	}
	return lines[:max(min(len(lines), limit), 0)]
}
