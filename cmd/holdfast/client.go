package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const clientLong = `client logs in as a customer and shows the account: positions, executions, and
prices as they change. Type commands at the ">>>" prompt; "help" lists them. Pushes
appear above the line that you are typing.

While the server is busy it tries to log in for about a minute. After a lost connection
it reconnects and shows the executions and busts that it missed, or says that the
server was reset.

Without a terminal it reads commands from standard input, one per line. It ends with
code 1 if a command failed or the connection is lost. With --reconnect it reconnects
also without a terminal.`

const clientExample = `  holdfast client
  holdfast client --addr 192.0.2.7:8888 --customer 100002 --password -
  echo "buy 600100 100" | holdfast client --customer 100003`

// newClientCommand returns the command of the terminal client.
func newClientCommand(p *Program) *cobra.Command {
	var a access
	var o terminal.Options
	cmd := &cobra.Command{
		Use: "client", Short: "trade and watch an account in the terminal",
		Long: clientLong, Example: clientExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runClient(cmd.Context(), &a, o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	a.add(f, "customer", 100001, "customer `number`")
	f.BoolFunc("reconnect", "reconnect after a lost connection (default: only on a terminal)", func(text string) error {
		again, err := strconv.ParseBool(text)
		o.Reconnect = &again
		return err
	})
	return cmd
}

func (p *Program) runClient(ctx context.Context, a *access, o terminal.Options) (err error) {
	if o.Credential, err = a.credential(p); err != nil {
		return err
	}
	o.Addr, o.Customer = a.addr, client.Customer(a.customer)
	o.Stdin, o.Stdout, o.Stderr, o.Style = p.Stdin, p.Stdout, p.Stderr, p.style()
	return a.advise(terminal.Run(ctx, o))
}
