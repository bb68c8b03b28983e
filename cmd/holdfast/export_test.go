package main

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/terminal"
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

// Commands returns the tree of all commands, without running any.
func Commands() *cobra.Command { return newRootCommand(new(Program)) }
