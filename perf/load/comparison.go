package load

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Comparison is what Compare measured. It marshals to JSON.
type Comparison struct {
	Reference string `json:"reference"`
	Rounds    int    `json:"rounds"`
	// Pinned: the server had one core for itself and the load another.
	Pinned bool `json:"pinned"`
	// Note says what is to be known about the figures; may be empty.
	Note  string       `json:"note,omitempty"`
	Cells []CellResult `json:"cells"`
}

// CellResult holds the results of one cell, in the order of Plan.Servers.
type CellResult struct {
	Name    string         `json:"name"`
	Servers []ServerResult `json:"servers"`
}

// ServerResult is what one server did in one cell.
type ServerResult struct {
	Name string `json:"name"`
	// Metrics have the median and range over the rounds that succeeded.
	Metrics []Metric `json:"metrics"`
	// Reports of the rounds that succeeded, Failures the errors of the others.
	Reports  []*Report `json:"reports"`
	Failures []string  `json:"failures,omitempty"`
	// GeneratorBound counts the rounds in which the generator was the limit.
	GeneratorBound int `json:"generator_bound"`
}

// Metric is one figure over all rounds.
type Metric struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Ratio is Median over the reference's median; 0 where there is none.
	Ratio float64 `json:"ratio"`
}

// figure takes one metric out of a report.
type figure struct {
	name, unit string
	of         func(r *Report) float64
}

func figures() []figure {
	server := func(of func(s *ServerUse) float64) func(*Report) float64 {
		return func(r *Report) float64 {
			if r.Server == nil {
				return 0
			}
			return of(r.Server)
		}
	}
	return []figure{
		{"rate", "requests/s", func(r *Report) float64 { return r.PerSecond }},
		{"server CPU", "us/request", server(func(s *ServerUse) float64 { return s.CPUPerRequest })},
		{"server user", "us/request", server(func(s *ServerUse) float64 { return s.UserPerRequest })},
		{"server system", "us/request", server(func(s *ServerUse) float64 { return s.SystemPerRequest })},
		{"server busy", "cores", server(func(s *ServerUse) float64 { return s.Busy })},
		{"p50", "us", func(r *Report) float64 { return r.Latency.P50 }},
		{"p99", "us", func(r *Report) float64 { return r.Latency.P99 }},
		{"max", "us", func(r *Report) float64 { return r.Latency.Max }},
		{"idle connection", "bytes", server(func(s *ServerUse) float64 { return s.IdleBytesPerConnection })},
		{"memory after", "bytes", server(func(s *ServerUse) float64 { return float64(s.After.RSS) })},
		{"generator CPU", "us/request", func(r *Report) float64 { return r.Own.CPUPerRequest }},
		{"generator busy", "cores", func(r *Report) float64 { return r.Own.Busy }},
		{"errors", "", func(r *Report) float64 { return float64(r.ErrorCount() + sum(r.Results)) }},
	}
}

// fold computes the metrics of all servers of the cell.
func (c *CellResult) fold(reference string) {
	for i := range c.Servers {
		c.Servers[i].fold()
	}
	at := slices.IndexFunc(c.Servers, func(s ServerResult) bool { return s.Name == reference })
	base := c.Servers[at].Metrics
	for _, s := range c.Servers {
		for i := range min(len(s.Metrics), len(base)) {
			if base[i].Median != 0 {
				s.Metrics[i].Ratio = s.Metrics[i].Median / base[i].Median
			}
		}
	}
}

func (s *ServerResult) fold() {
	s.Metrics, s.GeneratorBound = nil, 0
	if len(s.Reports) == 0 {
		return
	}
	for _, f := range figures() {
		var values []float64
		for _, r := range s.Reports {
			values = append(values, f.of(r))
		}
		slices.Sort(values)
		s.Metrics = append(s.Metrics, Metric{
			Name: f.name, Unit: f.unit, Median: median(values), Min: values[0], Max: values[len(values)-1],
		})
	}
	for _, r := range s.Reports {
		if r.GeneratorBound {
			s.GeneratorBound++
		}
	}
}

// median of sorted values, of which there is at least one.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// String returns a table for each cell: a line per metric, and for each server
// its median, range, and ratio to the reference.
func (c *Comparison) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d round(s), median [range] and ratio to %s\n", c.Rounds, c.Reference)
	if c.Note != "" {
		fmt.Fprintf(&text, "Note: %s\n", c.Note)
	}
	for i := range c.Cells {
		c.Cells[i].write(&text)
	}
	return text.String()
}

func (c *CellResult) write(text *strings.Builder) {
	fmt.Fprintf(text, "\n%s\n", c.Name)
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, s := range c.Servers {
		fmt.Fprintf(w, "\t%s", s.Name)
	}
	fmt.Fprintln(w)
	for i, f := range figures() {
		fmt.Fprint(w, strings.TrimSpace(f.name+" "+f.unit))
		for _, s := range c.Servers {
			fmt.Fprintf(w, "\t%s", s.cellText(i))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a strings.Builder takes everything
	c.writeNotes(text)
}

func (s *ServerResult) cellText(metric int) string {
	if len(s.Metrics) == 0 {
		return "failed"
	}
	m := s.Metrics[metric]
	text := number(m.Median)
	if m.Min != m.Max {
		text += fmt.Sprintf(" [%s-%s]", number(m.Min), number(m.Max))
	}
	if m.Ratio != 0 {
		text += fmt.Sprintf(" %.2fx", m.Ratio)
	}
	return text
}

// number prints three significant decimals for small values, none for large.
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

func (c *CellResult) writeNotes(text *strings.Builder) {
	for _, s := range c.Servers {
		if s.GeneratorBound > 0 {
			fmt.Fprintf(text, "%s: the generator was the limit in %d round(s)\n", s.Name, s.GeneratorBound)
		}
		for _, failure := range s.Failures {
			fmt.Fprintf(text, "%s: failed: %s\n", s.Name, failure)
		}
	}
}
