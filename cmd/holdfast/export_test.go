package main

import (
	"context"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// RunMain is the program itself.
var RunMain = main

// WithSignals lets the tests send signals.
var WithSignals = withSignals

// LimitsOf lets the tests see what becomes of settings.
var LimitsOf = limitsOf

// OnLoopback lets the tests check addresses that they do not listen on.
var OnLoopback = onLoopback

// VersionText is the version line of a build.
func VersionText(build *debug.BuildInfo) string { return versionOf(build).String() }

// Report lets the tests end a program with an error of their choice.
func (p *Program) Report(ctx context.Context, err error) int {
	p.fillStreams()
	return p.report(ctx, err)
}

// ExactArgs lets the tests check arguments of a command of their own.
var ExactArgs = exactArgs

// PrintConfig runs a command of its own that loads the configuration and prints
// it, and gives the exit code.
func (p *Program) PrintConfig(ctx context.Context) int {
	p.fillStreams()
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
	return p.report(ctx, cmd.ExecuteContext(ctx))
}

// Styled lets the tests look at coloured text.
func (p *Program) Styled(text string) string { return p.styled(p.Stdout, styleRed, text) }

// DrawProgress draws a bar for each of done and gives what a terminal gets.
func DrawProgress(total int, done ...int) string {
	var out strings.Builder
	bar := &progressBar{w: &out, what: "customers"}
	for _, d := range done {
		bar.show(d, total)
	}
	bar.close()
	return out.String()
}
