package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
	"holdfast/perf/progress"
)

// style returns the style for Stdout: colours on a terminal, unless NO_COLOR is set or
// TERM is dumb.
func (p *Program) style() terminal.Style {
	return terminal.NewStyle(progress.IsTerminal(p.Stdout) && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb")
}

// progressBar shows the progress of some work on a terminal. leave ends the bar.
func (p *Program) progressBar(what string) (show func(done, total int), leave func()) {
	line := progress.New(p.Stderr)
	if !line.Terminal() {
		return func(int, int) {}, func() {}
	}
	return func(done, total int) {
		line.Show(fmt.Sprintf("%s %3d %% of %d %s", progress.Bar(done, total, 30), done*100/total, total, what))
	}, line.Leave
}

// print writes the result of a command to Stdout, as text or as JSON.
func (p *Program) print(found fmt.Stringer, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprint(p.Stdout, found)
		return err
	}
	return p.printJSON(found)
}

// printJSON writes the result of a command to Stdout as JSON.
func (p *Program) printJSON(found any) error {
	e := json.NewEncoder(p.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(found)
}

// textBeside returns where the text of a command goes that also writes the file name: to
// Stderr if that file is Stdout.
func (p *Program) textBeside(name string) io.Writer {
	if outfile.IsStdout(name, p.Stdout) {
		return p.Stderr
	}
	return p.Stdout
}

// serveStreams makes the streams those of a command that contains a server: nothing waits
// for their readers.
func (p *Program) serveStreams() {
	p.results.NeverWait()
	p.messages.NeverWait()
}

// newLogger returns a logger that writes readable lines.
func newLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
