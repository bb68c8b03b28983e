package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cmd/holdfast/stream"
)

// reader is a stream that takes bytes while it is open.
type reader struct {
	text  bytes.Buffer
	gates chan error // an error fails a write, nil lets it pass; closed: all pass
}

func newReader() *reader { return &reader{gates: make(chan error)} }

func (r *reader) Write(b []byte) (int, error) {
	if err := <-r.gates; err != nil {
		return 0, err
	}
	return r.text.Write(b)
}

// line is a log line; 1 MiB has 1024 of them.
func line(i int) string { return fmt.Sprintf("%1023d\n", i) }

// TestBlockedReader: nobody waits for a reader that does not read. The lines that fit are
// there when it reads again, then one line says how many are missing, then the next ones.
func TestBlockedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		o := stream.New(t.Context(), "standard error", r, nil)
		o.NeverWait()
		const fit, late = stream.LimitBytes/1024 - 1, 7
		const first = "the last line leaves space for a short one\n"
		_, _ = o.Write([]byte(first))
		for i := range fit + late {
			if n, err := o.Write([]byte(line(i))); n != 1024 || err != nil {
				t.Fatalf("line %d: %d, %v", i, n, err)
			}
		}
		_, _ = o.Write([]byte("short, and in its order\n"))
		if o.Dropped() != late+1 {
			t.Errorf("%d lines were dropped, want %d", o.Dropped(), late+1)
		}
		close(r.gates)
		o.Flush(t.Context())
		_, _ = o.Write([]byte("again\n"))
		o.Flush(t.Context())

		var want strings.Builder
		want.WriteString(first)
		for i := range fit {
			want.WriteString(line(i))
		}
		want.WriteString("holdfast: 8 lines are missing here: nobody was reading standard error\nagain\n")
		if got := r.text.String(); got != want.String() {
			t.Errorf("%d bytes that end with %q", len(got), got[max(0, len(got)-200):])
		}
	})
}

// TestGoneReader: an output that outlives its reader goes on, and says what is missing
// when the reader is back.
func TestGoneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		o := stream.New(t.Context(), "standard output", r, func(err error) { t.Errorf("ended: %v", err) })
		o.Outlive()
		o.NeverWait()
		for range 3 {
			_, _ = o.Write([]byte("lost\n"))
			r.gates <- &fs.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
			o.Flush(t.Context())
		}
		if o.Dropped() != 3 || o.Err() != nil {
			t.Errorf("%d lines were dropped, error %v", o.Dropped(), o.Err())
		}
		close(r.gates)
		_, _ = o.Write([]byte("back\n"))
		o.Flush(t.Context())
		if want := "back\nholdfast: 3 lines are missing here: nobody was reading standard output\n"; r.text.String() != want {
			t.Errorf("got %q", r.text.String())
		}
	})
}

// TestFailedOutput: the first error ends an output; its text names the stream.
func TestFailedOutput(t *testing.T) {
	for _, never := range []bool{false, true} {
		t.Run(fmt.Sprint("never wait ", never), func(t *testing.T) {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Skip("no /dev/full here: ", err)
			}
			defer full.Close()
			var failures atomic.Int32
			o := stream.New(t.Context(), "standard output", full, func(error) { failures.Add(1) })
			if never {
				o.NeverWait()
			}
			_, first := o.Write([]byte("one\n"))
			o.Flush(t.Context())
			_, second := o.Write([]byte("two\n"))
			if (first == nil) != never || !errors.Is(second, syscall.ENOSPC) || !errors.Is(o.Err(), second) {
				t.Errorf("errors %v, %v, %v", first, second, o.Err())
			}
			if want := "cannot write to standard output: no space left on device"; second.Error() != want {
				t.Errorf("got %q", second)
			}
			if failures.Load() != 1 {
				t.Errorf("%d failures", failures.Load())
			}
		})
	}
}

// TestStop: a stop ends a write that is waiting for the reader, and a flush is bounded.
func TestStop(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprint("ends ", ends), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				var failed func(error)
				if ends {
					failed = func(err error) { t.Errorf("ended: %v", err) }
				}
				r := newReader()
				o := stream.New(ctx, "standard output", r, failed)
				written := make(chan error)
				go func() { _, err := o.Write([]byte("waits\n")); written <- err }()
				time.Sleep(time.Hour)
				select {
				case err := <-written:
					t.Errorf("did not wait: %v", err)
				default:
				}
				cancel()
				if err := <-written; errors.Is(err, context.Canceled) != ends {
					t.Errorf("a stopped write returned %v", err)
				}
				bounded, stop := context.WithTimeout(t.Context(), stream.Patience)
				defer stop()
				o.Flush(bounded)
				close(r.gates)
				o.Flush(t.Context())
				if r.text.String() != "waits\n" {
					t.Errorf("got %q", r.text.String())
				}
			})
		})
	}
}

// TestEmptyWrite: a write of nothing has nothing to wait for.
func TestEmptyWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := stream.New(t.Context(), "standard output", newReader(), nil)
		if n, err := o.Write(nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// TestHealthyReaderAfterStop: a stop cuts off only what nobody reads.
func TestHealthyReaderAfterStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newReader()
	close(r.gates)
	o := stream.New(ctx, "standard output", r, func(err error) { t.Errorf("ended: %v", err) })
	for i := range 1000 {
		if _, err := fmt.Fprintln(o, i); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(r.text.String(), "\n"); got != 1000 {
		t.Errorf("%d lines", got)
	}
}

// TestFullNonBlockingStream: another process may make a shared terminal non-blocking.
func TestFullNonBlockingStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		o := stream.New(t.Context(), "standard output", r, func(err error) { t.Errorf("ended: %v", err) })
		go func() {
			r.gates <- syscall.EAGAIN
			close(r.gates)
		}()
		if _, err := o.Write([]byte("whole\n")); err != nil || r.text.String() != "whole\n" {
			t.Errorf("got %q, %v", r.text.String(), err)
		}
	})
}

func TestFd(t *testing.T) {
	if got := stream.New(t.Context(), "", os.Stdin, nil).Fd(); got != os.Stdin.Fd() {
		t.Errorf("descriptor %d", got)
	}
	if got := stream.New(t.Context(), "", newReader(), nil).Fd(); int(got) != -1 {
		t.Errorf("a buffer has the descriptor %d", got)
	}
}
