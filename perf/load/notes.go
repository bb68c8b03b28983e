package load

import "fmt"

// Notes say what is to be known about the cell's figures, one line each: failures,
// errors, refusals, few samples, a generator that was the limit.
func (c *CellResult) Notes() (notes []string) {
	for i := range c.Servers {
		s := &c.Servers[i]
		for _, note := range s.notes() {
			notes = append(notes, s.Name+": "+note)
		}
	}
	if note := c.generatorNote(); note != "" {
		notes = append(notes, note)
	}
	return notes
}

// generatorNote tells when the generator needed more CPU for a request than the
// cheapest server: it may then have been what held the rate down, unless the
// clients' pauses did.
func (c *CellResult) generatorNote() string {
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
		number(own.Median), c.Servers[cheapest].Name, number(least))
}

// fewReplies is the number from which on ten or more are beyond the p99.
const fewReplies = 1000

func (s *ServerResult) notes() (notes []string) {
	if s.GeneratorBound > 0 {
		notes = append(notes, fmt.Sprintf("the generator was the limit in %d round(s)", s.GeneratorBound))
	}
	fewest, errors, refused := uint64(fewReplies), make(map[string]uint64), make(map[string]uint64)
	var texts []string
	for _, r := range s.Reports {
		if r.Workload != Idle {
			fewest = min(fewest, r.Latency.Count)
		}
		addCounts(errors, r.Errors)
		addCounts(refused, r.Results)
		texts = append(texts, r.Notes...)
	}
	if fewest < fewReplies {
		notes = append(notes, fmt.Sprintf("few samples: a round's latencies are of %d replies", fewest))
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

// distinct makes each text one line and leaves repetitions out, with their count.
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
