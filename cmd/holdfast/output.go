package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
	"holdfast/perf/progress"
	"holdfast/perf/report"
)

// style returns the style for Stdout: colours on a terminal, unless NO_COLOR is set or
// TERM is dumb.
func (p *Program) style() terminal.Style {
	return terminal.NewStyle(progress.IsTerminal(p.Stdout) && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb")
}

// table returns a table for Stdout that fits a terminal. The columns in last leave their lines first
// on a narrow one.
func (p *Program) table(last []int, head ...string) *terminal.Table {
	t := terminal.NewTable(p.style(), head...)
	if file, ok := p.Stdout.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			t.Fit(width, last...)
		}
	}
	return t
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

// addJSON adds the flag of commands that print objects for programs, one per line.
func addJSON(f *pflag.FlagSet, field *bool) {
	f.BoolVar(field, jsonFlag, false, "print a JSON object per line, for programs")
}

// jsonFlag is the name of that flag, and of the one that addReport adds.
const jsonFlag = "json"

// wantsJSON reports whether the command line of cmd asks for JSON on Stdout.
func (p *Program) wantsJSON(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup(jsonFlag)
	return f != nil && f.Changed && (f.Value.String() == "true" || f.NoOptDefVal == outfile.Stdout && outfile.IsStdout(f.Value.String(), p.Stdout))
}

// print writes the result of a command to Stdout, as text or as JSON.
func (p *Program) print(found fmt.Stringer, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprint(p.Stdout, found)
		return err
	}
	return p.printJSON(found)
}

// printJSON writes the result of a command to Stdout as a line of JSON.
func (p *Program) printJSON(found any) error {
	p.jsonResult = true
	_, err := io.WriteString(p.Stdout, terminal.JSONLine(found))
	return err
}

// writeReport writes the report of a command as JSON to the file of the flag of addReport.
func (p *Program) writeReport(file string, v any) error {
	if outfile.IsStdout(file, p.Stdout) {
		return p.printJSON(v)
	}
	return report.WriteJSON(file, p.Stdout, v)
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
