package main

import (
	"context"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/script"
)

const sessionLong = `session disturbs the connections of a customer to a running server, as an operator: to
test that a client reconnects, and misses and doubles nothing.`

const sessionExample = `  holdfast session disconnect 100001
  holdfast session disconnect 100001 --after-push 120
  holdfast session hold 100001 30s`

// newSessionCommand returns the group of commands for the connections of a customer.
func newSessionCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "session", Short: "cut connections and hold pushes, as an operator",
		Long: sessionLong, Example: sessionExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newSessionDisconnectCommand(p), newSessionHoldCommand(p))
	return cmd
}

func newSessionDisconnectCommand(p *Program) *cobra.Command {
	var cut client.Disconnect
	cmd := &cobra.Command{
		Use: "disconnect CUSTOMER", Short: "cut the connections of a customer", Args: exactArgs("CUSTOMER"),
		Long: `disconnect cuts all connections of a customer as a fault of the network would, without a
Notice: at once, or once a push was sent.`,
		Example: "  holdfast session disconnect 100001\n  holdfast session disconnect 100001 --after-push 120",
	}
	check := func(args []string) (err error) {
		cut.Customer, err = parseCustomer(args[0])
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, cut)
		switch {
		case err != nil:
			return err
		case cut.AfterPush != 0:
			return p.operated(reply, "the connections of %d are cut after push %d", cut.Customer, cut.AfterPush)
		}
		return p.operated(reply, "cut: %s of %d", counted(reply.Count, "connection"), cut.Customer)
	})
	push := newWhole[uint64](&cut.AfterPush, 1, 1, maxPush)
	cut.AfterPush = 0
	cmd.Flags().Var(push, "after-push", "cut once the push with this `number` was sent")
	return o.addAccess()
}

func newSessionHoldCommand(p *Program) *cobra.Command {
	var hold client.HoldPushes
	cmd := &cobra.Command{
		Use: "hold CUSTOMER DURATION", Short: "hold the pushes to a customer", Args: exactArgs("CUSTOMER", "DURATION"),
		Long: `hold holds the pushes to a customer for a time of the trading clock; then all of them
follow. Replies are not held. A login of the customer ends it. If the pushes are too many to
follow, the connections are cut, and the clients log in again.`,
		Example: "  holdfast session hold 100001 30s",
	}
	check := func(args []string) (err error) {
		if hold.Customer, err = parseCustomer(args[0]); err == nil {
			hold.Duration, err = parseSpan(args[1], script.MaxHold)
		}
		return err
	}
	return newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, hold)
		if err != nil {
			return err
		}
		return p.operated(reply, "the pushes to %d are held for %s of the trading clock", hold.Customer, hold.Duration)
	}).addAccess()
}
