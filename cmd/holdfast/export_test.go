package main

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"holdfast/biz/cluster"
	"holdfast/biz/scenario"
	"holdfast/cmd/holdfast/backup"
	"holdfast/cmd/holdfast/doctor"
	"holdfast/cmd/holdfast/inspect"
	"holdfast/cmd/holdfast/submit"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/chaos"
	"holdfast/perf/conformance"
	"holdfast/perf/load"
)

// RunMain is the program itself.
var RunMain = main

// WithSignals lets the tests send signals.
var WithSignals = withSignals

// VersionText is the version line of a build.
func VersionText(build *debug.BuildInfo) string {
	text, _ := versionOf(build)
	return text
}

// Report lets the tests end a program with an error of their choice.
func (p *Program) Report(ctx context.Context, err error) int {
	return p.execute(ctx, func(context.Context) error { return err })
}

// ExactArgs lets the tests check arguments of another command.
var ExactArgs = exactArgs

// PrintConfig runs another command, which loads the configuration and prints
// it, and returns the exit code.
func (p *Program) PrintConfig(ctx context.Context) int {
	cmd := &cobra.Command{Use: "print", SilenceErrors: true, SilenceUsage: true}
	addConfigFlags(cmd)
	cmd.SetArgs(p.Args)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.loadConfig(cmd)
		if err != nil {
			return err
		}
		return p.printConfig(c)
	}
	return p.execute(ctx, cmd.ExecuteContext)
}

// Styled lets the tests look at coloured text.
func (p *Program) Styled(text string) string { return p.style()(terminal.Red, text) }

// JSONObjects are the objects that commands print with --json, by their names in docs/commands.md. The
// events of client and chat are checked in the package terminal.
func JSONObjects() map[string]any {
	return map[string]any{
		"account show": accountView{}, "submit event": submit.Event{}, "submit summary": submit.Summary{}, "load": load.Report{},
		"doctor": doctor.Report{}, "health": health{}, "backup and restore": backup.Report{}, "journal verify": inspect.Verified{},
		"journal stats": inspect.Stats{}, "journal dump": inspect.Record{}, "conformance": conformance.Report{},
		"scenario": scenario.Report{}, "scenario --list": scenarioLine{}, "chaos": chaos.Verdict{}, "chaos list": faultLine{},
		"script check": scriptLine{}, "seed": seedResult{}, "cluster status": cluster.Status{}, "cluster copy": clusterCopied{}, "user": userResult{}, "user list": user{}, "version": versionInfo{},
	}
}

// Commands returns the tree of all commands, without running any.
func Commands() *cobra.Command { return newRootCommand(new(Program)) }
