package scenario

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/biz/client"
)

// Report is what a run found. Its JSON form is stable.
type Report struct {
	Addr  string        `json:"addr"`
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`
	// Steps are sorted by client, and within one by time; the same in every run.
	Steps []Step `json:"steps"`
}

// Step is one thing that a client did, and what came of it.
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

// Failed tells whether any step failed, or none was made.
func (r *Report) Failed() bool {
	ok, failed := r.Count()
	return failed > 0 || ok == 0
}

// Count returns how many steps went well and how many did not.
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

// WriteText writes the steps as an aligned table, a failed one with what was
// expected on a line of its own, and a summary line.
func (r *Report) WriteText(w io.Writer) error {
	rows := [][]string{{"CLIENT", "CASE", "STEP", "TOOK", "", "RESULT"}}
	for i, s := range r.Steps {
		rows = append(rows, s.row(i > 0 && r.Steps[i-1].Client == s.Client))
	}
	var b strings.Builder
	widths := columnWidths(rows)
	writeRow(&b, rows[0], widths)
	for i, s := range r.Steps {
		writeRow(&b, rows[i+1], widths)
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

// row gives the cells of a step; the client and its case only where they begin.
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

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// tookColumn is the one that is flush right.
const tookColumn = 3

// writeRow writes cells padded to their columns.
func writeRow(b *strings.Builder, row []string, widths []int) {
	var line strings.Builder
	for i, cell := range row {
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i == tookColumn {
			line.WriteString(padding + cell + "  ")
		} else {
			line.WriteString(cell + padding + "  ")
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
