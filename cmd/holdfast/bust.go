package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const bustExample = `  holdfast bust 100001-17 --reason "keyed in by mistake"
  holdfast bust 100001-17 --reason typo --operator 900001 --password -`

// newBustCommand returns the command that busts one execution.
func newBustCommand(p *Program) *cobra.Command {
	var a access
	var reason string
	cmd := &cobra.Command{
		Use: "bust EXECUTION --reason TEXT", Short: "bust an execution, as an operator",
		Long: `bust undoes an execution: the position changes back, the customer's clients remove
the execution from their display, and history shows it as busted. Busting the same
execution twice does no harm.`,
		Example: bustExample, Args: exactArgs("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usagef(cmd, "--reason is missing: the customer will see it")
			}
			return p.runBust(cmd, &a, args[0], reason)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&reason, "reason", "", "reason; the customer sees this `text`")
	a.add(f, "operator", 900001, "customer `number` of the operator")
	return cmd
}

func (p *Program) runBust(cmd *cobra.Command, a *access, text, reason string) error {
	id, err := client.ParseExecutionID(text)
	if err != nil {
		return usagef(cmd, "%s", err)
	}
	c, err := a.login(cmd.Context(), p)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // always nil
	busted, err := c.Bust(cmd.Context(), id, reason)
	if err != nil {
		return fmt.Errorf("bust %s: %w", id, bustAdvice(err))
	}
	_, err = fmt.Fprint(p.Stdout, terminal.BustedText(busted))
	return err
}

// bustAdvice adds advice to the error of a bust.
func bustAdvice(err error) error {
	var refused *client.Error
	if !errors.As(err, &refused) {
		return terminal.Advise(err)
	}
	switch {
	case refused.Reason == client.ReasonBustBlocked && len(refused.Blocking) > 0:
		return fmt.Errorf("%w: bust %s first", err, refused.Blocking[len(refused.Blocking)-1])
	case refused.Reason == client.ReasonUnknownExecution:
		return fmt.Errorf("%w: the customer's \"history\" lists the ids", err)
	}
	return terminal.Advise(err)
}
