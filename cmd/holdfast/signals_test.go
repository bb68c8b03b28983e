package main_test

import (
	"os"
	"syscall"
	"testing"

	main "holdfast/cmd/holdfast"
)

// raise sends a signal to the test's own process.
func raise(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), signal); err != nil {
		t.Fatal(err)
	}
}

func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			exits := make(chan int, 1)
			ctx, stop := main.WithSignals(t.Context(), func(code int) { exits <- code })
			defer stop()

			raise(t, signal)
			<-ctx.Done()
			select {
			case code := <-exits:
				t.Fatalf("the first signal ended the program with %d", code)
			default:
			}

			raise(t, signal)
			if code := <-exits; code != 130 {
				t.Errorf("exit code %d, want 130", code)
			}
		})
	}
}

func TestStopWithoutSignal(t *testing.T) {
	ctx, stop := main.WithSignals(t.Context(), func(code int) { t.Errorf("exit %d", code) })
	if ctx.Err() != nil {
		t.Error("cancelled before any signal")
	}
	stop()
	if ctx.Err() == nil {
		t.Error("stop left the context open")
	}
}
