package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/stream"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/progress"
)

// Exit codes of the program.
const (
	exitOK     = 0
	exitFailed = 1                                 // the command failed
	exitUsage  = 2                                 // wrong command line or configuration; a retry does not help
	exitSignal = 128                               // ended by a signal before it was done: this plus its number, as in shells
	exitHungUp = exitSignal + int(syscall.SIGHUP)  // the terminal went away
	exitUnread = exitSignal + int(syscall.SIGPIPE) // the reader of Stdout went away
)

// Program is one run of holdfast. It has no other input and output than its fields and
// the files and connections of its commands, so a test can run several in one process.
//
// Owner: Run and its commands; do not change it after Run has started.
type Program struct {
	Args    []string         // the command line without the program's name
	Stdin   io.Reader        // nil is empty
	Stdout  io.Writer        // results; nil discards them
	Stderr  io.Writer        // errors and progress; nil discards them
	Environ []string         // "NAME=value" as in os.Environ; the last value of a name counts
	Hangups <-chan os.Signal // each value makes serve reload its settings; nil: none

	onTerminal        bool           // Stdout was a terminal when Run started
	json              bool           // Stdout gets JSON for programs
	jsonResult        bool           // it has got the result of the command
	results, messages *stream.Output // Stdout and Stderr while Run runs
	scratch           scratch
}

// Run executes the command that Args name and returns the exit code: 0 for success, 1 for
// a failure, 2 for a wrong command line or configuration, 128 plus the number of the
// signal if ctx ended before the command was done (SIGINT if its cause is not a signal),
// 129 (SIGHUP) if the terminal went away, and 141 (SIGPIPE) if the reader of Stdout did.
// An error is written to Stderr once, as one line that starts with "holdfast: ".
//
// All goroutines of the command have ended when Run returns, except one that a blocked
// Stdout or Stderr holds, and a reload of the settings: a stop does not wait for them.
func (p *Program) Run(ctx context.Context) int {
	return p.execute(ctx, func(ctx context.Context) error {
		root := newRootCommand(p)
		root.SetArgs(joinReportFile(root, p.Args))
		cmd, err := root.ExecuteContextC(ctx)
		p.json = p.wantsJSON(cmd)
		return err
	})
}

// execute runs command with the streams of p, and returns the exit code.
func (p *Program) execute(parent context.Context, command func(context.Context) error) int {
	p.defaultStreams()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	p.onTerminal = progress.IsTerminal(p.Stdout)
	p.results = stream.New(ctx, "standard output", p.Stdout, cancel)
	p.messages = stream.New(ctx, "standard error", p.Stderr, nil)
	p.Stdout, p.Stderr = p.results, p.messages
	err := command(ctx)
	if p.json && err != nil && !p.jsonResult && !stopped(ctx, err) && !terminal.Reported(err) {
		fmt.Fprint(p.Stdout, terminal.ErrorLine(err))
	}

	flushing, stop := context.WithTimeout(context.Background(), stream.Patience)
	defer stop()
	p.messages.NeverWait()
	p.results.Flush(flushing)
	code := p.report(ctx, err)
	p.messages.Flush(flushing)
	return code
}

// droppedLines returns how many lines nobody read in time.
func (p *Program) droppedLines() uint64 { return p.results.Dropped() + p.messages.Dropped() }

// reloads reports whether the command line names a command that reloads its settings.
func (p *Program) reloads() bool {
	cmd, _, err := newRootCommand(p).Find(p.Args)
	return err == nil && cmd.Name() == serveName
}

// exitNow ends the process without waiting for the command.
func (p *Program) exitNow(code int) {
	_ = p.scratch.removeAll() // nobody could be shown an error
	os.Exit(code)
}

// abort removes the temporary folders. Then it does what SIGQUIT does without a handler: it
// prints the stacks of all goroutines and ends the process.
func (p *Program) abort() {
	_ = p.scratch.removeAll() // nobody could be shown an error
	signal.Reset(syscall.SIGQUIT)
	_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
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
	lost := p.results.Err()
	if lost != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, lost)) {
		err = lost // the cause of the others
		switch {
		case errors.Is(lost, syscall.EPIPE):
			return exitUnread
		case p.onTerminal && errors.Is(lost, syscall.EIO):
			return exitHungUp // SIGHUP may come later, or not at all
		}
	}
	switch {
	case stopped(ctx, err) || err == nil && hungUp(ctx):
		return stopCode(ctx)
	case err == nil:
		return exitOK
	}
	fmt.Fprintf(p.Stderr, "holdfast: %s\n", terminal.OneLine(err.Error()))
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// stopped reports whether err only says that ctx has ended.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// isUsage reports whether err comes from the command line or the configuration.
func isUsage(err error) bool {
	var usage *usageError
	var setting *config.Error
	return errors.As(err, &usage) || errors.As(err, &setting)
}
