package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/terminal"
)

// Exit codes of the program.
const (
	exitOK          = 0
	exitFailed      = 1   // the command failed
	exitUsage       = 2   // wrong command line or configuration; a retry does not help
	exitInterrupted = 130 // ended by a signal before it was done: 128 + SIGINT, as in shells
)

// Program is one run of holdfast. It has no other input and output than its fields and
// the files and connections of its commands, so a test can run several in one process.
//
// Owner: Run and its commands; do not change it after Run has started.
type Program struct {
	Args    []string  // the command line without the program's name
	Stdin   io.Reader // nil is empty
	Stdout  io.Writer // results; nil discards them
	Stderr  io.Writer // errors and progress; nil discards them
	Environ []string  // "NAME=value" as in os.Environ; the last value of a name counts
}

// Run executes the command that Args name and returns the exit code: 0 for
// success, 1 for a failure, 2 for a wrong command line or configuration, 130
// when ctx ended before the command was done. An error is written to Stderr
// once, as one line that starts with "holdfast: ".
//
// All goroutines of the command have ended when Run returns.
func (p *Program) Run(ctx context.Context) int {
	p.defaultStreams()
	root := newRootCommand(p)
	root.SetArgs(p.Args)
	return p.report(ctx, root.ExecuteContext(ctx))
}

// Getenv returns the value of name in Environ, or "" if it is not set.
func (p *Program) Getenv(name string) string {
	for i := len(p.Environ) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(p.Environ[i], name+"="); found {
			return value
		}
	}
	return ""
}

func (p *Program) defaultStreams() {
	if p.Args == nil {
		p.Args = []string{} // with nil, cobra would use os.Args
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

// report writes err to Stderr and returns the exit code for it.
func (p *Program) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	fmt.Fprintf(p.Stderr, "holdfast: %s\n", terminal.OneLine(err.Error()))
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// isUsage reports whether err comes from the command line or the configuration.
func isUsage(err error) bool {
	var usage *usageError
	var setting *config.Error
	return errors.As(err, &usage) || errors.As(err, &setting)
}
