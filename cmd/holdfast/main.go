// Command holdfast is the trading-simulation server together with its clients,
// its scenario runner and its load generator.
//
// main connects a [Program] to the process: arguments, standard streams, environment and
// signals. Everything else is in Program.Run, which a test can call in-process.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, stop := withSignals(context.Background(), os.Exit)
	p := &Program{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
	}
	code := p.Run(ctx)
	stop()
	os.Exit(code)
}
