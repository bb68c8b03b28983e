package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const rootLong = `holdfast is a trading-simulation server on an event-loop reactor: accounts,
orders and executions that are on disk before they are acknowledged, pushed to
every client of the customer. The same program holds the clients, the scenario
runner and the load generator.`

const rootExample = `  holdfast demo                            a server, ten clients and a report, in one command
  holdfast serve --listen 127.0.0.1:8888   the server alone
  holdfast serve --print-config            every setting, its value and where it came from
  holdfast <command> --help                flags and examples of a command`

// newRootCommand builds the whole command tree for one run of p.
func newRootCommand(p *Program) *cobra.Command {
	root := &cobra.Command{
		Use:           "holdfast",
		Short:         "trading-simulation server, clients and benchmarks",
		Long:          rootLong,
		Example:       rootExample,
		Version:       readVersion().String(),
		Args:          knownCommand,
		RunE:          showHelp,
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetVersionTemplate("holdfast {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd, "%s", err)
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands(p)...)
	return root
}

// showHelp answers "holdfast" without a command.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// knownCommand refuses a first word that is no command and names the nearest one.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return usagef(cmd, "unknown command %q%s", args[0], hint)
}
