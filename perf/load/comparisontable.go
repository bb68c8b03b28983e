package load

import (
	"fmt"

	"holdfast/perf/table"
)

// String returns a table for each cell, a row for each server, and warnings
// below.
func (c *Comparison) String() string {
	dst := append([]byte(c.heading()), '\n')
	if c.Notes != "" {
		dst = fmt.Appendf(dst, "Note: %s\n", c.Notes)
	}
	for i := range c.Cells {
		cell := &c.Cells[i]
		dst = fmt.Appendf(dst, "\n%s\n", cell.Name)
		dst = c.table(cell).AppendText(dst)
		for _, note := range cell.Notes() {
			dst = fmt.Appendf(dst, "%s\n", note)
		}
	}
	return string(dst)
}

// AppendMarkdown appends the same as Markdown, with a level-3 heading for each cell.
func (c *Comparison) AppendMarkdown(dst []byte) []byte {
	dst = fmt.Appendf(dst, "%s\n", c.heading())
	if c.Notes != "" {
		dst = fmt.Appendf(dst, "\nNote: %s\n", c.Notes)
	}
	for i := range c.Cells {
		cell := &c.Cells[i]
		dst = fmt.Appendf(dst, "\n### %s\n\n", cell.Name)
		dst = c.table(cell).AppendMarkdown(dst)
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
	text := fmt.Sprintf("Median [range] of %s; x %s: ratio to %s", plural(c.Rounds, "round"), c.Reference, c.Reference)
	if c.Runs < c.Planned {
		text += fmt.Sprintf("; incomplete: %d of %d runs", c.Runs, c.Planned)
	}
	return text
}

// column is one column of a cell's table: "-" if the metric was not measured.
type column struct {
	head, metric string
	text         func(s *ServerResult, m Metric) string
}

func (c *Comparison) table(cell *CellResult) *table.Table {
	columns := c.columns(cell.Workload)
	t := &table.Table{Head: []string{"server"}}
	for _, col := range columns {
		t.Head = append(t.Head, col.head)
	}
	for i := range cell.Servers {
		s := &cell.Servers[i]
		row := []string{s.Name}
		for _, col := range columns {
			text := "-"
			if m, ok := s.Metric(col.metric); ok {
				text = col.text(s, m)
			}
			row = append(row, text)
		}
		if len(s.Reports) == 0 && len(s.Failures) > 0 {
			row[1] = "failed"
		}
		t.Add(row...)
	}
	return t
}

// columns returns the columns for a workload.
func (c *Comparison) columns(w Workload) (all []column) {
	memory := medianText(table.Mebibytes)
	cores := medianText(func(v float64) string { return fmt.Sprintf("%.2f", v) })
	switch w {
	case Idle, HalfOpen:
		return append(c.withRatios("bytes/connection", MetricIdle), column{"memory", MetricMemory, memory})
	case Push:
		all = append(all, column{"orders/s", MetricRate, valueText})
		all = append(all, c.withRatios("pushes/s", MetricPushes)...)
		all = append(all, c.withRatios("CPU us/push", MetricCPUPerPush)...)
	case Chat:
		all = append(all, column{"messages/s", MetricRate, valueText})
		all = append(all, c.withRatios("deliveries/s", MetricPushes)...)
		all = append(all, c.withRatios("CPU us/delivery", MetricCPUPerPush)...)
		all = append(all, column{"cores", MetricServerBusy, cores})
	case Broadcast:
		all = append(all, column{"quotes/s", MetricRate, valueText}, column{"cores", MetricServerBusy, cores})
	default:
		all = append(c.withRatios("requests/s", MetricRate), c.withRatios("CPU us/request", MetricCPU)...)
		all = append(all, column{"user + system", MetricUser, userSystemText})
	}
	count := medianText(func(v float64) string { return fmt.Sprintf("%.3f", v) })
	all = append(all,
		column{"syscalls", MetricSyscalls, count}, column{"allocs", MetricAllocations, count},
		column{"p50", MetricP50, medianText(table.Latency)}, column{"p99", MetricP99, medianText(table.Latency)},
	)
	if w == Chat || w == Broadcast {
		all = append(all, column{"max", MetricMax, medianText(table.Latency)})
	}
	return append(all, column{"memory after", MetricMemory, memory})
}

// withRatios returns a column for a metric and a column for each of its ratios.
func (c *Comparison) withRatios(head, metric string) []column {
	all := []column{
		{head, metric, valueText},
		{"x " + c.Reference, metric, func(_ *ServerResult, m Metric) string { return ratioText(m.Ratio) }},
	}
	if c.Baseline != "" && c.Baseline != c.Reference {
		all = append(all, column{"x " + c.Baseline, metric, func(_ *ServerResult, m Metric) string { return ratioText(m.ToBaseline) }})
	}
	return all
}

// medianText shows only the median.
func medianText(format table.Format) func(*ServerResult, Metric) string {
	return func(_ *ServerResult, m Metric) string { return format(m.Median) }
}

// valueText shows the median with its range.
func valueText(_ *ServerResult, m Metric) string {
	if m.Min == m.Max {
		return table.Value(m.Median)
	}
	return fmt.Sprintf("%s [%s-%s]", table.Value(m.Median), table.Value(m.Min), table.Value(m.Max))
}

func userSystemText(s *ServerResult, user Metric) string {
	system, _ := s.Metric(MetricSystem) // present if the other is
	return table.Value(user.Median) + " + " + table.Value(system.Median)
}

func ratioText(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}
