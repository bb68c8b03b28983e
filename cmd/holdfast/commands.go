package main

import "github.com/spf13/cobra"

// commands lists the subcommands, one line and one file each, in the order of
// the alphabet.
func commands(p *Program) []*cobra.Command {
	return []*cobra.Command{
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
	}
}
