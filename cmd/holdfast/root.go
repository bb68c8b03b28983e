package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const rootLong = `holdfast is a trading-simulation server on an event loop. Customers hold accounts and
place orders. An execution is on disk before it is acknowledged, and is pushed to all
clients of the customer. The program also contains the clients, the scenario runner
and the load generator.`

const rootExample = `  holdfast demo                            a server, ten clients and a report, in one command
  holdfast serve --listen 127.0.0.1:8888   only the server
  holdfast serve --print-config            every setting, its value and where it came from
  holdfast <command> --help                flags and examples of a command`

// newRootCommand returns the complete command tree for one run of p.
func newRootCommand(p *Program) *cobra.Command {
	root := &cobra.Command{
		Use:           "holdfast",
		Short:         "trading-simulation server, clients and benchmarks",
		Long:          rootLong,
		Example:       rootExample,
		Version:       version(),
		Args:          subcommandOnly,
		RunE:          showHelp,
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetVersionTemplate("holdfast {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newBenchCommand(p),
		newBustCommand(p),
		newChaosCommand(p),
		newClientCommand(p),
		newDemoCommand(p),
		newDoctorCommand(p),
		newJournalCommand(p),
		newLoadCommand(p),
		newScenarioCommand(p),
		newSeedCommand(p),
		newServeCommand(p),
		newSubmitCommand(p),
		newVersionCommand(p),
	)
	return root
}

// showHelp shows the help when the subcommand is missing.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// subcommandOnly returns an error for an unknown command and suggests the nearest one.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return usagef(cmd, "unknown command %q%s", args[0], hint)
}
