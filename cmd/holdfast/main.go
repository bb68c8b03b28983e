// Command holdfast is the trading-simulation server together with its clients,
// its scenario runner and its load generator.
//
// main connects a [Program] to the process: arguments, standard streams, environment and
// signals. Everything else is in Program.Run, which a test can call in-process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	p := &Program{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
	}
	// A write to a closed pipe returns an error, and does not end the process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGQUIT) {
		quits := make(chan os.Signal, 1)
		signal.Notify(quits, syscall.SIGQUIT)
		go func() { <-quits; p.abort() }()
	}
	ctx, hangups, _ := withSignals(context.Background(), p.reloads(), p.exitNow)
	p.Hangups = hangups
	os.Exit(p.Run(ctx)) // signals are handled until then: a late SIGHUP must not kill the process
}
