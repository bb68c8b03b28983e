package load

import (
	"fmt"
	"io"
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
	terminal    *terminal // nil: w is none
	connections int
	seconds     int
	last        uint64
	shown       string
}

func newProgress(w io.Writer, connections int) *progress {
	return &progress{w: w, terminal: terminalOf(w), connections: connections}
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
	switch {
	case p.terminal != nil:
		p.terminal.draw(text)
	case text != p.shown:
		p.shown = text
		_, _ = fmt.Fprintln(p.w, text) // progress is not worth an error
	}
}

func (p *progress) finish() {
	if p.terminal != nil {
		p.terminal.leave()
	}
}

// bar draws a ramp, e.g. "connecting [####------] 400/1000".
func bar(ready, total, width int) string {
	full := width * ready / max(total, 1)
	return fmt.Sprintf("connecting [%s%s] %d/%d",
		strings.Repeat("#", full), strings.Repeat("-", width-full), ready, total)
}
