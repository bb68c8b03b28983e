package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

const marketLong = `market halts and resumes trading, moves prices, and reads or moves the trading clock of
a running server, as an operator.`

const marketExample = `  holdfast market halt ALFA/600100
  holdfast market resume ALFA                all instruments of a market
  holdfast market jump ALFA/600100 12.50
  holdfast market step 5m                    a server with --clock stepped
  holdfast market clock`

// newMarketCommand returns the group of commands for the market of a running server.
func newMarketCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "market", Short: "halt, resume, move prices and the clock, as an operator",
		Long: marketLong, Example: marketExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(
		newMarketHaltCommand(p, "halt", "halt trading in an instrument or a market", "halted",
			func(k client.Key) client.Operation { return client.Halt{Key: k} }),
		newMarketHaltCommand(p, "resume", "let an instrument or a market be traded again", "resumed",
			func(k client.Key) client.Operation { return client.Resume{Key: k} }),
		newMarketJumpCommand(p), newMarketStepCommand(p), newMarketClockCommand(p),
	)
	return cmd
}

func newMarketHaltCommand(p *Program, name, short, done string, operation func(client.Key) client.Operation) *cobra.Command {
	var key client.Key
	cmd := &cobra.Command{
		Use: name + " INSTRUMENT", Short: short, Args: exactArgs("INSTRUMENT"),
		Long:    name + " acts on an instrument (MARKET/CODE), or on all of a market (MARKET). Working orders\nstay, and can be cancelled.",
		Example: fmt.Sprintf("  holdfast market %s ALFA/600100\n  holdfast market %s ALFA", name, name),
	}
	check := func(args []string) (err error) {
		if key, err = parseKey(args[0]); err != nil {
			key, err = client.Key{Market: args[0]}, nil
			if _, wrong := parseKey(args[0] + "/1"); wrong != nil {
				err = fmt.Errorf("INSTRUMENT wants an instrument such as ALFA/600100, or a market such as ALFA, got %q", args[0])
			}
		}
		return err
	}
	return newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, operation(key))
		if err != nil {
			return err
		}
		return p.operated(reply, "%s: %s at %s", done, counted(reply.Count, "instrument"), clockText(reply.Time))
	}).addAccess()
}

func newMarketJumpCommand(p *Program) *cobra.Command {
	var o client.Jump
	cmd := &cobra.Command{
		Use: "jump INSTRUMENT PRICE", Short: "move the last price of an instrument", Args: exactArgs("INSTRUMENT", "PRICE"),
		Long: `jump moves the last price at once. Orders that the price reaches are executed. The
simulated price moves go on from there.`,
		Example: "  holdfast market jump ALFA/600100 12.50",
	}
	check := func(args []string) (err error) {
		if o.Key, err = parseKey(args[0]); err != nil {
			return fmt.Errorf("INSTRUMENT %w, got %q", err, args[0])
		}
		if o.Price, err = parsePrice(args[1]); err != nil {
			return fmt.Errorf("PRICE %w, got %q", err, args[1])
		}
		return nil
	}
	return newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, o)
		if err != nil {
			return err
		}
		return p.operated(reply, "%s: %s at %s", o.Key, o.Price, clockText(reply.Time))
	}).addAccess()
}

func newMarketStepCommand(p *Program) *cobra.Command {
	var o client.Step
	cmd := &cobra.Command{
		Use: "step DURATION", Short: "move a stepped clock on", Args: exactArgs("DURATION"),
		Long: `step moves the clock of a server that was started with --clock stepped. It ends when all
that is due until then has happened.`,
		Example: "  holdfast market step 5m\n  holdfast market step 250ms",
	}
	check := func(args []string) (err error) {
		o.Duration, err = parseSpan(args[0], longest)
		return err
	}
	return newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.sayClock(ctx, c, o)
	}).addAccess()
}

func newMarketClockCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "clock", Short: "read the trading clock", Args: noArgs,
		Example: "  holdfast market clock",
	}
	return newOperating(p, cmd, nil, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.sayClock(ctx, c, client.Clock{})
	}).addAccess()
}

// sayClock executes an operation, and shows the trading clock after it.
func (p *Program) sayClock(ctx context.Context, c *client.Client, o client.Operation) error {
	reply, err := c.Operate(ctx, o)
	if err != nil {
		return err
	}
	text := clockText(reply.Time)
	if utc := reply.Time.UTC().Format(time.RFC3339Nano); reply.Time.Local().Format(time.RFC3339Nano) != utc {
		text += " (" + utc + ")"
	}
	return p.operated(reply, "clock: %s", text)
}
