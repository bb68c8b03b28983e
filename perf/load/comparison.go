package load

import "slices"

// Comparison is the result of Compare. It marshals to JSON.
type Comparison struct {
	Reference string `json:"reference"`
	// Baseline is the second reference; may be empty.
	Baseline string `json:"baseline,omitempty"`
	Rounds   int    `json:"rounds"`
	// Runs is the number of completed runs of Planned.
	Runs    int `json:"runs"`
	Planned int `json:"planned_runs"`
	// Pinned: the server had its own core, and the load another.
	Pinned bool `json:"pinned"`
	// Notes are warnings about the figures; may be empty.
	Notes string       `json:"note,omitempty"`
	Cells []CellResult `json:"cells"`
}

// CellResult holds the results of one cell, in the order of Plan.Servers.
type CellResult struct {
	Name        string         `json:"name"`
	Workload    Workload       `json:"workload"`
	Connections int            `json:"connections"`
	Depth       int            `json:"depth"`
	Interval    Interval       `json:"interval,omitzero"`
	Servers     []ServerResult `json:"servers"`
}

// ServerResult is the result of one server in one cell.
type ServerResult struct {
	Name string `json:"name"`
	// Metrics have the median and range over the successful rounds. A metric that was not
	// measured is left out.
	Metrics []Metric `json:"metrics"`
	// Reports of the successful rounds. Failures are the errors of the others, one line
	// each.
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
	// Ratio is Median divided by the reference's median, ToBaseline by the baseline's; 0
	// without one.
	Ratio      float64 `json:"ratio"`
	ToBaseline float64 `json:"to_baseline,omitempty"`
}

func newComparison(p Plan, pinned bool, notes string) *Comparison {
	c := &Comparison{
		Reference: p.Reference, Baseline: p.Baseline, Rounds: p.Rounds,
		Planned: p.runs(), Pinned: pinned, Notes: notes,
	}
	for _, cell := range p.Cells {
		o := cell.Options.withDefaults()
		result := CellResult{
			Name: cell.Name, Workload: o.Workload, Connections: o.Connections, Depth: o.Depth, Interval: o.Interval,
		}
		for _, s := range p.Servers {
			result.Servers = append(result.Servers, ServerResult{Name: s.Name})
		}
		c.Cells = append(c.Cells, result)
	}
	return c
}

// Metric returns the metric with that name; false if it was not measured.
func (s *ServerResult) Metric(name string) (Metric, bool) {
	i := slices.IndexFunc(s.Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return s.Metrics[i], true
}

func (c *Comparison) fold() {
	for i := range c.Cells {
		c.Cells[i].fold(c.Reference, c.Baseline)
	}
}

// fold computes the metrics of all servers of the cell.
func (c *CellResult) fold(reference, baseline string) {
	for i := range c.Servers {
		c.Servers[i].fold()
	}
	for _, s := range c.Servers {
		for i := range s.Metrics {
			s.Metrics[i].Ratio = c.ratio(s.Metrics[i], reference)
			s.Metrics[i].ToBaseline = c.ratio(s.Metrics[i], baseline)
		}
	}
}

// ratio returns the ratio of m to the same metric of a server; 0 if it has none.
func (c *CellResult) ratio(m Metric, server string) float64 {
	for _, s := range c.Servers {
		if other, ok := s.Metric(m.Name); ok && s.Name == server && other.Median != 0 {
			return m.Median / other.Median
		}
	}
	return 0
}
