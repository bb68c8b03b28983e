package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/cmd/holdfast/config"
)

// Exit codes of the program.
const (
	exitOK          = 0
	exitFailed      = 1   // the command was understood and did not succeed
	exitUsage       = 2   // wrong command line or configuration; asking again does not help
	exitInterrupted = 130 // ended by a signal before it was done: 128 + SIGINT, as shells have it
)

// Program is one run of holdfast. It reads and writes nothing but what its
// fields hold, so a test can run several of them in one process.
//
// Owner: Run and the commands that it starts; not to be changed after Run began.
type Program struct {
	Args    []string  // the command line without the program's name
	Stdin   io.Reader // nil reads as empty
	Stdout  io.Writer // results; nil discards them
	Stderr  io.Writer // errors and progress; nil discards them
	Environ []string  // "NAME=value" as in os.Environ; the last of a name counts
}

// Run executes the command that Args name and returns the exit code: 0 for
// success, 1 for a failure, 2 for a wrong command line or configuration, 130
// when ctx ended before the command was done. An error is written to Stderr
// once, as one line that starts with "holdfast: ".
//
// A command has ended all its goroutines when Run returns.
func (p *Program) Run(ctx context.Context) int {
	p.fillStreams()
	root := newRootCommand(p)
	root.SetArgs(p.Args)
	return p.report(ctx, root.ExecuteContext(ctx))
}

// Getenv returns the value of name in Environ, or "" where it is not set.
func (p *Program) Getenv(name string) string {
	for i := len(p.Environ) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(p.Environ[i], name+"="); found {
			return value
		}
	}
	return ""
}

func (p *Program) fillStreams() {
	if p.Args == nil {
		p.Args = []string{} // cobra takes os.Args for nil
	}
	if p.Stdin == nil {
		p.Stdin = strings.NewReader("")
	}
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
}

// report writes err to Stderr and gives the exit code that stands for it.
func (p *Program) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	fmt.Fprintf(p.Stderr, "holdfast: %s\n", oneLine(err.Error()))
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// isUsage tells whether err comes from the command line or the configuration.
func isUsage(err error) bool {
	var usage *usageError
	var setting *config.Error
	return errors.As(err, &usage) || errors.As(err, &setting)
}

// oneLine joins the lines of text, since an error is reported as one. A line that
// an earlier one holds already is left out: what ends a server is told by each part
// of it that closes.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if !slices.ContainsFunc(lines, func(earlier string) bool { return strings.Contains(earlier, line) }) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
