package main_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	main "holdfast/cmd/holdfast"
)

// late takes the signals that arrive when a test has ended: they would end the process.
var late = make(chan os.Signal, 1)

// raise sends a signal to the test's own process.
func raise(t *testing.T, s syscall.Signal) {
	t.Helper()
	signal.Notify(late, s)
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

func TestSignals(t *testing.T) {
	for s, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(s.String(), func(t *testing.T) {
			exits := make(chan int, 1)
			ctx, _, stop := main.WithSignals(t.Context(), false, func(code int) { exits <- code })
			defer stop()

			raise(t, s)
			<-ctx.Done()
			select {
			case code := <-exits:
				t.Fatalf("the first signal ended the program with %d", code)
			default:
			}
			if got := (&main.Program{}).Report(ctx, context.Canceled); got != code {
				t.Errorf("exit code of a stopped command %d, want %d", got, code)
			}

			raise(t, s)
			if got := <-exits; got != code {
				t.Errorf("exit code %d, want %d", got, code)
			}
		})
	}
}

// TestHangupDuringTheStop: a terminal that closes while the command stops ends nothing.
func TestHangupDuringTheStop(t *testing.T) {
	exits := make(chan int, 100)
	ctx, _, stop := main.WithSignals(t.Context(), false, func(code int) { exits <- code })
	defer stop()
	raise(t, syscall.SIGTERM)
	<-ctx.Done()
	raise(t, syscall.SIGHUP)
	for len(exits) == 0 { // signals that arrive at once are one
		raise(t, syscall.SIGTERM)
		runtime.Gosched()
	}
	if code := <-exits; code != 143 {
		t.Errorf("exit code %d", code)
	}
}

// TestHangups: they reload or stop, and never end the program at once.
func TestHangups(t *testing.T) {
	for _, reloads := range []bool{true, false} {
		t.Run(fmt.Sprint("reloads ", reloads), func(t *testing.T) {
			exits := make(chan int, 100)
			ctx, hangups, stop := main.WithSignals(t.Context(), reloads, func(code int) { exits <- code })
			defer stop()
			raise(t, syscall.SIGHUP)
			if reloads {
				<-hangups
				raise(t, syscall.SIGTERM)
			}
			<-ctx.Done()
			want := map[bool]int{true: 143, false: 129}[reloads]
			if got := (&main.Program{}).Report(ctx, context.Canceled); got != want {
				t.Errorf("exit code of a stopped command %d, want %d", got, want)
			}
			raise(t, syscall.SIGHUP)
			for len(exits) == 0 { // signals that arrive at once are one
				raise(t, syscall.SIGTERM)
				time.Sleep(time.Millisecond)
			}
			if code := <-exits; code != 143 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestStopWithoutSignal(t *testing.T) {
	ctx, _, stop := main.WithSignals(t.Context(), false, func(code int) { t.Errorf("exit %d", code) })
	if ctx.Err() != nil {
		t.Error("cancelled before any signal")
	}
	stop()
	if ctx.Err() == nil {
		t.Error("stop left the context open")
	}
}
