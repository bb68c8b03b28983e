package main

import (
	"context"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const watchLong = `watch shows an account on the whole terminal: the state of the connection, cash and
totals, positions, working orders, and the executions, newest first. An execution that is
busted stays where it is, struck out and marked BUSTED; one that is corrected is struck
out, and names the execution that replaces it.

Pushes change what is shown at once, and the screen is drawn at most 15 times a second. The
keys b, s and c buy, sell and cancel; watch asks before it sends. "?" lists all keys, q
quits. It reconnects after a lost connection, and shows what was missed.

It needs a terminal of any size, better 80 columns than 40. For a plain terminal use holdfast
client, for programs holdfast client --json.`

const watchExample = `  holdfast watch
  holdfast watch --addr 192.0.2.7:8888 --customer 100002 --password -
  holdfast watch --addr trading.example:8888 --tls --customer 100002 --password -`

// newWatchCommand returns the command that shows an account on the whole terminal.
func newWatchCommand(p *Program) *cobra.Command {
	var a access
	cmd := &cobra.Command{
		Use: "watch", Short: "watch and trade an account on the whole terminal",
		Long: watchLong, Example: watchExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.watch(cmd.Context(), &a) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	a.add(f, "customer", 100001, "customer `number`")
	return cmd
}

func (p *Program) watch(ctx context.Context, a *access) (err error) {
	o := terminal.Options{Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr}
	if err := terminal.CheckScreen(o, p.Environ); err != nil {
		return &usageError{err.Error()}
	}
	if o.Addr, err = a.address(); err != nil {
		return err
	}
	if o.TLS, err = a.encryption.config(); err != nil {
		return err
	}
	if o.Credential, err = a.credential(p); err != nil {
		return err
	}
	o.Customer = client.Customer(a.customer)
	return a.advise(terminal.Watch(ctx, o, p.Environ))
}
