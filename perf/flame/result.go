package flame

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Result holds the figures of all loads. It marshals to JSON.
type Result struct {
	// Notes are warnings about the figures.
	Notes []string `json:"notes,omitempty"`
	Loads []Load   `json:"loads"`
	// Complete: every load was run.
	Complete bool `json:"complete"`
	// Folder is the prefix of the files that AppendMarkdown links to, e.g. "flame/".
	// Empty: they are beside the page.
	Folder string `json:"-"`
}

// Load is one load and the figures of each server under it.
type Load struct {
	Name  string `json:"name"`  // also the prefix of file names, e.g. "orders-100"
	Title string `json:"title"` // e.g. "orders, 100 clients, think time 1s-2s"
	// Servers that could be measured; differences are the first minus the second.
	Servers []Server `json:"servers"`
	// Diff and AllocsDiff are the files of the differential flame graphs; "": no such
	// file.
	Diff       string `json:"diff,omitempty"`
	AllocsDiff string `json:"allocs_diff,omitempty"`
}

// Server holds the figures of one server under one load.
type Server struct {
	Name string `json:"server"`
	// Samples of the CPU profile, and the seconds it took.
	Samples int64   `json:"samples"`
	Seconds float64 `json:"seconds"`
	// Shares of the CPU profile, all classes in the order of Classes.
	Shares     []Share `json:"shares"`
	Goroutines int     `json:"goroutines"`
	// Rate is replies a second, Busy the cores that the process used.
	Rate float64 `json:"requests_per_second"`
	Busy float64 `json:"busy_cores"`
	// CPUPerRequest in microseconds. Like Busy, it includes the cost of profiling.
	CPUPerRequest float64 `json:"cpu_us_per_request"`
	// Allocated bytes per second, sampled by the Go runtime.
	Allocated float64 `json:"allocated_bytes_per_second"`
	Files     Files   `json:"files"`
}

// Files holds the file names of a server's profiles and flame graphs.
type Files struct {
	CPU         string `json:"cpu"`
	CPUGraph    string `json:"cpu_graph"`
	Allocs      string `json:"allocs"`
	AllocsGraph string `json:"allocs_graph"`
}

// Share returns the class's share of the samples, 0 to 1.
func (s *Server) Share(c Class) float64 {
	for _, share := range s.Shares {
		if share.Class == c {
			return share.Share
		}
	}
	return 0
}

// sampling returns the statistical error of a share in percentage points: with 95 %
// confidence for a share of one half; smaller shares have a smaller error.
func (s *Server) sampling() float64 {
	return 100 * 1.96 * math.Sqrt(0.25/float64(max(s.Samples, 1)))
}

// String returns a table for each load.
func (r *Result) String() string {
	var text strings.Builder
	for i := range r.Loads {
		fmt.Fprintf(&text, "%s\n", r.Loads[i].Title)
		text.Write(append(r.Loads[i].table().AppendText(nil), '\n'))
	}
	for _, note := range r.allNotes() {
		fmt.Fprintf(&text, "Note: %s\n", note)
	}
	return text.String()
}

// AppendMarkdown appends a section with a table and the links for each load.
func (r *Result) AppendMarkdown(dst []byte) []byte {
	for i := range r.Loads {
		l := &r.Loads[i]
		dst = fmt.Appendf(dst, "### %s\n\n", l.Title)
		dst = append(l.table().AppendMarkdown(dst), "\n"+r.links(l)...)
		dst = append(dst, '\n')
	}
	for _, note := range r.allNotes() {
		dst = fmt.Appendf(dst, "Note: %s\n\n", note)
	}
	return dst
}

func (r *Result) allNotes() []string {
	if r.Complete {
		return r.Notes
	}
	return append(slices.Clone(r.Notes), "incomplete: not every load was run, or one is still running")
}

// links returns a list of links to the load's files.
func (r *Result) links(l *Load) string {
	var text strings.Builder
	line := func(what string, names ...string) {
		var links []string
		for i := 0; i+1 < len(names); i += 2 {
			if names[i+1] != "" {
				links = append(links, fmt.Sprintf("[%s](%s%s)", names[i], r.Folder, names[i+1]))
			}
		}
		if len(links) > 0 {
			fmt.Fprintf(&text, "- %s: %s\n", what, strings.Join(links, ", "))
		}
	}
	line("difference", "CPU", l.Diff, "allocations", l.AllocsDiff)
	for _, s := range l.Servers {
		line(s.Name, "CPU", s.Files.CPUGraph, "allocations", s.Files.AllocsGraph,
			"CPU profile", s.Files.CPU, "allocation profile", s.Files.Allocs)
	}
	return text.String()
}
