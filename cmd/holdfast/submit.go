package main

import (
	"math"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/submit"
	"holdfast/perf/load"
)

const submitExample = `  holdfast submit
  holdfast submit --connections 2 --count 3 --interval 200ms
  holdfast submit --door websocket --addr 192.0.2.7:8891
  holdfast submit --addr trading.example:8888 --tls
  holdfast submit --json | jq -r 'select(.event=="acknowledged").latency_us'
  holdfast submit --payload "{number} from connection {connection}"`

// newSubmitCommand returns the command of the classic client: a few connections that
// send readable payloads at intervals.
func newSubmitCommand(p *Program) *cobra.Command {
	var o submit.Options
	var to server
	cmd := &cobra.Command{
		Use: "submit", Short: "send readable payloads and show each reply",
		Long: `submit opens a few connections and sends numbered payloads over each, without a login.
It prints a line for every Submit and every reply, and ends with code 1 if a reply is
missing or wrong. Ctrl-C ends it early, with the summary of what was sent until then.

With --json each line of standard output is a JSON object. Its field "event" is sent,
acknowledged, failed, or at the end summary; docs/commands.md has the fields.`,
		Example: submitExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Addr, err = to.address(); err != nil {
				return err
			}
			if o.TLS, err = to.encryption.config(); err != nil {
				return err
			}
			o.Stdout, o.Style = p.Stdout, p.style()
			return submit.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	to.add(f)
	f.Var(newWhole(&o.Connections, 5, 1, load.MaxConnections), "connections", "number of connections")
	f.Var(newWhole(&o.Count, 10, 1, math.MaxInt32), "count", "Submits per connection")
	f.Var(newDuration(&o.Interval, time.Second, 0), "interval", "time between two Submits of a connection")
	f.StringVar(&o.Payload, "payload", "submit {number} of connection {connection}", "`text` to send; {number} and {connection} are replaced")
	addJSON(f, &o.JSON)
	return cmd
}
