package conformance

import (
	"fmt"
	"strings"
	"time"

	"holdfast/perf/table"
)

// Verdict is the verdict on a case.
type Verdict string

// Verdicts.
const (
	OK        Verdict = "OK"
	NonStrict Verdict = "NON-STRICT" // right in the end, but not as strict as the suite wishes
	Failed    Verdict = "FAILED"
	Skipped   Verdict = "SKIPPED" // not run: it sends more than Options.MaxBytes
)

// Result is what a case has shown. Sent, Expected and Got are in words.
type Result struct {
	Number   string        `json:"number"`
	Verdict  Verdict       `json:"verdict"`
	Duration time.Duration `json:"duration_ns"`
	Sent     string        `json:"sent"`
	Expected string        `json:"expected"`
	Got      string        `json:"got,omitempty"`
}

// Report is the result of Run.
type Report struct {
	URL      string        `json:"url"`
	Pieces   int           `json:"pieces"`    // Settings.Pieces
	MaxBytes int           `json:"max_bytes"` // Options.MaxBytes
	Duration time.Duration `json:"duration_ns"`
	Results  []Result      `json:"results"` // in the order of the suite
}

// Count returns how many results have a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// Summary is one line such as "301 cases: 298 passed, 1 non-strict, 2 failed".
func (r *Report) Summary() string {
	parts := []string{fmt.Sprintf("%d passed", r.Count(OK))}
	if n := r.Count(NonStrict); n > 0 {
		parts = append(parts, fmt.Sprintf("%d non-strict", n))
	}
	if n := r.Count(Failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	if n := r.Count(Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped (more than %d bytes)", n, r.MaxBytes))
	}
	return fmt.Sprintf("%d cases: %s", len(r.Results), strings.Join(parts, ", "))
}

// String returns a table of the cases that are not OK, and the summary.
func (r *Report) String() string {
	list := table.Table{Head: []string{"case", "verdict", "", ""}, Align: "l"}
	for _, result := range r.Results {
		if result.Verdict != Failed && result.Verdict != NonStrict {
			continue
		}
		list.Add(result.Number, string(result.Verdict), "sent", result.Sent)
		list.Add("", "", "expected", result.Expected)
		list.Add("", "", "got", result.Got)
	}
	var b []byte
	if len(list.Rows) > 0 {
		b = append(list.AppendText(b), '\n')
	}
	return string(b) + r.Summary() + "\n"
}
