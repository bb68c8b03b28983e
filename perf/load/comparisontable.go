package load

import (
	"fmt"
)

// String returns a table for each cell, a row for each server, and what is to be
// known about it below.
func (c *Comparison) String() string {
	dst := append([]byte(c.heading()), '\n')
	if c.Note != "" {
		dst = fmt.Appendf(dst, "Note: %s\n", c.Note)
	}
	for i := range c.Cells {
		cell := &c.Cells[i]
		dst = fmt.Appendf(dst, "\n%s\n", cell.Name)
		t := c.table(cell)
		dst = t.appendText(dst)
		for _, note := range cell.Notes() {
			dst = fmt.Appendf(dst, "%s\n", note)
		}
	}
	return string(dst)
}

// AppendMarkdown appends what String says as Markdown, with a heading of the
// third level for each cell.
func (c *Comparison) AppendMarkdown(dst []byte) []byte {
	dst = fmt.Appendf(dst, "%s\n", c.heading())
	if c.Note != "" {
		dst = fmt.Appendf(dst, "\nNote: %s\n", c.Note)
	}
	for i := range c.Cells {
		cell := &c.Cells[i]
		dst = fmt.Appendf(dst, "\n### %s\n\n", cell.Name)
		t := c.table(cell)
		dst = t.appendMarkdown(dst)
		for n, note := range cell.Notes() {
			if n == 0 {
				dst = append(dst, '\n')
			}
			dst = fmt.Appendf(dst, "- %s\n", note)
		}
	}
	return dst
}

func (c *Comparison) heading() string {
	text := fmt.Sprintf("Median [range] of %d round(s); x %s: ratio to %s", c.Rounds, c.Reference, c.Reference)
	if c.Runs < c.Planned {
		text += fmt.Sprintf("; incomplete: %d of %d runs", c.Runs, c.Planned)
	}
	return text
}

// column is one column of a cell's table.
type column struct {
	head string
	text func(s *ServerResult) string
}

func (c *Comparison) table(cell *CellResult) table {
	columns := c.columns(cell)
	t := table{head: []string{"server"}}
	for _, col := range columns {
		t.head = append(t.head, col.head)
	}
	for i := range cell.Servers {
		s := &cell.Servers[i]
		row := []string{s.Name}
		for _, col := range columns {
			row = append(row, col.text(s))
		}
		if len(s.Reports) == 0 && len(s.Failures) > 0 {
			row[1] = "failed"
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// columns are those that say something about the cell's workload.
func (c *Comparison) columns(cell *CellResult) (all []column) {
	switch cell.Workload {
	case Idle:
		all = c.withRatios(all, "bytes/connection", MetricIdle, valueText)
		return append(all, column{"memory", memoryText})
	case Push:
		all = append(all, column{"orders/s", textOf(MetricRate, valueText)})
		all = c.withRatios(all, "pushes/s", MetricPushes, valueText)
		all = c.withRatios(all, "CPU us/push", MetricCPUPerPush, valueText)
	default:
		all = c.withRatios(all, "requests/s", MetricRate, valueText)
		all = append(c.withRatios(all, "CPU us/request", MetricCPU, valueText), column{"user + system", userSystemText})
	}
	return append(all,
		column{"syscalls", textOf(MetricSyscalls, countText)},
		column{"allocs", textOf(MetricAllocations, countText)},
		column{"p50", textOf(MetricP50, latencyText)},
		column{"p99", textOf(MetricP99, latencyText)},
		column{"memory after", memoryText},
	)
}

// withRatios appends a column for a metric and one for each of its ratios.
func (c *Comparison) withRatios(all []column, head, metric string, text func(m Metric) string) []column {
	all = append(all,
		column{head, textOf(metric, text)},
		column{"x " + c.Reference, textOf(metric, func(m Metric) string { return ratioText(m.Ratio) })},
	)
	if c.Baseline == "" || c.Baseline == c.Reference {
		return all
	}
	return append(all, column{"x " + c.Baseline, textOf(metric, func(m Metric) string { return ratioText(m.ToBaseline) })})
}

// textOf shows a metric, or that there is none.
func textOf(metric string, text func(m Metric) string) func(*ServerResult) string {
	return func(s *ServerResult) string {
		if m, ok := s.Metric(metric); ok {
			return text(m)
		}
		return "-"
	}
}

func valueText(m Metric) string {
	if m.Min == m.Max {
		return number(m.Median)
	}
	return fmt.Sprintf("%s [%s-%s]", number(m.Median), number(m.Min), number(m.Max))
}

func ratioText(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func countText(m Metric) string   { return fmt.Sprintf("%.3f", m.Median) }
func latencyText(m Metric) string { return microseconds(m.Median) }

func memoryText(s *ServerResult) string {
	return textOf(MetricMemory, func(m Metric) string { return fmt.Sprintf("%.1f MiB", m.Median/(1<<20)) })(s)
}

func userSystemText(s *ServerResult) string {
	user, ok := s.Metric(MetricUser)
	system, _ := s.Metric(MetricSystem) // there when the other is
	if !ok {
		return "-"
	}
	return number(user.Median) + " + " + number(system.Median)
}

// number prints three decimals for small values, none for large.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 100 && v > -100:
		return fmt.Sprintf("%.3f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}
