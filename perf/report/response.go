package report

import (
	"fmt"
	"slices"

	"holdfast/perf/load"
	"holdfast/perf/plot"
	"holdfast/perf/table"
)

// Response holds response times, by the number of clients and the pause between two
// requests of a client. It marshals to JSON.
type Response struct {
	Environment Environment `json:"environment"`
	// Complete: every round was run.
	Complete bool   `json:"complete"`
	Workload string `json:"workload"`
	// Comparison has a cell for each number of clients under each interval.
	Comparison *load.Comparison `json:"comparison"`
}

// intervals returns the pauses in the order of the cells.
func (r *Response) intervals() []load.Interval {
	var all []load.Interval
	for _, c := range r.cells() {
		if !slices.Contains(all, c.Interval) {
			all = append(all, c.Interval)
		}
	}
	return all
}

// cells returns all cells; none before the first round.
func (r *Response) cells() []load.CellResult {
	if r.Comparison == nil {
		return nil
	}
	return r.Comparison.Cells
}

// under returns the cells with one interval, by number of clients.
func (r *Response) under(interval load.Interval) []load.CellResult {
	return slices.DeleteFunc(slices.Clone(r.cells()), func(c load.CellResult) bool { return c.Interval != interval })
}

// table returns a table with a row for each number of clients.
func (r *Response) table(interval load.Interval) *table.Table {
	t := &table.Table{Align: "r"}
	for _, cell := range r.under(interval) {
		head, row := []string{"clients"}, []string{table.Count(float64(cell.Connections))}
		for _, s := range cell.Servers {
			head = append(head, s.Name+" p50", "p99", "answers/s")
			row = append(row,
				metricText(s, load.MetricP50, table.Microseconds),
				metricText(s, load.MetricP99, table.Microseconds),
				metricText(s, load.MetricRate, table.Count))
		}
		t.Head = head
		t.Add(row...)
	}
	return t
}

// metricText returns the median of a metric, "failed" if every round failed, and "-" if
// nothing was run or answered.
func metricText(s load.ServerResult, name string, format table.Format) string {
	m, ok := s.Metric(name)
	switch {
	case !ok && len(s.Failures) > 0:
		return "failed"
	case !ok || m.Median == 0:
		return "-"
	}
	return format(m.Median)
}

// AppendText appends the matrix as text, a table for each interval.
func (r *Response) AppendText(dst []byte) []byte {
	for _, interval := range r.intervals() {
		dst = fmt.Appendf(dst, "%s, interval %s\n", r.Workload, interval)
		dst = append(r.table(interval).AppendText(dst), '\n')
	}
	return r.appendNotes(dst)
}

func (r *Response) appendMarkdown(dst []byte) []byte {
	for _, interval := range r.intervals() {
		dst = fmt.Appendf(dst, "Interval %s:\n\n", interval)
		dst = append(r.table(interval).AppendMarkdown(dst), '\n')
	}
	return r.appendNotes(dst)
}

// appendNotes appends the warnings about the figures, one per line, and a blank line.
func (r *Response) appendNotes(dst []byte) []byte {
	var notes []string
	if r.Comparison != nil && r.Comparison.Notes != "" {
		notes = append(notes, r.Comparison.Notes)
	}
	for _, c := range r.cells() {
		for _, note := range c.Notes() {
			notes = append(notes, c.Name+", "+note)
		}
	}
	return appendNotes(dst, notes)
}

// charts draws the matrix: a panel for each interval, p50 and p99 of each server.
func (r *Response) charts() []Chart {
	l := plot.Lines{
		Title: "Response time of " + r.Workload,
		Caption: "One panel for each pause between two requests of a client; both axes are logarithmic, lower is better. " +
			"Full lines are the median, dashed ones the 99th percentile; whiskers are the range over the rounds. " +
			"Where clients pause, a line that turns upwards shows from how many clients on the server can't keep up; " +
			"without a pause every client adds to the queue. Times are counted from the moment a request was meant to go out.",
		X: plot.Axis{Label: "clients"}, Y: plot.Axis{Label: "response time", Format: table.Microseconds},
	}
	for _, interval := range r.intervals() {
		l.Panels = append(l.Panels, plot.LinePanel{Title: "interval " + interval.String(), Series: r.series(interval)})
	}
	return []Chart{{File: "response-" + r.Workload + ".svg", Title: l.Title, Caption: l.Caption, SVG: l.AppendSVG(nil)}}
}

func (r *Response) series(interval load.Interval) []plot.Series {
	var all []plot.Series
	for row, cell := range r.under(interval) {
		for at, s := range cell.Servers {
			for i, metric := range []string{load.MetricP50, load.MetricP99} {
				if row == 0 {
					all = append(all, plot.Series{Name: s.Name + " " + metric, Class: at, Dashed: metric == load.MetricP99})
				}
				if m, ok := s.Metric(metric); ok {
					line := &all[2*at+i]
					line.Points = append(line.Points, plot.Point{X: float64(cell.Connections), Y: m.Median, Low: m.Min, High: m.Max})
				}
			}
		}
	}
	return all
}
