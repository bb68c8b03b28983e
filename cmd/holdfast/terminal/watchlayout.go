package terminal

import (
	"fmt"

	"holdfast/perf/table"
)

// list is the part of a pane that is shown.
type list struct {
	selected any // what names the selected row; nil: the first
	at       int // its index
	top      int // index of the first row shown
	rows     int // how many lines there are for rows
	width    int // of the pane; 0: not shown
	most     int // rows wanted so far
	needs    []extent
}

// arrange divides the screen into panes, and moves the parts that they show so that the selected
// rows are in them.
func (m *watchModel) arrange() {
	m.divide()
	for p := range paneCount {
		l := &m.lists[p]
		count := m.count(p)
		l.follow(count, func(row int) any { return m.rowKey(p, row) })
		l.top = max(min(l.top, l.at, count-l.rows), l.at-l.rows+1, 0)
		rows := make([][]gridCell, 0, l.rows)
		for row := l.top; row < min(l.top+l.rows, count) && l.width > 0; row++ {
			rows = append(rows, m.cells(p, row))
		}
		columns := paneColumns(p)
		columns[0].head = m.title(p)
		if l.needs = measure(columns, rows, l.needs); count == 0 {
			l.needs[0].full = max(l.needs[0].full, table.Width(columns[0].head))
		}
	}
}

// follow finds the selected row again. If it is gone, the one in its place is selected.
func (l *list) follow(count int, key func(row int) any) {
	if l.selected == nil {
		l.at = 0
		return
	}
	l.at = max(min(l.at, count-1), 0)
	for row := range count {
		if key(row) == l.selected {
			l.at = row
			return
		}
	}
	if l.selected = nil; l.at > 0 {
		l.selected = key(l.at)
	}
}

// title returns the name of a pane, with the number of its rows.
func (m *watchModel) title(p pane) string {
	if n := m.count(p); n > 0 {
		return fmt.Sprintf("%s %d", p.title(), n)
	}
	return p.title()
}

// wide is the width from which on orders and tape are side by side.
const wide = 110

// divide sets the sizes of the panes.
func (m *watchModel) divide() {
	m.topLines = len(m.top())
	height := m.height - m.topLines - len(m.bottom())
	wants := make([]int, 0, paneCount)
	for p := range paneCount {
		l := &m.lists[p]
		l.most = max(l.most, m.count(p), 1)
		l.width, l.rows = 0, 0
		if p < m.panes() {
			wants = append(wants, 1+l.most)
		}
	}
	sideBySide := m.width >= wide
	stacks := len(wants)
	if sideBySide {
		stacks = 2
	}
	if height < 3*stacks { // only the pane with the focus
		if height >= 2 {
			m.lists[m.focus].width, m.lists[m.focus].rows = m.width, height-1
		}
		return
	}
	if !sideBySide {
		for p, given := range share(height, wants) {
			m.lists[p].width, m.lists[p].rows = m.width, given-1
		}
		return
	}
	// Positions above, and below them the tape beside the orders, which are above the prices.
	left := (m.width - 2) / 2
	given := share(height, []int{wants[panePositions], height})
	m.lists[panePositions].width, m.lists[panePositions].rows = m.width, given[0]-1
	m.lists[paneTape].width, m.lists[paneTape].rows = m.width-2-left, given[1]-1
	m.lists[paneOrders].width, m.lists[paneOrders].rows = left, given[1]-1
	if m.prices {
		parts := share(given[1], []int{wants[paneOrders], given[1]})
		m.lists[paneOrders].rows = parts[0] - 1
		m.lists[panePrices].width, m.lists[panePrices].rows = left, parts[1]-1
	}
}

// share divides a height: each gets an equal share but not more than it wants, and the last one
// what is left.
func share(height int, wants []int) []int {
	given := make([]int, len(wants))
	for open := len(wants); height > 0 && open > 0; {
		part := max(height/open, 1)
		open = 0
		for i, want := range wants {
			more := max(min(part, want-given[i], height), 0)
			if given[i], height = given[i]+more, height-more; given[i] < want {
				open++
			}
		}
	}
	given[len(given)-1] += height
	return given
}
