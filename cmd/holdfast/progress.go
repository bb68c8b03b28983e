package main

import (
	"fmt"
	"io"
	"strings"
)

// progressWidth is the number of marks in a full bar.
const progressWidth = 30

// progressBar shows on a terminal how much of some work is done. It writes one
// line, again and again, and only when that line has changed.
type progressBar struct {
	w    io.Writer
	what string
	last string
}

// newProgressBar gives a bar on Stderr, or one that shows nothing where that is
// no terminal.
func (p *Program) newProgressBar(what string) *progressBar {
	if !isTerminal(p.Stderr) {
		return &progressBar{w: io.Discard, what: what}
	}
	return &progressBar{w: p.Stderr, what: what}
}

// show draws the bar for done of total; total must be above 0.
func (b *progressBar) show(done, total int) {
	marks, percent := done*progressWidth/total, done*100/total
	line := fmt.Sprintf("[%-*s] %3d %% of %d %s", progressWidth, strings.Repeat("#", marks), percent, total, b.what)
	if line != b.last {
		b.last = line
		fmt.Fprint(b.w, "\r", line)
	}
}

// close leaves the bar and begins a new line.
func (b *progressBar) close() {
	if b.last != "" {
		fmt.Fprintln(b.w)
	}
}
