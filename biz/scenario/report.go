package scenario

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// Report is the result of a run. Its JSON form is stable.
type Report struct {
	Addr  string        `json:"addr"`
	Start time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`
	// Steps are sorted by scenario, then by time. Every run has the same steps.
	Steps []Step `json:"steps"`
	// Skipped are the scenarios that did not run.
	Skipped []Skip `json:"skipped,omitempty"`
}

// Skip is a scenario that did not run.
type Skip struct {
	Case string `json:"case"`
	File string `json:"file"`
	Why  string `json:"why"`
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
	// File and Line are where the step is, or the expectation that failed.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`

	operator bool // Client is the operator of the scenario
}

// String returns the step as one line. A failed one starts with its place.
func (s Step) String() string {
	if s.OK {
		return fmt.Sprintf("ok    %s  %s: %s: %s", s.who(), s.Case, s.Step, s.Got)
	}
	return fmt.Sprintf("FAIL  %s  %s: %s: got %s, want %s%s", s.who(), s.Case, s.Step, s.Got, s.Expected, s.place(" (%s)"))
}

// who returns the client's number; "-" for a step of no client.
func (s *Step) who() string {
	if s.Client == 0 {
		return "-"
	}
	return strconv.FormatUint(uint64(s.Client), 10)
}

// place returns file and line in this format, or "" if they are not there.
func (s *Step) place(format string) string {
	if s.File == "" {
		return ""
	}
	return fmt.Sprintf(format, fmt.Sprintf("%s:%d", s.File, s.Line))
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

// WriteText writes an aligned table of the steps, what was skipped, and a summary line. A failed
// step has the expected result, and its place, on separate lines.
func (r *Report) WriteText(w io.Writer) error {
	t := table.Table{Head: []string{"CLIENT", "CASE", "STEP", "TOOK", "", "RESULT"}, Align: "lllrl"}
	for i, s := range r.Steps {
		again := i > 0 && r.Steps[i-1].Case == s.Case
		t.Add(s.row(again, again && r.Steps[i-1].Client == s.Client)...)
	}
	lines := strings.SplitAfter(string(t.AppendText(nil)), "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	for i, s := range r.Steps {
		b.WriteString(lines[i+1])
		if !s.OK {
			fmt.Fprintf(&b, "  expected: %s\n%s", table.Escape(s.Expected), s.place("  at: %s\n"))
		}
	}
	for _, skip := range r.Skipped {
		fmt.Fprintf(&b, "\nskipped %s (%s): %s", table.Escape(skip.Case), skip.File, skip.Why)
	}
	if r.Skipped != nil {
		b.WriteString("\n")
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
	return fmt.Sprintf("%s, %s: %s, in %v",
		english.Plural(r.clients(), "client", ""), english.Plural(ok+failed, "step", ""), verdict, r.Took.Round(time.Millisecond))
}

func (r *Report) clients() int {
	type who struct {
		scenario string
		client   client.Customer
	}
	seen := make(map[who]bool)
	for _, s := range r.Steps {
		if !s.operator && s.Client != 0 {
			seen[who{s.Case, s.Client}] = true
		}
	}
	return len(seen)
}

// row returns the cells of a step, without those that are the same as above.
func (s Step) row(sameCase, sameClient bool) []string {
	row := []string{s.who(), s.Case, s.Step, took(s.Took), "ok", s.Got}
	if sameCase {
		row[1] = ""
	}
	if sameClient {
		row[0] = ""
	}
	if !s.OK {
		row[4] = "FAIL"
	}
	return row
}

func took(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}
