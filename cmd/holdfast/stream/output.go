package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"
)

const (
	// LimitBytes bounds the bytes of an Output that are not written yet, if it never waits.
	LimitBytes = 1 << 20
	// Patience is how long a stop waits for the reader of a stream.
	Patience = 2 * time.Second
)

// retryPause is the pause before a write to a stream that another process has made
// non-blocking, and that is full.
const retryPause = 10 * time.Millisecond

// Output is a standard stream for writing. Goroutine: any.
type Output struct {
	ctx  context.Context // of the command
	name string
	w    io.Writer

	mu         sync.Mutex
	failed     func(error)   // called with the first error; nil: errors drop lines
	err        error         // the first error, if failed was set
	neverWait  bool          // Write drops what does not fit
	queue      []byte        // w has not got it yet
	spare      []byte        // memory for the next queue
	unwritten  int           // bytes in queue and those that w is writing
	waiting    []chan error  // the writes whose bytes are in queue
	idle       chan struct{} // closed when everything is written; nil: nothing is being written
	overflowed bool          // lines were dropped after those in queue; the next queue reports them
	unreported uint64        // dropped lines that the reader has not been shown
	dropped    uint64        // all dropped lines
}

// New returns an Output on w for a command that ctx stops. failed is called once, with
// the first error of w, which ends the Output. If it is nil, the Output goes on after an
// error and drops what could not be written.
func New(ctx context.Context, name string, w io.Writer, failed func(error)) *Output {
	return &Output{ctx: ctx, name: name, w: w, failed: failed}
}

// NeverWait makes Write return at once from now on.
func (o *Output) NeverWait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.neverWait = true
}

// Outlive makes the Output go on after errors from now on.
func (o *Output) Outlive() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = nil
}

// Err returns the error that ended the Output.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Dropped returns how many lines were dropped.
func (o *Output) Dropped() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Fd returns the descriptor of the stream, or one that is not open if it is not a file.
func (o *Output) Fd() uintptr {
	if file, ok := o.w.(interface{ Fd() uintptr }); ok {
		return file.Fd()
	}
	return ^uintptr(0)
}

// Write implements io.Writer. It returns an error only after the Output has ended.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	if o.err != nil || len(b) == 0 {
		defer o.mu.Unlock()
		return 0, o.err
	}
	if o.neverWait && (o.overflowed || o.unwritten+len(b) > LimitBytes) {
		defer o.mu.Unlock()
		o.drop(b)
		o.overflowed = true
		o.start()
		return len(b), nil
	}
	o.queue = append(o.queue, b...)
	o.unwritten += len(b)
	var written chan error
	if !o.neverWait {
		written = make(chan error, 1)
		o.waiting = append(o.waiting, written)
	}
	o.start()
	o.mu.Unlock()
	if written == nil {
		return len(b), nil
	}
	if err := o.wait(written); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush waits until everything is written, or until ctx ends.
func (o *Output) Flush(ctx context.Context) {
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// wait waits for a write: without limit until the command is stopped, then for Patience.
func (o *Output) wait(written <-chan error) error {
	select {
	case err := <-written:
		return err
	case <-o.ctx.Done():
	}
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case err := <-written:
		return err
	case <-late.C:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.neverWait = true
	if o.failed != nil && o.err == nil {
		o.err = o.ctx.Err()
	}
	return o.err
}

// start starts the goroutine that writes, unless it runs. The caller holds mu.
func (o *Output) start() {
	if o.idle == nil {
		o.idle = make(chan struct{})
		go o.writeQueue()
	}
}

// writeQueue writes until the queue is empty.
func (o *Output) writeQueue() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 || o.overflowed {
		batch, waiting, unreported := o.queue, o.waiting, o.unreported
		o.queue, o.waiting, o.unreported, o.overflowed = o.spare[:0], nil, 0, false
		o.mu.Unlock()
		n, err := o.writeAll(batch)
		if err == nil && unreported > 0 {
			report := fmt.Appendf(nil, "holdfast: %d lines are missing here: nobody was reading %s\n", unreported, o.name)
			if _, err := o.writeAll(report); err == nil {
				unreported = 0
			}
		}
		o.mu.Lock()
		o.unreported += unreported
		o.unwritten -= len(batch)
		o.spare = batch
		if err != nil {
			o.drop(batch[n:])
			err = o.fail(err)
		}
		for _, written := range waiting {
			written <- err
		}
	}
	close(o.idle)
	o.idle = nil
}

// writeAll writes b. It returns how many bytes were written before an error.
func (o *Output) writeAll(b []byte) (n int, err error) {
	for n < len(b) {
		written, err := o.w.Write(b[n:])
		n += written
		switch {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(retryPause)
		case err != nil:
			return n, err
		}
	}
	return n, nil
}

// drop counts the lines of b. The caller holds mu.
func (o *Output) drop(b []byte) {
	lines := uint64(bytes.Count(b, []byte("\n")))
	o.dropped += lines
	o.unreported += lines
}

// fail ends the Output, unless it outlives errors, and returns the error for the writes
// that are waiting. The caller holds mu.
func (o *Output) fail(err error) error {
	if o.failed == nil {
		return nil
	}
	if o.err == nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			err = file.Err
		}
		o.err = fmt.Errorf("cannot write to %s: %w", o.name, err)
		o.failed(o.err)
	}
	return o.err
}
