package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// stopSignal is the cause of a context that a signal has cancelled.
type stopSignal struct{ signal syscall.Signal }

// Error implements error.
func (s stopSignal) Error() string { return "stopped by the signal " + s.signal.String() }

// Unwrap makes the cause equal to that of any other end of a context.
func (s stopSignal) Unwrap() error { return context.Canceled }

// stopCode returns the exit code of a command that ctx has stopped.
func stopCode(ctx context.Context) int {
	stop := stopSignal{syscall.SIGINT}
	errors.As(context.Cause(ctx), &stop)
	return exitSignal + int(stop.signal)
}

// hungUp reports whether ctx ended because the terminal is gone.
func hungUp(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), stopSignal{syscall.SIGHUP})
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels. A second one
// calls exit at once: a user who asks twice does not want to wait for the drain.
//
// SIGHUP arrives in hangups if reloads is set. Otherwise it cancels ctx, too, unless it was
// ignored when the program started (nohup). It never calls exit: when a terminal closes,
// both the system and the shell send it.
//
// stop ends the handling of signals and its goroutine.
func withSignals(parent context.Context, reloads bool, exit func(code int)) (ctx context.Context, hangups <-chan os.Signal, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	stops, reload := make(chan os.Signal, 4), make(chan os.Signal, 1)
	signal.Notify(stops, syscall.SIGINT, syscall.SIGTERM)
	if reloads {
		signal.Notify(reload, syscall.SIGHUP)
	} else if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(stops, syscall.SIGHUP)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		asked := false
		for received := range stops {
			s := stopSignal{received.(syscall.Signal)}
			if asked && s.signal != syscall.SIGHUP {
				exit(exitSignal + int(s.signal))
			}
			asked = asked || s.signal != syscall.SIGHUP
			cancel(s)
		}
	}()
	return ctx, reload, func() {
		signal.Stop(reload)
		signal.Stop(stops)
		close(stops) // nothing sends after Stop
		<-stopped
		cancel(nil)
	}
}
