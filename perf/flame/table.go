package flame

import (
	"fmt"
	"math"
)

// table lays out a load: a row per figure and class, two columns per server and
// two for the difference. The first row is the heading.
func (l *Load) table() [][]string {
	head := []string{""}
	for _, s := range l.Servers {
		head = append(head, s.Name, "us/request")
	}
	if l.paired() {
		head = append(head, "difference", "us/request")
	}
	rows := append([][]string{head}, l.figures()...)
	for _, class := range Classes() {
		row := []string{string(class)}
		for i := range l.Servers {
			s := &l.Servers[i]
			row = append(row, fmt.Sprintf("%.1f %%", 100*s.Share(class)), fmt.Sprintf("%.3f", s.Share(class)*s.CPUPerRequest))
		}
		rows = append(rows, append(row, l.difference(class)...))
	}
	return rows
}

// paired: there are two servers to subtract.
func (l *Load) paired() bool { return len(l.Servers) == 2 }

// figures are the rows that are about the whole server.
func (l *Load) figures() [][]string {
	names := []string{"samples", "error by chance", "goroutines", "requests/s", "CPU of a core", "all CPU", "allocated/request"}
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = []string{name}
	}
	for i := range l.Servers {
		s := &l.Servers[i]
		for at, cells := range [][2]string{
			{fmt.Sprint(s.Samples), ""},
			{fmt.Sprintf("± %.1f %%", s.sampling()), ""},
			{fmt.Sprint(s.Goroutines), ""},
			{fmt.Sprintf("%.0f", s.Rate), ""},
			{fmt.Sprintf("%.1f %%", 100*s.Busy), ""},
			{"", fmt.Sprintf("%.3f", s.CPUPerRequest)},
			{s.allocatedText(), ""},
		} {
			rows[at] = append(rows[at], cells[:]...)
		}
	}
	if l.paired() {
		for i := range rows {
			rows[i] = append(rows[i], "", "")
		}
		all := rows[5] // CPU per request is the one that can be subtracted
		all[len(all)-1] = signed(l.Servers[0].CPUPerRequest-l.Servers[1].CPUPerRequest, 3)
	}
	return rows
}

func (s *Server) allocatedText() string {
	if s.Rate <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f bytes", s.Allocated/s.Rate)
}

// difference is the first server less the second.
func (l *Load) difference(class Class) []string {
	if !l.paired() {
		return nil
	}
	a, b := &l.Servers[0], &l.Servers[1]
	return []string{
		signed(100*(a.Share(class)-b.Share(class)), 1) + " points",
		signed(a.Share(class)*a.CPUPerRequest-b.Share(class)*b.CPUPerRequest, 3),
	}
}

// signed prints v with its sign, and 0 without one.
func signed(v float64, decimals int) string {
	if unit := math.Pow10(decimals); math.Round(v*unit) == 0 {
		v = 0
		return fmt.Sprintf("%.*f", decimals, v)
	}
	return fmt.Sprintf("%+.*f", decimals, v)
}
