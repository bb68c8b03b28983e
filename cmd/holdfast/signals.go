package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// withSignals returns a context that the first SIGINT or SIGTERM cancels. A
// second one calls exit(130) at once: whoever asks twice does not want to wait
// for a drain. stop ends the watching and frees its goroutine.
func withSignals(parent context.Context, exit func(code int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		watchSignals(signals, stopped, cancel, exit)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		<-ended
		cancel()
	}
}

// watchSignals calls first for the first signal and exit for the second.
func watchSignals(signals <-chan os.Signal, stopped <-chan struct{}, first func(), exit func(int)) {
	select {
	case <-signals:
		first()
	case <-stopped:
		return
	}
	select {
	case <-signals:
		exit(exitInterrupted)
	case <-stopped:
	}
}
