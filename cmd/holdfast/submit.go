package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

const submitExample = `  holdfast submit
  holdfast submit --connections 2 --count 3 --interval 200ms
  holdfast submit --payload "{number} from connection {connection}"`

// submitFlags are the flags of "holdfast submit".
type submitFlags struct {
	access
	connections int
	count       int
	interval    time.Duration
	payload     string
}

// newSubmitCommand is the classic client: a few connections, each with a readable
// submit now and then.
func newSubmitCommand(p *Program) *cobra.Command {
	var o submitFlags
	cmd := &cobra.Command{
		Use: "submit", Short: "send readable submits and show each acknowledgement",
		Long: `submit opens a few connections and sends numbered payloads over each. It shows a
line for every one that is sent and acknowledged, and ends with code 1 when an
acknowledgement is missing or wrong. No login is needed.`,
		Example: submitExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.connections < 1 || o.count < 1 || o.interval < 0 {
				return usagef(cmd, "--connections and --count must be 1 or more, --interval not negative")
			}
			return p.runSubmit(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.addAddr(f)
	f.IntVar(&o.connections, "connections", 5, "connections")
	f.IntVar(&o.count, "count", 10, "submits on each connection")
	f.DurationVar(&o.interval, "interval", time.Second, "time between two submits on a connection")
	f.StringVar(&o.payload, "payload", "submit {number} of connection {connection}", "`text` to send")
	return cmd
}

func (p *Program) runSubmit(ctx context.Context, o *submitFlags) error {
	r := &submitRun{program: p, flags: o, began: time.Now()}
	var work sync.WaitGroup
	for i := range o.connections {
		work.Go(func() { r.connection(ctx, i+1) })
	}
	work.Wait()
	return r.finish(ctx)
}

// submitRun counts what came of a run; mu guards all below it and the output.
type submitRun struct {
	program *Program
	flags   *submitFlags
	began   time.Time

	mu           sync.Mutex
	sent, acked  int
	firstTrouble error
}

// connection sends the submits of the nth connection, on schedule also while
// acknowledgements are out.
func (r *submitRun) connection(ctx context.Context, n int) {
	c, err := r.flags.dial(ctx, client.Options{})
	if err != nil {
		r.trouble(n, "not connected", err)
		return
	}
	defer func() { _ = c.Close() }() // always nil
	var open sync.WaitGroup
	defer open.Wait()
	for i := range r.flags.count {
		if i > 0 && !sleep(ctx, r.flags.interval) {
			return
		}
		id := client.DecimalRequestID(uint64(i + 1))
		payload := r.text(n, i+1)
		r.say(n, fmt.Sprintf("-> %s  %s", id, payload))
		r.count(&r.sent)
		open.Go(func() { r.submit(ctx, c, n, id, payload) })
	}
}

func (r *submitRun) submit(ctx context.Context, c *client.Client, n int, id client.RequestID, payload string) {
	began := time.Now()
	if err := c.SubmitAs(ctx, id, []byte(payload)); err != nil {
		r.trouble(n, "<- "+id.String(), advised(err))
		return
	}
	r.count(&r.acked)
	r.say(n, fmt.Sprintf("<- %s  OK in %v", id, time.Since(began).Round(time.Microsecond)))
}

// text fills in the payload's placeholders.
func (r *submitRun) text(connection, number int) string {
	return strings.NewReplacer("{connection}", fmt.Sprint(connection), "{number}", fmt.Sprint(number)).Replace(r.flags.payload)
}

func (r *submitRun) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

func (r *submitRun) say(connection int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.program.Stdout, "%s  connection %d  %s\n", time.Now().Format("15:04:05.000"), connection, text)
}

func (r *submitRun) trouble(connection int, what string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	r.say(connection, fmt.Sprintf("%s  FAILED: %v", what, err))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.firstTrouble == nil {
		r.firstTrouble = err
	}
}

// finish writes the summary.
func (r *submitRun) finish(ctx context.Context) error {
	wanted := r.flags.connections * r.flags.count
	fmt.Fprintf(r.program.Stdout, "%d connections, %d of %d submits sent, %d acknowledged, in %v\n",
		r.flags.connections, r.sent, wanted, r.acked, time.Since(r.began).Round(time.Millisecond))
	switch {
	case r.acked == wanted:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%d submits were not acknowledged: %w", wanted-r.acked, r.firstTrouble)
}

// sleep waits for d; false means that ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
