package report

import (
	"fmt"

	"holdfast/perf/load"
)

// Compare is the result of comparing servers under several workloads. It
// marshals to JSON.
type Compare struct {
	Environment Environment `json:"environment"`
	// Complete: every round of every workload was run.
	Complete bool `json:"complete"`
	// Notes say which servers could not take part and what to install.
	Notes     []string   `json:"notes,omitempty"`
	Workloads []Workload `json:"workloads"`
}

// Workload is one comparison of a Compare.
type Workload struct {
	Name       string           `json:"name"`
	Comparison *load.Comparison `json:"comparison"`
}

// Set adds the comparison of a workload, or replaces an earlier one.
func (c *Compare) Set(name string, comparison *load.Comparison) {
	for i := range c.Workloads {
		if c.Workloads[i].Name == name {
			c.Workloads[i].Comparison = comparison
			return
		}
	}
	c.Workloads = append(c.Workloads, Workload{name, comparison})
}

// AppendText appends all tables as text.
func (c *Compare) AppendText(dst []byte) []byte {
	for _, note := range c.Notes {
		dst = fmt.Appendf(dst, "Note: %s\n", note)
	}
	for _, w := range c.Workloads {
		dst = fmt.Appendf(dst, "\n== %s\n%s", w.Name, w.Comparison)
	}
	return dst
}
