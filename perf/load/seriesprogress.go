package load

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// seriesProgress tells how far a Plan is: on a terminal one line that is drawn
// again each second, elsewhere a line for each run.
type seriesProgress struct {
	terminal *terminal // nil: w is none
	w        io.Writer // nil: silent
	now      func() time.Time

	mu       sync.Mutex
	began    time.Time
	runs     int
	done     int
	planned  time.Duration // warm-up and window of the runs that are done
	left     time.Duration // and of those that are not
	current  string        // what runs now
	currentT time.Duration // its warm-up and window
	last     string        // how the last run came out
}

func newSeriesProgress(w io.Writer, p Plan) *seriesProgress {
	s := &seriesProgress{w: w, terminal: terminalOf(w), now: time.Now, runs: p.runs()}
	for _, c := range p.Cells {
		s.left += c.Options.length() * time.Duration(p.Rounds*len(p.Servers))
	}
	s.began = s.now()
	return s
}

// length is the time that a run under load takes.
func (o Options) length() time.Duration {
	o = o.withDefaults()
	return o.Warmup + o.Duration
}

// watch redraws a terminal's line until stop is called, which leaves it.
func (p *seriesProgress) watch() (stop func()) {
	if p.terminal == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				p.redraw()
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		p.terminal.leave()
	}
}

// begin says what runs now.
func (p *seriesProgress) begin(c Cell, server string) {
	p.mu.Lock()
	p.current, p.currentT = c.Name+", "+server, c.Options.length()
	p.mu.Unlock()
	p.redraw()
}

// end says how it came out.
func (p *seriesProgress) end(r *Report, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.planned += p.currentT
	p.left -= p.currentT
	p.last = p.current + ": " + outcome(r, err)
	line := fmt.Sprintf("%d/%d %s", p.done, p.runs, p.last)
	switch {
	case p.w == nil:
	case p.terminal == nil:
		_, _ = fmt.Fprintln(p.w, line) // progress is not worth an error
	case err != nil:
		p.terminal.keep(line) // it would be gone with the next run
	}
}

// outcome is a run on one line.
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
	return text + ", p99 " + microseconds(r.Latency.P99)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (p *seriesProgress) redraw() {
	if p.terminal == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.terminal.draw(p.line())
}

// line is the whole state. The caller holds the lock.
func (p *seriesProgress) line() string {
	const width = 20
	full := width * p.done / max(p.runs, 1)
	text := fmt.Sprintf("[%s%s] run %d/%d, %s so far", strings.Repeat("#", full), strings.Repeat("-", width-full),
		min(p.done+1, p.runs), p.runs, clockText(p.now().Sub(p.began)))
	if p.done > 0 {
		text += ", " + clockText(p.timeLeft()) + " left"
	}
	text += " | " + p.current
	if p.last != "" {
		text += " | last: " + p.last
	}
	return text
}

// timeLeft is what the remaining runs take if each needs as much more than its
// warm-up and window as those before did.
func (p *seriesProgress) timeLeft() time.Duration {
	more := max(0, p.now().Sub(p.began)-p.planned) / time.Duration(p.done)
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
