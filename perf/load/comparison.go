package load

// Comparison is what Compare measured. It marshals to JSON.
type Comparison struct {
	Reference string `json:"reference"`
	// Baseline is the second reference; empty if there is none.
	Baseline string `json:"baseline,omitempty"`
	Rounds   int    `json:"rounds"`
	// Runs is how many runs were made, of Planned.
	Runs    int `json:"runs"`
	Planned int `json:"planned_runs"`
	// Pinned: the server had one core for itself and the load another.
	Pinned bool `json:"pinned"`
	// Note says what is to be known about the figures; may be empty.
	Note  string       `json:"note,omitempty"`
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

// ServerResult is what one server did in one cell.
type ServerResult struct {
	Name string `json:"name"`
	// Metrics have the median and range over the rounds that succeeded. One that
	// was not measured is left out.
	Metrics []Metric `json:"metrics"`
	// Reports of the rounds that succeeded, Failures the errors of the others, a
	// line each.
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
	// Ratio is Median over the reference's median, ToBaseline over the baseline's;
	// 0 where there is none.
	Ratio      float64 `json:"ratio"`
	ToBaseline float64 `json:"to_baseline,omitempty"`
}

func newComparison(p Plan, pinned bool, note string) *Comparison {
	c := &Comparison{
		Reference: p.Reference, Baseline: p.Baseline, Rounds: p.Rounds,
		Planned: p.runs(), Pinned: pinned, Note: note,
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

// Metric returns the metric of that name; false if it was not measured.
func (s *ServerResult) Metric(name string) (Metric, bool) {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// server returns the result of the server of that name, nil if there is none.
func (c *CellResult) server(name string) *ServerResult {
	for i := range c.Servers {
		if c.Servers[i].Name == name {
			return &c.Servers[i]
		}
	}
	return nil
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
	to, base := c.server(reference), c.server(baseline)
	for _, s := range c.Servers {
		for i := range s.Metrics {
			s.Metrics[i].Ratio = s.Metrics[i].over(to)
			s.Metrics[i].ToBaseline = s.Metrics[i].over(base)
		}
	}
}

// over returns the ratio of m to the same metric of another server, which may be
// nil; 0 if it has none.
func (m Metric) over(s *ServerResult) float64 {
	if s == nil {
		return 0
	}
	if other, ok := s.Metric(m.Name); ok && other.Median != 0 {
		return m.Median / other.Median
	}
	return 0
}
