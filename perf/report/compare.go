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
	// Notes say what could not take part and how to get it.
	Notes     []string   `json:"notes,omitempty"`
	Workloads []Workload `json:"workloads"`
}

// Workload is one comparison of a Compare.
type Workload struct {
	Name       string           `json:"name"`
	Comparison *load.Comparison `json:"comparison"`
}

// Set puts in the comparison of a workload, in the place of the one before.
func (c *Compare) Set(name string, comparison *load.Comparison) {
	for i := range c.Workloads {
		if c.Workloads[i].Name == name {
			c.Workloads[i].Comparison = comparison
			return
		}
	}
	c.Workloads = append(c.Workloads, Workload{name, comparison})
}

// workload gives the comparison of a name, nil where there is none.
func (c *Compare) workload(name string) *load.Comparison {
	for _, w := range c.Workloads {
		if w.Name == name {
			return w.Comparison
		}
	}
	return nil
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

// headingOf is the title of a workload's section.
func headingOf(workload string) string {
	switch workload {
	case "submit":
		return "Submit: plumbing alone"
	case "orders":
		return "Durable orders"
	case "positions":
		return "Lists of positions"
	case "push":
		return "Pushes"
	case "idle":
		return "Memory of an idle connection"
	case "idle-login":
		return "Memory of an idle session"
	}
	return workload
}

// about says what the servers did under a workload.
func about(workload string) string {
	switch workload {
	case "submit":
		return "The server answers each request with 14 bytes and does no business work, so what is left is " +
			"plumbing: reading, finding the frames, routing, writing. CPU for one request is the figure to compare; " +
			"the rate follows from it unless the generator is the limit."
	case "orders":
		return "Every connection logs in to an account of its own, then buys and sells one share in turn. The reply and " +
			"two pushes leave when the order is on disk. `readwriter-sql` is the design that this product replaces: " +
			"reader and writer goroutine, ten workers, one SQL transaction for each order. The others differ from " +
			"`reactor` in their plumbing only: same accounts, same journal with group commit."
	case "positions":
		return "Every connection logs in and asks for its list of positions over and over: reads without anything to " +
			"make durable, and replies longer than the requests."
	case "push":
		return "Several sessions are logged in to each account; one of them trades, and all of them get what happens " +
			"as pushes. The figures to compare are pushes a second and CPU for each."
	case "idle":
		return "Resident memory of a connection that has sent one Submit, without login, since the libraries know none. " +
			"Buffers of the kernel are not in it."
	case "idle-login":
		return "The same after a login: what a session costs that waits for pushes."
	}
	return ""
}
