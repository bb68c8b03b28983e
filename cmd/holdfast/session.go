package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/script"
)

const sessionLong = `session disturbs the connections of a customer to a running server, as an operator: to
test that a client reconnects, and misses and doubles nothing.`

const sessionExample = `  holdfast session disconnect 100001
  holdfast session disconnect 100001 --after-push 120
  holdfast session hold 100001 30s
  holdfast session fault 100001 drop --count 2`

// newSessionCommand returns the group of commands for the connections of a customer.
func newSessionCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "session", Short: "cut connections, hold pushes and spoil FIX messages, as an operator",
		Long: sessionLong, Example: sessionExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newSessionDisconnectCommand(p), newSessionFaultCommand(p), newSessionHoldCommand(p))
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

const sessionFaultLong = `fault makes the FIX sessions of a customer misbehave, also those whose client is away:

  drop         the next messages are not sent; their numbers are used
  delay        the next messages, and those after them, are held back (--delay)
  skip         the numbers after the next messages are left out
  check_sum    the CheckSum of the next messages is wrong
  body_length  their BodyLength is wrong, the CheckSum right
  poss_dup     they have PossDupFlag, though they are sent for the first time
  repeat       they are sent twice, the second time with PossDupFlag
  swap         they are sent after the messages that follow them
  cut          half of the next message is sent, then the connection is closed
  reject       the client's next orders and queries are answered with a Reject
  logout       a Logout is sent at once
  disconnect   the connection is closed at once
  none         all faults end, and what is held back follows

A fault of a kind replaces an earlier one of that kind. What was dropped or broken is sent again when
the client asks for it with a ResendRequest.`

func newSessionFaultCommand(p *Program) *cobra.Command {
	var spoil client.SpoilFIX
	cmd := &cobra.Command{
		Use: "fault CUSTOMER FAULT", Short: "make the FIX sessions of a customer misbehave", Args: exactArgs("CUSTOMER", "FAULT"),
		Long: sessionFaultLong,
		Example: `  holdfast session fault 100001 drop --count 2
  holdfast session fault 100001 delay --delay 5s
  holdfast session fault 100001 disconnect --session TRADER1
  holdfast session fault 100001 none`,
	}
	check := func(args []string) (err error) {
		if spoil.Customer, err = parseCustomer(args[0]); err == nil {
			spoil.Fault, err = client.ParseFIXFault(args[1])
		}
		switch delays := spoil.Fault == client.FIXDelay; {
		case err != nil:
		case delays && spoil.Delay == 0 && spoil.Count > 0:
			err = errors.New("delay needs --delay, such as --delay 5s")
		case !delays && spoil.Delay != 0:
			err = errors.New("--delay belongs to the fault delay")
		}
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, spoil)
		if err != nil {
			return err
		}
		sessions := counted(reply.Count, "FIX session") + fmt.Sprintf(" of %d", spoil.Customer)
		switch {
		case spoil.Fault.AtOnce():
			return p.operated(reply, "%s: %s", spoil.Fault, sessions)
		case spoil.Count == 0:
			return p.operated(reply, "%s ends: %s", spoil.Fault, sessions)
		}
		return p.operated(reply, "%s, the next %s: %s", spoil.Fault, counted(spoil.Count, "message"), sessions)
	})
	f := cmd.Flags()
	f.Var(newWhole(&spoil.Count, 1, 0, script.MaxCount), "count", "how many messages; 0 ends the fault")
	f.Var(newDuration(&spoil.Delay, 0, 0), "delay", "how long delay holds messages back")
	f.StringVar(&spoil.Session, "session", "", "only the session with this `CompID`; empty: all of the customer")
	return o.addAccess()
}
