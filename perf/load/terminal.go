package load

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal is a writer with one line that is drawn again and again.
type terminal struct {
	w     io.Writer
	width func() int
	drawn string
}

// terminalOf returns nil if w is no terminal.
func terminalOf(w io.Writer) *terminal {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return &terminal{w: w, width: func() int {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
		return 80
	}}
}

// draw replaces the line; what does not fit is cut off, since a line that wraps
// can't be taken back.
func (t *terminal) draw(text string) {
	if limit := max(t.width()-1, 1); utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit])
	}
	if text != t.drawn {
		t.drawn = text
		_, _ = fmt.Fprintf(t.w, "\r\x1b[K%s", text) // progress is not worth an error
	}
}

// keep writes a line that stays, in the place of the one drawn.
func (t *terminal) keep(text string) {
	_, _ = fmt.Fprintf(t.w, "\r\x1b[K%s\n", text)
	t.drawn = ""
}

// leave goes to a new line.
func (t *terminal) leave() {
	if t.drawn != "" {
		_, _ = fmt.Fprintln(t.w)
		t.drawn = ""
	}
}
