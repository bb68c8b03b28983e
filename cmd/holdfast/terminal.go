package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Escape sequences for text on a terminal (ECMA-48, select graphic rendition).
const (
	styleRed    = "\x1b[31m"
	styleYellow = "\x1b[33m"
	styleReset  = "\x1b[0m"
)

// isTerminal tells whether stream is a terminal, for progress bars and prompts.
// Anything that is not a file, such as a test's buffer, is none.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours tells whether what goes to w may be coloured: a terminal, and the user
// has not said otherwise with NO_COLOR or TERM=dumb.
func (p *Program) colours(w io.Writer) bool {
	return isTerminal(w) && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
}

// styled wraps text for w in style, or leaves it as it is where colours are off.
func (p *Program) styled(w io.Writer, style, text string) string {
	if !p.colours(w) {
		return text
	}
	return style + text + styleReset
}
