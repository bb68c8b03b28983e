package load

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// live is what the event loop shows of itself while it runs. Owner: the event
// loop writes, anyone reads.
type live struct {
	ready, answered, errors, pushed atomic.Uint64
	loading                         atomic.Bool
}

// progress draws live onto a writer: a bar while connections are made, then a
// line each second. On a terminal it redraws in place.
type progress struct {
	w           io.Writer
	terminal    bool
	connections int
	seconds     int
	last        uint64
	unfinished  bool // the current line has no newline yet
	shown       string
}

func newProgress(w io.Writer, connections int) *progress {
	return &progress{w: w, terminal: isTerminal(w), connections: connections}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	status, err := file.Stat()
	return err == nil && status.Mode()&os.ModeCharDevice != 0
}

// watch draws until done is closed. Goroutine: its own.
func (p *progress) watch(l *live, done <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			p.finish()
			return
		case <-ticker.C:
			p.draw(l)
		}
	}
}

// draw shows the second that has just passed.
func (p *progress) draw(l *live) {
	if !l.loading.Load() {
		p.line(bar(int(l.ready.Load()), p.connections, 40))
		return
	}
	p.seconds++
	answered := l.answered.Load()
	p.line(fmt.Sprintf("%4d s  %9d requests/s  %d pushes  %d errors",
		p.seconds, answered-p.last, l.pushed.Load(), l.errors.Load()))
	p.last = answered
}

func (p *progress) line(text string) {
	if text == p.shown {
		return
	}
	p.shown = text
	if p.terminal {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", text) // progress is not worth an error
		p.unfinished = true
		return
	}
	_, _ = fmt.Fprintln(p.w, text)
}

func (p *progress) finish() {
	if p.unfinished {
		_, _ = fmt.Fprintln(p.w)
		p.unfinished = false
	}
}

// bar draws a ramp, e.g. "connecting [####------] 400/1000".
func bar(ready, total, width int) string {
	full := width * ready / max(total, 1)
	return fmt.Sprintf("connecting [%s%s] %d/%d",
		strings.Repeat("#", full), strings.Repeat("-", width-full), ready, total)
}
