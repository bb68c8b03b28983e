package load

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"holdfast/perf/progress"
	"holdfast/perf/table"
)

// seriesProgress shows the progress of a Plan: on a terminal one line that is redrawn
// each second, elsewhere a line per run.
type seriesProgress struct {
	line *progress.Line

	mu            sync.Mutex
	start         time.Time
	runs          int
	done          int
	planned       time.Duration // warm-up and window of the finished runs
	left          time.Duration // the same of the other runs
	current       string        // the current run
	currentLength time.Duration // its warm-up and window
	last          string        // result of the last run
}

func newSeriesProgress(w io.Writer, p Plan) *seriesProgress {
	s := &seriesProgress{line: progress.New(w), start: time.Now(), runs: p.runs()}
	for _, c := range p.Cells {
		s.left += c.Options.length() * time.Duration(p.Rounds*len(p.Servers))
	}
	return s
}

// length returns the time of a run under load.
func (o Options) length() time.Duration {
	o = o.withDefaults()
	return o.Warmup + o.Duration
}

// watch redraws a terminal's line until stop is called.
func (p *seriesProgress) watch() (stop func()) {
	if !p.line.Terminal() {
		return func() {}
	}
	return p.line.Watch(time.Second, p.text)
}

// runStarts records the start of a run.
func (p *seriesProgress) runStarts(c Cell, server string) {
	p.mu.Lock()
	p.current, p.currentLength = c.Name+", "+server, c.Options.length()
	p.mu.Unlock()
	p.redraw()
}

// runEnds records its result. A failure stays visible on a terminal too.
func (p *seriesProgress) runEnds(r *Report, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.planned += p.currentLength
	p.left -= p.currentLength
	p.last = p.current + ": " + outcome(r, err)
	if err != nil || !p.line.Terminal() {
		p.line.Keep(fmt.Sprintf("%d/%d %s", p.done, p.runs, p.last))
	}
}

// outcome returns the result of a run on one line.
func outcome(r *Report, err error) string {
	if err != nil {
		return "failed: " + oneLine(err.Error())
	}
	text := fmt.Sprintf("%.0f requests/s", r.PerSecond)
	if r.Workload == Push {
		text += fmt.Sprintf(", %.0f pushes/s", r.PushesPerSecond)
	}
	if s := r.Server; s != nil && r.Workload == Idle {
		return fmt.Sprintf("%.0f bytes per connection", s.IdleBytesPerConnection)
	} else if s != nil {
		text += fmt.Sprintf(", server %.3f us/request, generator %.3f", s.CPUPerRequest, r.Own.CPUPerRequest)
	}
	return text + ", p99 " + table.Latency(r.Latency.P99)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (p *seriesProgress) redraw() {
	if p.line.Terminal() {
		p.line.Show(p.text())
	}
}

// text returns the complete state on one line.
func (p *seriesProgress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("%s run %d/%d, %s so far", progress.Bar(p.done, p.runs, 20),
		min(p.done+1, p.runs), p.runs, clockText(time.Since(p.start)))
	if p.done > 0 {
		text += ", " + clockText(p.timeLeft()) + " left"
	}
	text += " | " + p.current
	if p.last != "" {
		text += " | last: " + p.last
	}
	return text
}

// timeLeft returns an estimate for the remaining runs: their warm-up and window, plus the
// average overhead of the finished runs.
func (p *seriesProgress) timeLeft() time.Duration {
	more := max(0, time.Since(p.start)-p.planned) / time.Duration(p.done)
	return p.left + more*time.Duration(p.runs-p.done)
}

// clockText returns e.g. "3:07" or "1:00:05".
func clockText(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
