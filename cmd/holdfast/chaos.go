package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/chaos"
	"holdfast/perf/report"
)

const chaosLong = `chaos starts servers of its own, does them harm, and compares what clients were
told with what is there afterwards. It prints its seed first and a verdict last;
the exit code is 1 when a promise was broken.`

const chaosExample = `  holdfast chaos list                        the faults, one a line
  holdfast chaos kill --help                 what has to hold
  holdfast chaos kill --rounds 20
  holdfast chaos kill --seed 42              a run with the seed of another
  holdfast chaos all --quick                 every fault, small
  holdfast chaos all --out results/chaos     every fault, with a page of results`

// errBroken ends chaos with the code for failure: the verdict says the rest.
var errBroken = errors.New("a promise was broken")

// chaosFlags are the flags of the chaos commands.
type chaosFlags struct {
	seed         uint64
	rounds, size int
	quick        bool
	out          string
	only         []string
	command      string // as typed
}

func newChaosCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "chaos", Short: "try faults and attacks on servers, and say whether the promises held",
		Long: chaosLong, Example: chaosExample, Args: knownCommand, RunE: showHelp,
	}
	cmd.AddCommand(newChaosAllCommand(p), newChaosListCommand(p))
	for _, f := range chaos.Faults() {
		cmd.AddCommand(newChaosFaultCommand(p, f))
	}
	return cmd
}

func newChaosListCommand(p *Program) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "the faults and what they need", Args: noArgs,
		Example: "  holdfast chaos list",
		RunE: func(*cobra.Command, []string) error {
			p.listFault("ID", "NAME", "WHAT IS DONE", "NEEDS")
			for _, f := range chaos.Faults() {
				p.listFault(f.ID, f.Name, f.Short, f.NeedsText())
			}
			fmt.Fprint(p.Stdout, "\nWhat has to hold: holdfast chaos NAME --help\n")
			return nil
		},
	}
}

// listFault writes a line of the list.
func (p *Program) listFault(id, name, short, needs string) {
	line := fmt.Sprintf("%-2s  %-11s  %-*s  %s", id, name, chaos.MaxShort, short, needs)
	fmt.Fprintln(p.Stdout, strings.TrimRight(line, " "))
}

func newChaosFaultCommand(p *Program, f chaos.Fault) *cobra.Command {
	var o chaosFlags
	cmd := &cobra.Command{
		Use: f.Name, Short: f.Short, Args: noArgs,
		Long:    "What is done: " + f.HowText() + ".\n\nWhat has to hold (" + f.ID + "): " + f.Promise + ".",
		Example: "  holdfast chaos " + f.Name + "\n  holdfast chaos " + f.Name + " --seed 42 --out verdict.json",
	}
	o.addSeed(cmd)
	cmd.Flags().IntVar(&o.rounds, "rounds", f.Long.Rounds, "rounds")
	cmd.Flags().IntVar(&o.size, "size", f.Long.Size, "how much in each: connections, orders, bytes")
	cmd.Flags().StringVar(&o.out, "out", "", "write the verdict as JSON to this `file`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.rounds < 0 || o.size < 0 {
			return usagef(cmd, "--rounds and --size must not be below 0")
		}
		o.pickSeed(cmd)
		o.command = commandLine(cmd)
		v, err := p.runFault(cmd.Context(), f, &o)
		if v != nil && o.out != "" {
			err = errors.Join(err, chaos.WriteJSON(o.out, v))
		}
		if err == nil && !v.Held {
			err = errBroken
		}
		return err
	}
	return cmd
}

func (o *chaosFlags) addSeed(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&o.seed, "seed", 0, "random seed; unset: a new one")
}

// pickSeed sets the seed where the command line has none.
func (o *chaosFlags) pickSeed(cmd *cobra.Command) {
	if !cmd.Flags().Changed("seed") {
		o.seed = rand.Uint64N(1e9)
	}
}

// runFault makes one run and writes its verdict.
func (p *Program) runFault(ctx context.Context, f chaos.Fault, o *chaosFlags) (*chaos.Verdict, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &chaos.Run{
		Program: []string{self}, Seed: o.seed, Rounds: o.rounds, Size: o.size,
		Out: p.Stderr, Terminal: isTerminal(p.Stderr),
	}
	v, err := chaos.Execute(ctx, f, r)
	if v != nil {
		fmt.Fprint(p.Stdout, v)
		v.Command = o.command
	}
	return v, err
}

func newChaosAllCommand(p *Program) *cobra.Command {
	var o chaosFlags
	cmd := &cobra.Command{
		Use: "all", Short: "every fault, one after the other, with a page of results", Args: noArgs,
		Long: `all tries every fault that this machine can, in the order of the list. A fault that
needs what is not there is left out and named. Ctrl-C keeps what was found.`,
		Example: "  holdfast chaos all --quick\n  holdfast chaos all --out results/chaos\n  holdfast chaos all --only kill,fsync",
	}
	o.addSeed(cmd)
	cmd.Flags().BoolVar(&o.quick, "quick", false, "small runs, as every change has to stand")
	cmd.Flags().StringVar(&o.out, "out", "", "keep verdicts and a README.md in this `folder`")
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "only these faults; empty: all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkNames(cmd, "only", o.only, chaos.Names()); err != nil {
			return err
		}
		o.pickSeed(cmd)
		o.command = commandLine(cmd)
		return p.chaosAll(cmd.Context(), &o)
	}
	return cmd
}

// chaosAll runs the faults and keeps each verdict as soon as it is there.
func (p *Program) chaosAll(ctx context.Context, o *chaosFlags) error {
	environment := report.ReadEnvironment(os.TempDir())
	environment.Date, environment.Command = time.Now().UTC().Truncate(time.Second), o.command
	environment.Program = readVersion().String()
	if readVersion().revision == "" {
		environment.Program += sourceCommit(ctx)
	}
	results := chaos.Results{Environment: environment, Small: o.quick}
	var failed []string
	for _, f := range chaos.Wanted(o.only) {
		one := *o
		one.command = fmt.Sprintf("holdfast chaos %s --seed %d", f.Name, o.seed)
		if o.quick {
			one.rounds, one.size = f.Gate.Rounds, f.Gate.Size
			one.command += fmt.Sprintf(" --rounds %d --size %d", one.rounds, one.size)
		}
		v, err := p.runFault(ctx, f, &one)
		if err != nil {
			fmt.Fprintf(p.Stdout, "%s could not be tried: %s\n", f.ID, oneLine(err.Error()))
		}
		if err != nil && !errors.Is(err, chaos.ErrNeeds) || v != nil && !v.Held {
			failed = append(failed, f.Name)
		}
		results.Add(f, v, err)
		if err := results.Save(o.out); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%w or could not be tried: %s", errBroken, strings.Join(failed, ", "))
	}
	return nil
}
