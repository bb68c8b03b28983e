package load

import (
	"fmt"

	"holdfast/perf/table"
)

// Notes returns warnings about the cell's figures, one line each: failures, errors,
// refusals, few samples, or that the generator was the limit.
func (c *CellResult) Notes() (notes []string) {
	for i := range c.Servers {
		s := &c.Servers[i]
		for _, line := range s.notes() {
			notes = append(notes, s.Name+": "+line)
		}
	}
	if line := c.generatorWarning(); line != "" {
		notes = append(notes, line)
	}
	return notes
}

// generatorWarning returns a warning if the generator used more CPU per request than the
// cheapest server: then the generator may have limited the rate, unless the clients
// pause.
func (c *CellResult) generatorWarning() string {
	if c.Interval.Max > 0 {
		return ""
	}
	cheapest, least := -1, 0.0
	for i := range c.Servers {
		if m, ok := c.Servers[i].Metric(MetricCPU); ok && m.Median > 0 && (cheapest < 0 || m.Median < least) {
			cheapest, least = i, m.Median
		}
	}
	if cheapest < 0 {
		return ""
	}
	own, ok := c.Servers[cheapest].Metric(MetricGeneratorCPU)
	if !ok || own.Median <= least {
		return ""
	}
	return fmt.Sprintf("the generator used %s us/request with %s, the cheapest server, which used %s itself",
		table.Value(own.Median), c.Servers[cheapest].Name, table.Value(least))
}

// fewReplies is the number of replies that leaves ten above the p99.
const fewReplies = 1000

func (s *ServerResult) notes() (notes []string) {
	if s.GeneratorBound > 0 {
		notes = append(notes, fmt.Sprintf("the generator was the limit in %s", plural(s.GeneratorBound, "round")))
	}
	fewest, errors, refused := uint64(fewReplies), make(map[string]uint64), make(map[string]uint64)
	var texts []string
	for _, r := range s.Reports {
		if !r.Workload.waits() || r.Workload == Broadcast {
			fewest = min(fewest, r.Latency.Count)
		}
		addCounts(errors, r.Errors)
		addCounts(refused, r.Results)
		texts = append(texts, r.Notes...)
	}
	if fewest < fewReplies {
		notes = append(notes, fmt.Sprintf("few samples: one round's latencies are from only %d samples", fewest))
	}
	if len(errors) > 0 {
		notes = append(notes, "errors: "+countsText(errors))
	}
	if len(refused) > 0 {
		notes = append(notes, "refused: "+countsText(refused))
	}
	for _, failure := range s.Failures {
		texts = append(texts, "failed: "+failure)
	}
	return append(notes, distinct(texts)...)
}

func addCounts(to, from map[string]uint64) {
	for name, n := range from {
		to[name] += n
	}
}

// distinct makes each text one line and replaces repetitions by their count.
func distinct(texts []string) (lines []string) {
	times := make(map[string]int)
	for _, text := range texts {
		if line := oneLine(text); times[line] == 0 {
			lines = append(lines, line)
		}
		times[oneLine(text)]++
	}
	for i, line := range lines {
		if n := times[line]; n > 1 {
			lines[i] = fmt.Sprintf("%s (%d times)", line, n)
		}
	}
	return lines
}
