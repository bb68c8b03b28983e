package flame

import (
	"fmt"

	"holdfast/perf/table"
)

// table returns a table with a row for each figure and class. Each server has two
// columns; if there are two servers, two more show the first minus the second.
func (l *Load) table() *table.Table {
	t := &table.Table{Head: []string{""}}
	var columns [][][2]string
	for i := range l.Servers {
		t.Head = append(t.Head, l.Servers[i].Name, "us/request")
		columns = append(columns, l.Servers[i].cells())
	}
	if len(l.Servers) == 2 {
		t.Head = append(t.Head, "difference", "us/request")
		columns = append(columns, l.Servers[0].less(&l.Servers[1]))
	}
	names := []string{"samples", "error by chance", "goroutines", "requests/s", "CPU of a core", "all CPU", "allocated/request"}
	for _, class := range Classes() {
		names = append(names, string(class))
	}
	for i, name := range names {
		row := []string{name}
		for _, cells := range columns {
			row = append(row, cells[i][:]...)
		}
		t.Add(row...)
	}
	return t
}

// cells returns the two columns of a server.
func (s *Server) cells() [][2]string {
	allocated := ""
	if s.Rate > 0 {
		allocated = fmt.Sprintf("%.0f bytes", s.Allocated/s.Rate)
	}
	cells := [][2]string{
		{fmt.Sprint(s.Samples), ""},
		{fmt.Sprintf("± %.1f %%", s.sampling()), ""},
		{fmt.Sprint(s.Goroutines), ""},
		{fmt.Sprintf("%.0f", s.Rate), ""},
		{fmt.Sprintf("%.1f %%", 100*s.Busy), ""},
		{"", fmt.Sprintf("%.3f", s.CPUPerRequest)},
		{allocated, ""},
	}
	for _, class := range Classes() {
		share := s.Share(class)
		cells = append(cells, [2]string{fmt.Sprintf("%.1f %%", 100*share), fmt.Sprintf("%.3f", share*s.CPUPerRequest)})
	}
	return cells
}

// less returns the two columns of the difference to another server. Of the totals, only
// the CPU per request is subtracted.
func (s *Server) less(other *Server) [][2]string {
	cells := [][2]string{5: {"", table.Signed(s.CPUPerRequest-other.CPUPerRequest, 3)}, 6: {}}
	for _, class := range Classes() {
		a, b := s.Share(class), other.Share(class)
		cells = append(cells, [2]string{
			table.Signed(100*(a-b), 1) + " points",
			table.Signed(a*s.CPUPerRequest-b*other.CPUPerRequest, 3),
		})
	}
	return cells
}
