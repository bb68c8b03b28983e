package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const bustLong = `bust undoes an execution: the position changes back, the customer's clients remove
the execution from their display, and history shows it as busted. Busting the same
execution twice does no harm.

With --instrument, --from and --to instead of an execution, it undoes all executions of
an instrument in a span of time of the trading clock. Accounts in which that is refused
are listed and stay as they are; then the command ends with code 1.`

const bustExample = `  holdfast bust 100001-17 --reason "keyed in by mistake"
  holdfast bust 100001-17 --reason typo --cascade --dry-run
  holdfast bust 100001-17 --reason typo --operator 900001 --password -
  holdfast bust --instrument ALFA/600100 --from 2026-01-05T09:30:00Z --to 2026-01-05T09:31:00Z --reason "bad feed"`

// newBustCommand returns the command that busts executions.
func newBustCommand(p *Program) *cobra.Command {
	var id client.ExecutionID
	var reason string
	var options client.BustOptions
	var span client.ExecutionRange
	var customer uint32
	cmd := &cobra.Command{
		Use: "bust [EXECUTION] --reason TEXT", Short: "bust executions, as an operator",
		Long: bustLong, Example: bustExample, Args: atMostOneArg,
	}
	check := func(args []string) (err error) {
		ranged := span.Key != client.Key{} || !span.From.IsZero() || !span.To.IsZero() || customer != 0
		switch {
		case len(args) == 0 && !ranged:
			return errors.New("missing argument EXECUTION; or name several with --instrument, --from and --to")
		case len(args) == 1 && ranged:
			return errors.New("name an EXECUTION, or several with --instrument, --from and --to, not both")
		case ranged && (span.Key == client.Key{} || span.From.IsZero() || span.To.IsZero()):
			return errors.New("several executions need --instrument, --from and --to")
		case ranged && !span.From.Before(span.To):
			return errors.New("--to must be later than --from")
		case len(args) == 1:
			if id, err = client.ParseExecutionID(args[0]); err != nil {
				return err
			}
		}
		span.Customer = client.Customer(customer)
		return checkReason(reason)
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) (err error) {
		var busted client.Busted
		if id != 0 {
			busted, err = c.BustWith(ctx, id, reason, options)
		} else {
			busted, err = c.BustRange(ctx, span, reason, options)
		}
		if err != nil {
			return err
		}
		err = p.reply("Bust", busted, func() error { return p.showBusted(busted, id != 0, options.DryRun) })
		return cmp.Or(err, refusedError(busted.Refused))
	})
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "reason; the customer sees this `text`")
	f.BoolVar(&options.Reopen, "reopen", false, "let the order work again for the quantity")
	f.BoolVar(&options.Cascade, "cascade", false, "bust the later sells, too, that would lack shares")
	f.BoolVar(&options.DryRun, "dry-run", false, "change nothing, and list what would be busted")
	f.Var(newKey(&span.Key), "instrument", "instead of EXECUTION: all executions of this instrument")
	f.Var(newTime(&span.From), "from", "those at this time or later")
	f.Var(newTime(&span.To), "to", "those before this time")
	f.Var(newCustomer(&customer), "customer", "only those of this customer")
	return o.addAccess()
}

// checkReason returns an error for a reason that is missing.
func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("--reason is missing: the customer will see it")
	}
	return nil
}

// showBusted shows what was busted, or in a dry run would be.
func (p *Program) showBusted(b client.Busted, single, dry bool) error {
	if single && dry && b.Count == 0 {
		return p.say("nothing to bust: %s was busted before: %s", b.Execution.ID, b.Execution.BustReason)
	}
	if single && !dry && b.Count <= 1 {
		_, err := fmt.Fprint(p.Stdout, terminal.BustedText(p.style(), b))
		return err
	}
	if len(b.Executions) > 0 {
		for i := range b.Executions {
			b.Executions[i].Busted = false // the line below says it
		}
		if err := p.showExecutions(b.Executions); err != nil {
			return err
		}
	}
	if more := b.Count - len(b.Executions); more > 0 {
		if err := p.say("and %d more", more); err != nil {
			return err
		}
	}
	text := "busted"
	if dry {
		text = "nothing was changed; to bust"
	}
	if err := p.say("%s: %s of %s", text, counted(b.Count, "execution"), counted(b.Accounts, "account")); err != nil {
		return err
	}
	for _, refused := range b.Refused {
		if err := p.say("refused for %d: %s", refused.Customer, refused.Err); err != nil {
			return err
		}
	}
	return nil
}

// refusedError returns the error for accounts in which a bust was refused, with advice if sells
// are in the way in one of them.
func refusedError(refused []client.BustRefusal) error {
	if len(refused) == 0 {
		return nil
	}
	err := fmt.Errorf("refused for %s", counted(len(refused), "account"))
	if slices.ContainsFunc(refused, func(r client.BustRefusal) bool { return r.Err.Reason == client.ReasonBustBlocked }) {
		err = fmt.Errorf("%w: bust what is in the way first, or add --cascade", err)
	}
	return err
}
