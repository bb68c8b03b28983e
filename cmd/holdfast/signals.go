package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// withSignals returns a context that the first SIGINT or SIGTERM cancels. A second one
// calls exit(130) at once: a user who asks twice does not want to wait for the drain.
// stop ends the handling of signals and its goroutine.
func withSignals(parent context.Context, exit func(code int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if _, ok := <-signals; ok {
			cancel()
		}
		for range signals {
			exit(exitInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals) // nothing sends after Stop
		<-stopped
		cancel()
	}
}
