package main

import (
	"time"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/submit"
)

const submitExample = `  holdfast submit
  holdfast submit --connections 2 --count 3 --interval 200ms
  holdfast submit --payload "{number} from connection {connection}"`

// newSubmitCommand returns the command of the classic client: a few connections that
// send readable payloads at intervals.
func newSubmitCommand(p *Program) *cobra.Command {
	o := submit.Options{Stdout: p.Stdout}
	cmd := &cobra.Command{
		Use: "submit", Short: "send readable payloads and show each reply",
		Long: `submit opens a few connections and sends numbered payloads over each, without a login.
It prints a line for every Submit and every reply, and ends with code 1 if a reply is
missing or wrong.`,
		Example: submitExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Connections < 1 || o.Count < 1 || o.Interval < 0 {
				return usagef(cmd, "--connections and --count must be 1 or more, and --interval 0 or more")
			}
			return submit.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	addAddr(f, &o.Addr)
	f.IntVar(&o.Connections, "connections", 5, "number of connections")
	f.IntVar(&o.Count, "count", 10, "Submits per connection")
	f.DurationVar(&o.Interval, "interval", time.Second, "time between two Submits of a connection")
	f.StringVar(&o.Payload, "payload", "submit {number} of connection {connection}", "`text` to send; {number} and {connection} are replaced")
	return cmd
}
