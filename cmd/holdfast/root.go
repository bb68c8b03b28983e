package main

import (
	"io"

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
	}
	root.SetIn(p.Stdin)
	root.SetOut(quiet{p.Stdout})
	root.SetErr(p.Stderr)
	root.SetVersionTemplate("holdfast {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newAccountCommand(p),
		newAuditCommand(p),
		newBackupCommand(p),
		newBenchCommand(p),
		newBustCommand(p),
		newChaosCommand(p),
		newChatCommand(p),
		newClientCommand(p),
		newClusterCommand(p),
		newConformanceCommand(p),
		newCorrectCommand(p),
		newDemoCommand(p),
		newDoctorCommand(p),
		newExportCommand(p),
		newFIXCommand(p),
		newHealthCommand(p),
		newJournalCommand(p),
		newLoadCommand(p),
		newMarketCommand(p),
		newOrderCommand(p),
		newReloadCommand(p),
		newRestoreCommand(p),
		newScenarioCommand(p),
		newScriptCommand(p),
		newSeedCommand(p),
		newServeCommand(p),
		newSessionCommand(p),
		newSubmitCommand(p),
		newUserCommand(p),
		newVersionCommand(p),
		newWatchCommand(p),
	)
	adoptDefaults(root)
	return root
}

// quiet reports no errors: cobra would print them, and Program reports them anyway.
type quiet struct{ w io.Writer }

// Write implements io.Writer.
func (q quiet) Write(b []byte) (int, error) {
	_, _ = q.w.Write(b)
	return len(b), nil
}

// showHelp shows the help when the subcommand is missing.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// subcommandOnly returns an error for an unknown command and suggests the nearest one.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef(cmd, "unknown command %q%s", args[0], suggestion(cmd, args[0]))
}
