package scenario

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// Report is the result of a run. Its JSON form is stable.
type Report struct {
	Addr  string        `json:"addr"`
	Start time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`
	// Steps are sorted by client, then by time. Every run has the same steps.
	Steps []Step `json:"steps"`
}

// Step is one action of a client, and its result.
type Step struct {
	Client   client.Customer `json:"client"`
	Case     string          `json:"case"`
	Step     string          `json:"step"`
	Expected string          `json:"expected"`
	Got      string          `json:"got"`
	OK       bool            `json:"ok"`
	Took     time.Duration   `json:"took_ns"`
}

// String returns the step as one line.
func (s Step) String() string {
	if s.OK {
		return fmt.Sprintf("ok    %d  %s: %s: %s", s.Client, s.Case, s.Step, s.Got)
	}
	return fmt.Sprintf("FAIL  %d  %s: %s: got %s, want %s", s.Client, s.Case, s.Step, s.Got, s.Expected)
}

// Failed reports whether a step failed, or no step was OK.
func (r *Report) Failed() bool {
	ok, failed := r.Count()
	return failed > 0 || ok == 0
}

// Count returns how many steps were OK and how many failed.
func (r *Report) Count() (ok, failed int) {
	for _, s := range r.Steps {
		if s.OK {
			ok++
		} else {
			failed++
		}
	}
	return ok, failed
}

// WriteText writes an aligned table of the steps and a summary line. A failed step has the
// expected result on a separate line.
func (r *Report) WriteText(w io.Writer) error {
	t := table.Table{Head: []string{"CLIENT", "CASE", "STEP", "TOOK", "", "RESULT"}, Align: "lllrl"}
	for i, s := range r.Steps {
		t.Add(s.row(i > 0 && r.Steps[i-1].Client == s.Client)...)
	}
	lines := strings.SplitAfter(string(t.AppendText(nil)), "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	for i, s := range r.Steps {
		b.WriteString(lines[i+1])
		if !s.OK {
			fmt.Fprintf(&b, "  expected: %s\n", s.Expected)
		}
	}
	b.WriteString("\n" + r.Summary() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary returns the result in one line.
func (r *Report) Summary() string {
	ok, failed := r.Count()
	verdict := "all as expected"
	if r.Failed() {
		verdict = strconv.Itoa(failed) + " failed"
	}
	return fmt.Sprintf("%d clients, %d steps: %s, in %v",
		r.clients(), ok+failed, verdict, r.Took.Round(time.Millisecond))
}

func (r *Report) clients() int {
	seen := make(map[client.Customer]bool)
	for _, s := range r.Steps {
		seen[s.Client] = true
	}
	return len(seen)
}

// row returns the cells of a step. again leaves client and case empty.
func (s Step) row(again bool) []string {
	row := []string{strconv.FormatUint(uint64(s.Client), 10), s.Case, s.Step, took(s.Took), "ok", s.Got}
	if again {
		row[0], row[1] = "", ""
	}
	if !s.OK {
		row[4] = "FAIL"
	}
	return row
}

func took(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}
