package chaos

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"holdfast/perf/table"
)

// Figure is a measured or counted value.
type Figure struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // an integer, a float, a Duration or a text
	Unit  string `json:"unit,omitempty"`
}

// Verdict is the result of a run.
type Verdict struct {
	Fault   string   `json:"fault"`
	ID      string   `json:"id"`
	Short   string   `json:"short"`
	Promise string   `json:"promise"`
	Held    bool     `json:"held"`
	Seed    uint64   `json:"seed"`
	Rounds  int      `json:"rounds,omitempty"`
	Size    int      `json:"size,omitempty"`
	Figures []Figure `json:"figures"`
	// Broken describes the first broken promises, Breaches counts all of them.
	Broken   []string `json:"broken,omitempty"`
	Breaches int      `json:"breaches"`
	// Problem says why the run was not completed.
	Problem string        `json:"problem,omitempty"`
	Took    time.Duration `json:"took_ns"`
	// Command repeats the run.
	Command string `json:"command,omitempty"`

	progress string // how far a run came that was not completed
}

func (r *Run) verdict(f Fault, took time.Duration, err error) *Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := &Verdict{
		Fault: f.Name, ID: f.ID, Short: f.Short, Promise: f.Promise, Held: r.breaches == 0 && err == nil, Seed: r.Seed,
		Rounds: r.Rounds, Size: r.Size, Figures: r.figures, Broken: r.broken, Breaches: r.breaches, Took: took,
	}
	if err != nil {
		v.Problem, v.progress = r.hide(err.Error()), r.progress
	}
	return v
}

// String returns the verdict as text: one line, one per broken promise, and one per figure.
func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", v.ID, v.Word())
	if extent := v.extent(); extent != "" {
		b.WriteString(extent + ", ")
	}
	fmt.Fprintf(&b, "took %s, seed %d\n", v.Took.Round(100*time.Millisecond), v.Seed)
	for _, text := range v.Broken {
		fmt.Fprintf(&b, "  %s\n", text)
	}
	if more := v.Breaches - len(v.Broken); more > 0 {
		fmt.Fprintf(&b, "  and %s more\n", humanize.Comma(int64(more)))
	}
	figures := table.Table{Align: "l", Indent: "  "}
	for _, f := range v.Figures {
		figures.Add(f.Name, f.amount())
	}
	b.Write(figures.AppendText(nil))
	return b.String()
}

// Word returns the verdict in short.
func (v *Verdict) Word() string {
	switch {
	case v.Breaches > 0:
		return "BROKEN " + plural(v.Breaches, "time")
	case v.Problem != "":
		return "not completed"
	default:
		return "held"
	}
}

// extent returns how much was done, "" if there is nothing to say.
func (v *Verdict) extent() string {
	switch {
	case v.Problem != "":
		return v.progress
	case v.Rounds > 1:
		return plural(v.Rounds, "round")
	default:
		return ""
	}
}

// FiguresText returns rounds and figures in one line.
func (v *Verdict) FiguresText() string {
	var parts []string
	if extent := v.extent(); extent != "" {
		parts = append(parts, extent)
	}
	for _, f := range v.Figures {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, ", ")
}

// String returns "orders acknowledged 12,345" or "p99 1.2 ms".
func (f Figure) String() string { return f.Name + " " + f.amount() }

// amount returns value and unit.
func (f Figure) amount() string {
	text := valueText(f.Value)
	if f.Unit != "" {
		text += " " + f.Unit
	}
	return text
}

func valueText(value any) string {
	switch v := value.(type) {
	case int:
		return humanize.Comma(int64(v))
	case int64:
		return humanize.Comma(v)
	case uint64:
		return humanize.Comma(int64(v))
	case float64:
		if v >= 1000 {
			return humanize.Comma(int64(math.Round(v)))
		}
		return strconv.FormatFloat(v, 'g', 3, 64)
	case time.Duration:
		return rounded(v).String()
	default:
		return fmt.Sprint(v)
	}
}

// rounded keeps about three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(int64(n)) + " " + noun + "s"
}
