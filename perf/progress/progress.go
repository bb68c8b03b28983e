// Package progress shows the progress of some work: on a terminal as one line that is
// redrawn in place, elsewhere as a line now and then.
//
// Write errors are ignored: progress is not important enough to stop the work.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"holdfast/perf/table"
)

// toLineStart moves to the start of the terminal's line and erases it.
const toLineStart = "\r\x1b[K"

// Line is a progress line. The zero value and nil show nothing. Goroutine: any.
type Line struct {
	w     io.Writer
	width func() int    // of the terminal; nil: w is not a terminal
	pause time.Duration // minimum time between two texts

	mu    sync.Mutex
	last  string    // last text shown
	shown time.Time // when it was shown
	drawn bool      // last is on the terminal
}

// New returns a line on w; a nil w shows nothing.
func New(w io.Writer) *Line {
	l := &Line{w: w}
	if IsTerminal(w) {
		l.width = func() int {
			if width, _, err := term.GetSize(int(w.(descriptor).Fd())); err == nil && width > 0 {
				return width
			}
			return 80
		}
	}
	return l
}

// NewTerminal returns a line on a terminal of that many columns, whatever w is.
func NewTerminal(w io.Writer, columns int) *Line {
	return &Line{w: w, width: func() int { return columns }}
}

// descriptor is a file, or a stream that writes to one.
type descriptor interface{ Fd() uintptr }

// IsTerminal reports whether stream is a terminal. Only a file, or a stream that writes to
// one, can be one, not a test's buffer.
func IsTerminal(stream any) bool {
	file, ok := stream.(descriptor)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Terminal reports whether the line is drawn on a terminal.
func (l *Line) Terminal() bool { return l != nil && l.width != nil }

// Limit makes Show drop texts that follow the last one within a pause: one pause for a
// terminal, another for all other writers. Call it before Show.
func (l *Line) Limit(terminal, elsewhere time.Duration) {
	l.pause = elsewhere
	if l.Terminal() {
		l.pause = terminal
	}
}

// Show replaces the last text on a terminal, and writes a new line elsewhere. The same
// text is not shown twice. Text is cut to the width of the terminal, because a wrapped
// line can't be erased.
func (l *Line) Show(text string) {
	if l == nil || l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if text == l.last || l.pause > 0 && time.Since(l.shown) < l.pause {
		return
	}
	l.last, l.shown = text, time.Now()
	if l.width == nil {
		_, _ = fmt.Fprintln(l.w, text)
		return
	}
	text = table.Cut(text, max(l.width()-1, 1))
	l.drawn = true
	_, _ = fmt.Fprint(l.w, toLineStart+text)
}

// Keep replaces the text shown with a line that stays.
func (l *Line) Keep(text string) { l.finish(toLineStart, text+"\n", true) }

// Leave keeps the text shown and starts a new line after it.
func (l *Line) Leave() { l.finish("", "\n", false) }

// Erase removes the text shown from the terminal.
func (l *Line) Erase() { l.finish(toLineStart, "", false) }

// finish ends the text shown. Without a text it writes only if always is set.
func (l *Line) finish(terminal, text string, always bool) {
	if l == nil || l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn || always {
		if l.width != nil {
			text = terminal + text
		}
		_, _ = fmt.Fprint(l.w, text)
	}
	l.last, l.drawn = "", false
}

// Watch starts a goroutine that shows text() every pause. stop ends it and calls Leave.
func (l *Line) Watch(pause time.Duration, text func() string) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				l.Show(text())
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
		l.Leave()
	}
}

// Bar returns a bar of width marks that shows how much of total is done, e.g.
// "[####------]".
func Bar(done, total, width int) string {
	marks := min(width*done/max(total, 1), width)
	return "[" + strings.Repeat("#", marks) + strings.Repeat("-", width-marks) + "]"
}
