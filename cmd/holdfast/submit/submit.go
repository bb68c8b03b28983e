// Package submit is the classic client: a few connections that send readable payloads at
// intervals, and a line for every Submit and every reply.
//
// Goroutine: any. All goroutines of Run have ended when it returns.
package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

// Options are what is sent, where, and how often.
type Options struct {
	Addr        string
	Connections int
	Count       int           // Submits per connection
	Interval    time.Duration // between two Submits of a connection
	Payload     string        // "{number}" and "{connection}" are replaced
	Stdout      io.Writer
}

// Run sends all Submits on schedule, without waiting for replies. It returns an error if
// a reply is missing or wrong.
func Run(ctx context.Context, o Options) error {
	r := &sending{Options: o}
	start := time.Now()
	var work sync.WaitGroup
	for i := range o.Connections {
		work.Go(func() { r.connection(ctx, i+1) })
	}
	work.Wait()
	wanted := o.Connections * o.Count
	fmt.Fprintf(o.Stdout, "%d connections, %d of %d submits sent, %d acknowledged, in %v\n",
		o.Connections, r.sent, wanted, r.acked, time.Since(start).Round(time.Millisecond))
	switch {
	case r.acked == wanted:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%d submits were not acknowledged: %w", wanted-r.acked, r.failed)
}

// sending counts the results of a run; mu guards the fields below it and the output.
type sending struct {
	Options

	mu          sync.Mutex
	sent, acked int
	failed      error // the first failure
}

// connection sends the Submits of the nth connection.
func (r *sending) connection(ctx context.Context, n int) {
	var c *client.Client
	err := client.Retry(ctx, func() (err error) {
		c, err = client.Dial(ctx, r.Addr, client.Options{})
		return err
	})
	if err != nil {
		r.fail(n, "not connected", err)
		return
	}
	defer func() { _ = c.Close() }() // always nil
	var open sync.WaitGroup
	defer open.Wait()
	for i := range r.Count {
		if i > 0 {
			select {
			case <-time.After(r.Interval):
			case <-ctx.Done():
				return
			}
		}
		id := client.DecimalRequestID(uint64(i + 1))
		payload := strings.NewReplacer("{connection}", fmt.Sprint(n), "{number}", fmt.Sprint(i+1)).Replace(r.Payload)
		r.say(n, &r.sent, "-> %s  %s", id, payload)
		open.Go(func() {
			start := time.Now()
			if err := c.SubmitAs(ctx, id, []byte(payload)); err != nil {
				r.fail(n, "<- "+id.String(), err)
				return
			}
			r.say(n, &r.acked, "<- %s  OK in %v", id, time.Since(start).Round(time.Microsecond))
		})
	}
}

// say prints a line of a connection and increments count.
func (r *sending) say(connection int, count *int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*count++
	r.line(connection, fmt.Sprintf(format, args...))
}

// fail prints the line of a failure and stores the first failure.
func (r *sending) fail(connection int, what string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	err = terminal.Advise(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(connection, fmt.Sprintf("%s  FAILED: %v", what, err))
	if r.failed == nil {
		r.failed = err
	}
}

func (r *sending) line(connection int, text string) {
	fmt.Fprintf(r.Stdout, "%s  connection %d  %s\n", time.Now().Format("15:04:05.000"), connection, text)
}
