package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

const correctLong = `correct replaces an execution by one with another quantity or price, at its place among
the others. The customer's clients take the old one back and show the new one; history
links both.`

const correctExample = `  holdfast correct 100001-17 --quantity 100 --price 10.05 --reason "typing error"
  holdfast correct 100001-17 --quantity 100 --price 10.05 --reason "typing error" --dry-run`

// newCorrectCommand returns the command that corrects an execution.
func newCorrectCommand(p *Program) *cobra.Command {
	var x client.Correction
	cmd := &cobra.Command{
		Use: "correct EXECUTION --quantity N --price PRICE --reason TEXT", Short: "correct an execution, as an operator",
		Long: correctLong, Example: correctExample, Args: exactArgs("EXECUTION"),
	}
	check := func(args []string) (err error) {
		switch {
		case x.Quantity == 0 || x.Price == 0:
			return errors.New("--quantity and --price are missing: name both, also what stays")
		default:
			if x.ID, err = client.ParseExecutionID(args[0]); err != nil {
				return err
			}
		}
		return checkReason(x.Reason)
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Correct(ctx, x)
		if err != nil {
			return err
		}
		return p.reply("Correct", reply, func() error { return p.showCorrected(&reply, x.DryRun) })
	})
	f := cmd.Flags()
	f.Var(newQuantity(&x.Quantity), "quantity", "right number of shares")
	f.Var(newPrice(&x.Price), "price", "right price")
	f.StringVar(&x.Reason, "reason", "", "reason; the customer sees this `text`")
	f.BoolVar(&x.DryRun, "dry-run", false, "change nothing, and show what would change")
	return o.addAccess()
}

// showCorrected shows both executions and the position after the correction, or in a dry run as
// they would be.
func (p *Program) showCorrected(c *client.Corrected, dry bool) error {
	if err := p.showExecutions([]client.Execution{c.Busted, c.Replacement}); err != nil {
		return err
	}
	text := ""
	if dry {
		text = "nothing was changed; then "
	}
	if c.Position.Quantity == 0 {
		return p.say("%s%s: none left", text, c.Replacement.Key)
	}
	return p.say("%s%s: %s shares, %s", text, c.Position.Key, c.Position.Quantity, c.Position.MarketValue)
}
