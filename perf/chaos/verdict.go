package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Figure is something that was measured or counted.
type Figure struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // an integer, a float, a Duration or a text
	Unit  string `json:"unit,omitempty"`
}

// Verdict says what a run has found.
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
	// Broken describes the first broken promises, Breaches counts all.
	Broken   []string `json:"broken,omitempty"`
	Breaches int      `json:"breaches"`
	// Problem says why the run was not made to its end.
	Problem string        `json:"problem,omitempty"`
	Took    time.Duration `json:"took_ns"`
	// Command repeats the run.
	Command string `json:"command,omitempty"`
}

func (r *Run) verdict(f Fault, took time.Duration, err error) *Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := &Verdict{
		Fault: f.Name, ID: f.ID, Short: f.Short, Promise: f.Promise, Held: r.breaches == 0 && err == nil, Seed: r.Seed,
		Rounds: r.Rounds, Size: r.Size, Figures: r.figures, Broken: r.broken, Breaches: r.breaches, Took: took,
	}
	if err != nil {
		v.Problem = r.hide(err.Error())
	}
	return v
}

// String gives the verdict as text: one line, and one for each broken promise.
func (v *Verdict) String() string {
	var b strings.Builder
	b.WriteString(v.ID)
	fmt.Fprintf(&b, " %s: ", v.Word())
	fmt.Fprintf(&b, "%s; %s, seed %d\n", v.FiguresText(), v.Took.Round(100*time.Millisecond), v.Seed)
	for _, text := range v.Broken {
		fmt.Fprintf(&b, "  %s\n", text)
	}
	if more := v.Breaches - len(v.Broken); more > 0 {
		fmt.Fprintf(&b, "  and %s more\n", thousands(int64(more)))
	}
	return b.String()
}

// Word is the verdict in short.
func (v *Verdict) Word() string {
	switch {
	case v.Breaches > 0:
		return "BROKEN " + plural(v.Breaches, "time")
	case v.Problem != "":
		return "not tried to the end"
	default:
		return "held"
	}
}

// FiguresText gives rounds and figures in one line.
func (v *Verdict) FiguresText() string {
	var parts []string
	if v.Rounds > 1 {
		parts = append(parts, plural(v.Rounds, "round"))
	}
	for _, f := range v.Figures {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, ", ")
}

// String gives "orders acknowledged 12,345" or "p99 1.2 ms".
func (f Figure) String() string {
	text := f.Name + " " + valueText(f.Value)
	if f.Unit != "" {
		text += " " + f.Unit
	}
	return text
}

func valueText(value any) string {
	switch v := value.(type) {
	case int:
		return thousands(int64(v))
	case int64:
		return thousands(v)
	case uint64:
		return thousands(int64(v))
	case float64:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case time.Duration:
		return rounded(v).String()
	default:
		return fmt.Sprint(v)
	}
}

// rounded leaves three digits or so.
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
	return thousands(int64(n)) + " " + noun + "s"
}

// thousands gives 1234567 as "1,234,567".
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := len(digits) % 3
	if first == 0 || n < 0 && first == 1 {
		first += 3
	}
	for i := first; i < len(digits); i += 4 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
