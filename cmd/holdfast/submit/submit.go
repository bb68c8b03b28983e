// Package submit is the classic client: a few connections that send readable payloads at
// intervals, and a line for every Submit and every reply.
//
// Goroutine: any. All goroutines of Run have ended when it returns.
package submit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize/english"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/table"
)

// Options are what is sent, where, and how often.
type Options struct {
	Addr        string
	TLS         *tls.Config // nil: without
	Connections int
	Count       int           // Submits per connection
	Interval    time.Duration // between two Submits of a connection
	Payload     string        // "{number}" and "{connection}" are replaced
	Stdout      io.Writer
	Style       terminal.Style
	JSON        bool // Stdout gets a JSON object per line
}

// Event is a line of the JSON output. Fields are only added, never renamed.
type Event struct {
	Event      string    `json:"event"`                // sent, acknowledged, failed
	Time       time.Time `json:"time"`                 // when it happened
	Connection int       `json:"connection"`           // from 1
	ID         string    `json:"id,omitempty"`         // of the request; missing if there was no connection
	Payload    string    `json:"payload,omitempty"`    // of sent
	Latency    *float64  `json:"latency_us,omitempty"` // of acknowledged: from Submit to reply
	Message    string    `json:"message,omitempty"`    // of failed, for people
}

// Summary is the last line of the JSON output, also after Ctrl-C.
type Summary struct {
	Event        string  `json:"event"` // summary
	Connections  int     `json:"connections"`
	Wanted       int     `json:"wanted"`
	Sent         int     `json:"sent"`
	Acknowledged int     `json:"acknowledged"`
	Seconds      float64 `json:"seconds"`
}

// Run sends all Submits on schedule, without waiting for replies. It returns an error if
// a reply is missing or wrong.
func Run(ctx context.Context, o Options) error {
	r := &sending{Options: o, width: len(strconv.Itoa(o.Connections))}
	start := time.Now()
	var work sync.WaitGroup
	for i := range o.Connections {
		work.Go(func() { r.connection(ctx, i+1) })
	}
	work.Wait()
	wanted, took := o.Connections*o.Count, time.Since(start)
	if o.JSON {
		fmt.Fprint(o.Stdout, terminal.JSONLine(Summary{
			Event: "summary", Connections: o.Connections, Wanted: wanted, Sent: r.sent, Acknowledged: r.acked, Seconds: took.Seconds(),
		}))
	} else {
		fmt.Fprintf(o.Stdout, "%s, %d of %s sent, %d acknowledged, in %v\n",
			english.Plural(o.Connections, "connection", ""), r.sent, english.Plural(wanted, "Submit", ""), r.acked, took.Round(time.Millisecond))
	}
	switch {
	case r.acked == wanted:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s not acknowledged: %w", english.Plural(wanted-r.acked, "Submit was", "Submits were"), r.failed)
}

// sending counts the results of a run; mu guards the fields below it and the output.
type sending struct {
	Options
	width int // of the largest number of a connection

	mu          sync.Mutex
	sent, acked int
	failed      error // the first failure
}

// connection sends the Submits of the nth connection.
func (r *sending) connection(ctx context.Context, n int) {
	var c *client.Client
	err := client.Retry(ctx, func() (err error) {
		c, err = client.Dial(ctx, r.Addr, client.Options{TLS: r.TLS})
		return err
	})
	if err != nil {
		r.fail(Event{Connection: n}, err)
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
		payload := strings.NewReplacer("{connection}", strconv.Itoa(n), "{number}", strconv.Itoa(i+1)).Replace(r.Payload)
		r.say(Event{Event: "sent", Connection: n, ID: id.String(), Payload: payload}, &r.sent)
		open.Go(func() {
			start := time.Now()
			if err := c.SubmitAs(ctx, id, []byte(payload)); err != nil {
				r.fail(Event{Connection: n, ID: id.String()}, err)
				return
			}
			latency := float64(time.Since(start).Nanoseconds()) / 1e3
			r.say(Event{Event: "acknowledged", Connection: n, ID: id.String(), Latency: &latency}, &r.acked)
		})
	}
}

// say prints the line of an event and increments count.
func (r *sending) say(e Event, count *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*count++
	r.line(e)
}

// fail prints the line of a failure and stores the first failure.
func (r *sending) fail(e Event, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	err = terminal.Advise(err)
	e.Event, e.Message = "failed", err.Error()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(e)
	if r.failed == nil {
		r.failed = err
	}
}

// line prints an event. The caller holds mu.
func (r *sending) line(e Event) {
	if e.Time = time.Now(); r.JSON {
		fmt.Fprint(r.Stdout, terminal.JSONLine(e))
		return
	}
	var text string
	switch {
	case e.Event == "sent":
		text = "-> " + e.ID + "  " + table.Escape(e.Payload)
	case e.Event == "acknowledged":
		text = "<- " + e.ID + "  " + r.Style(terminal.Green, "OK") + " in " + table.Latency(*e.Latency)
	case e.ID == "":
		text = "not connected  " + r.Style(terminal.Red, "FAILED: "+terminal.OneLine(e.Message))
	default:
		text = "<- " + e.ID + "  " + r.Style(terminal.Red, "FAILED: "+terminal.OneLine(e.Message))
	}
	fmt.Fprintf(r.Stdout, "%s  connection %*d  %s\n", r.Style(terminal.Faint, e.Time.Format("15:04:05.000")), r.width, e.Connection, text)
}
