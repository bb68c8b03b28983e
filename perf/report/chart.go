package report

import (
	"fmt"

	"holdfast/perf/load"
	"holdfast/perf/plot"
)

// Chart is a drawing and what the page says of it.
type Chart struct {
	File, Title, Caption string
	SVG                  []byte
}

// barChart says how one metric of a workload is drawn.
type barChart struct {
	workload, file, title, caption string
	metric, axis                   string
	log                            bool
	relativeTo                     relation
	format                         plot.Format // of the values
}

// relation says what a metric is divided by.
type relation int

const (
	absolute relation = iota
	toReference
	toBaseline
)

// barCharts lists the charts in the order of the page.
func barCharts() []barChart {
	return []barChart{
		{
			workload: "submit", file: "submit-cpu.svg", metric: load.MetricCPU, log: true, relativeTo: toReference, format: plot.Ratio,
			title: "CPU for one Submit, %s = 1", axis: "server CPU per request, %s = 1",
			caption: "Shorter is cheaper; what lies left of 1 is cheaper than the reference. The axis is logarithmic. Panels are connections x depth. " +
				"At depth 1 every request is a read and a write of its own; the deeper, the more of them one read can " +
				"bring and one write can answer.",
		},
		{
			workload: "submit", file: "submit-rate.svg", metric: load.MetricRate, log: true, relativeTo: toBaseline, format: plot.Ratio,
			title: "Submits answered by one core, %s = 1", axis: "requests/s, %s = 1",
			caption: "Longer is faster; the axis is logarithmic. Panels are connections x depth.",
		},
		{
			workload: "orders", file: "orders-rate.svg", metric: load.MetricRate, log: true, format: plot.Count,
			title: "Durable orders a second", axis: "orders/s",
			caption: "Every order is on disk before it is answered. Longer is faster; the axis is logarithmic. One SQL transaction for each order " +
				"waits for the disk each time; with group commit orders that wait at the same time share one fsync.",
		},
		{
			workload: "positions", file: "positions-cpu.svg", metric: load.MetricCPU, relativeTo: toReference, format: plot.Ratio,
			title: "CPU for a list of positions, %s = 1", axis: "server CPU per request, %s = 1",
			caption: "Shorter is cheaper. The business work is the same in all of them and dilutes the difference of the plumbings.",
		},
		{
			workload: "push", file: "push-rate.svg", metric: load.MetricPushes, format: plot.Count,
			title: "Pushes delivered a second", axis: "pushes/s",
			caption: "Longer is faster. One session of each account trades, all of its sessions get the pushes.",
		},
		{
			workload: "idle", file: "idle-memory.svg", metric: load.MetricIdle, log: true, format: plot.Count,
			title: "Resident memory of an idle connection", axis: "bytes",
			caption: "Shorter is better; the axis is logarithmic. After one Submit, without login; buffers of the kernel are not in it.",
		},
		{
			workload: "idle-login", file: "idle-login-memory.svg", metric: load.MetricIdle, format: plot.Count,
			title: "Resident memory of an idle session that is logged in", axis: "bytes",
			caption: "Shorter is better.",
		},
	}
}

// Charts draws what was compared. Workloads without results have none.
func (c *Compare) charts() map[string][]Chart {
	all := make(map[string][]Chart)
	for _, b := range barCharts() {
		if w := c.workload(b.workload); w != nil && b.has(w) {
			all[b.workload] = append(all[b.workload], b.draw(w))
		}
	}
	return all
}

// has tells whether there is anything to draw.
func (b barChart) has(c *load.Comparison) bool {
	for _, cell := range c.Cells {
		for _, s := range cell.Servers {
			if bar := b.bar(s); bar.Value > 0 {
				return true
			}
		}
	}
	return false
}

func (b barChart) draw(c *load.Comparison) Chart {
	chart := plot.Bars{
		Title: b.named(b.title, c), Caption: b.caption + " Bars are medians, whiskers the range over the rounds.",
		Axis: plot.Axis{Label: b.named(b.axis, c)}, Value: b.format, Log: b.log,
	}
	if b.relativeTo != absolute && b.log {
		chart.Base = 1
	}
	chart.Classes = make([]string, len(classNames))
	for _, cell := range c.Cells {
		panel := plot.BarPanel{Title: cell.Name}
		for _, s := range cell.Servers {
			bar := b.bar(s)
			chart.Classes[bar.Class] = classNames[bar.Class]
			panel.Bars = append(panel.Bars, bar)
		}
		chart.Panels = append(chart.Panels, panel)
	}
	return Chart{File: b.file, Title: chart.Title, Caption: chart.Caption, SVG: chart.AppendSVG(nil)}
}

// named puts the name of what a chart is relative to in a text that has a place
// for it.
func (b barChart) named(text string, c *load.Comparison) string {
	switch b.relativeTo {
	case toReference:
		return fmt.Sprintf(text, c.Reference)
	case toBaseline:
		return fmt.Sprintf(text, c.Baseline)
	case absolute:
	}
	return text
}

// bar is the metric of one server; its value is 0 where there is none.
func (b barChart) bar(s load.ServerResult) plot.Bar {
	bar := plot.Bar{Name: s.Name, Class: classOf(s.Name)}
	m, ok := s.Metric(b.metric)
	if !ok || m.Median == 0 {
		return bar
	}
	scale := 1.0
	switch b.relativeTo {
	case toReference:
		scale = m.Ratio / m.Median
	case toBaseline:
		scale = m.ToBaseline / m.Median
	case absolute:
	}
	bar.Value, bar.Low, bar.High = m.Median*scale, m.Min*scale, m.Max*scale
	return bar
}

// classNames are the kinds of servers, by the colour they have in charts.
var classNames = []string{0: "this product", 1: "a goroutine per connection", 2: "libraries", 5: "plain C"}

func classOf(server string) int {
	switch server {
	case "reactor", "reactor-loop":
		return 0
	case "gnet", "netpoll", "nbio", "zinx":
		return 2
	case "c":
		return 5
	}
	return 1
}
