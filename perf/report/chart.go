package report

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/perf/load"
	"holdfast/perf/plot"
	"holdfast/perf/table"
)

// Chart is a drawing with its title and caption for the page.
type Chart struct {
	File, Title, Caption string
	SVG                  []byte
}

// barChart describes the chart of one metric of a workload.
type barChart struct {
	file, title, caption string
	metric, axis         string
	log                  bool
	relativeTo           *relation    // nil: absolute values; else title and axis contain %s for the server's name
	format               table.Format // of the values
}

// relation is what a metric is divided by.
type relation struct {
	server func(c *load.Comparison) string
	ratio  func(m load.Metric) float64
}

var (
	toReference = &relation{
		func(c *load.Comparison) string { return c.Reference }, func(m load.Metric) float64 { return m.Ratio },
	}
	toBaseline = &relation{
		func(c *load.Comparison) string { return c.Baseline }, func(m load.Metric) float64 { return m.ToBaseline },
	}
)

// charts draws the results of a workload.
func (w Workload) charts() (all []Chart) {
	for _, b := range sectionOf(w.Name).charts {
		if chart, ok := b.draw(w.Comparison); ok {
			all = append(all, chart)
		}
	}
	return all
}

// draw draws a panel for each cell with a bar for each server. ok is false if there is
// nothing to draw.
func (b barChart) draw(c *load.Comparison) (chart Chart, ok bool) {
	bars := plot.Bars{
		Title: b.named(b.title, c), Caption: b.caption + " Bars are medians, whiskers the range over the rounds.",
		Axis: plot.Axis{Label: b.named(b.axis, c)}, Value: b.format, Log: b.log, Classes: make([]string, len(classNames)),
	}
	if b.relativeTo != nil && b.log {
		bars.Base = 1
	}
	for _, cell := range c.Cells {
		panel := plot.BarPanel{Title: cell.Name}
		for _, s := range cell.Servers {
			bar := b.bar(s)
			ok = ok || bar.Value > 0
			bars.Classes[bar.Class] = classNames[bar.Class]
			panel.Bars = append(panel.Bars, bar)
		}
		bars.Panels = append(bars.Panels, panel)
	}
	return Chart{File: b.file, Title: bars.Title, Caption: bars.Caption, SVG: bars.AppendSVG(nil)}, ok
}

func (b barChart) named(text string, c *load.Comparison) string {
	if b.relativeTo == nil {
		return text
	}
	return fmt.Sprintf(text, b.relativeTo.server(c))
}

// bar returns the bar of one server; its value is 0 if the metric is missing.
func (b barChart) bar(s load.ServerResult) plot.Bar {
	bar := plot.Bar{Name: s.Name, Class: classOf(s.Name)}
	m, ok := s.Metric(b.metric)
	if !ok || m.Median == 0 {
		return bar
	}
	scale := 1.0
	if b.relativeTo != nil {
		scale = b.relativeTo.ratio(m) / m.Median
	}
	bar.Value, bar.Low, bar.High = m.Median*scale, m.Min*scale, m.Max*scale
	return bar
}

// classNames are the kinds of servers, indexed by their colour in charts.
var classNames = []string{0: "this product", 1: "a goroutine per connection", 2: "libraries", 5: "plain C"}

func classOf(server string) int {
	switch {
	case server == "reactor" || strings.HasPrefix(server, "reactor-"):
		return 0
	case slices.Contains([]string{"gnet", "netpoll", "nbio", "zinx", "gorilla", "nbiows", "quickfix", "quickfix-memory"}, server):
		return 2
	case server == "c":
		return 5
	}
	return 1
}
