package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/chaos"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
	"holdfast/perf/table"
)

const chaosLong = `chaos starts servers, tries faults and attacks on them, and compares what clients
received with what the servers have afterwards. It prints its seed first and a
verdict last. The exit code is 1 if a promise was broken.

An ID such as D1 names a promise. D: durability, C: connections and clients,
P: protocol, X: overload and memory, S: security,
K: clusters; results/2026-11-20-faults lists them.`

const chaosExample = `  holdfast chaos list                        the faults, one per line
  holdfast chaos kill --help                 what must hold
  holdfast chaos kill --rounds 20
  holdfast chaos kill --seed 42              repeats a run with its seed
  holdfast chaos all --quick                 every fault, in small runs
  holdfast chaos all --out results/chaos     every fault, with a page of results`

// errBroken ends chaos with the code for failure; the verdict has the details.
var errBroken = errors.New("a promise was broken")

// chaosFlags are the flags of the chaos commands.
type chaosFlags struct {
	seed         uint64
	rounds, size int
	quick        bool
	out          string
	json         bool // a verdict per line
	only         []string
	command      string // as typed
}

func newChaosCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "chaos", Short: "try faults and attacks on servers, and report whether the promises held",
		Long: chaosLong, Example: chaosExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newChaosAllCommand(p), newChaosListCommand(p))
	for _, f := range chaos.Faults() {
		cmd.AddCommand(newChaosFaultCommand(p, f))
	}
	return cmd
}

func newChaosListCommand(p *Program) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the faults and what they need", Args: noArgs,
		Example: "  holdfast chaos list\n  holdfast chaos list --json",
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return p.listFaultsJSON()
			}
			t := table.Table{Head: []string{"ID", "NAME", "WHAT IS DONE", "NEEDS"}, Align: "l"}
			for _, f := range chaos.Faults() {
				t.Add(f.ID, f.Name, f.Short, f.NeedsText())
			}
			fmt.Fprintf(p.Stdout, "%s\nWhat must hold: holdfast chaos NAME --help\n", t.AppendText(nil))
			return nil
		},
	}
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

// faultLine is a fault of the list as a line of JSON.
type faultLine struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	About string `json:"about"`
	Needs string `json:"needs,omitempty"`
}

func (p *Program) listFaultsJSON() error {
	for _, f := range chaos.Faults() {
		if err := p.printJSON(faultLine{f.ID, f.Name, f.Short, f.NeedsText()}); err != nil {
			return err
		}
	}
	return nil
}

func newChaosFaultCommand(p *Program, f chaos.Fault) *cobra.Command {
	var o chaosFlags
	cmd := &cobra.Command{
		Use: f.Name, Short: f.Short, Args: noArgs,
		Long:    "What is done: " + f.HowText() + ".\n\nWhat must hold (" + f.ID + "): " + f.Promise + ".",
		Example: "  holdfast chaos " + f.Name + "\n  holdfast chaos " + f.Name + " --seed 42 --out verdict.json",
	}
	o.addSeed(cmd)
	cmd.Flags().Var(newSize(&o.rounds, f.Long.Rounds), "rounds", cmp.Or(f.RoundsHelp, "not used by this fault"))
	cmd.Flags().Var(newSize(&o.size, f.Long.Size), "size", cmp.Or(f.SizeHelp, "not used by this fault"))
	cmd.Flags().Var(newOutFile(&o.out, ""), "out", "write the verdict as JSON to this `file`; -: to the standard output")
	addJSON(cmd.Flags(), &o.json)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := outfile.Check(o.out, p.Stdout); err != nil {
			return err
		}
		o.pickSeed(cmd)
		o.command = commandLine(cmd)
		v, err := p.runFault(cmd.Context(), f, &o)
		if v != nil {
			err = errors.Join(err, report.WriteJSON(o.out, p.Stdout, v))
		}
		if err == nil && !v.Held {
			err = errBroken
		}
		return err
	}
	return cmd
}

func (o *chaosFlags) addSeed(cmd *cobra.Command) {
	cmd.Flags().Var(newWhole(&o.seed, 0, 0, math.MaxUint64), "seed", "random seed; unset: a new one")
}

// newSize returns the value of a flag for how much a fault does; initial 0 means that the
// fault does not use it.
func newSize(field *int, initial int) pflag.Value {
	return newWhole(field, initial, min(initial, 1), math.MaxInt32)
}

// pickSeed chooses a seed if the command line has none.
func (o *chaosFlags) pickSeed(cmd *cobra.Command) {
	if !cmd.Flags().Changed("seed") {
		o.seed = rand.Uint64N(1e9)
	}
}

// runFault runs one fault and prints its verdict.
func (p *Program) runFault(ctx context.Context, f chaos.Fault, o *chaosFlags) (*chaos.Verdict, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &chaos.Run{
		Program: []string{self}, Seed: o.seed, Rounds: o.rounds, Size: o.size,
		Out: p.Stderr,
	}
	v, err := chaos.Execute(ctx, f, r)
	if v != nil {
		v.Command = o.command
		if !o.json {
			fmt.Fprint(p.textBeside(o.out), v)
			return v, err
		}
		fmt.Fprint(p.Stderr, v)
		err = errors.Join(err, p.printJSON(v))
	}
	return v, err
}

func newChaosAllCommand(p *Program) *cobra.Command {
	var o chaosFlags
	cmd := &cobra.Command{
		Use: "all", Short: "try every fault, one after the other, and write a page of results", Args: noArgs,
		Long: `all tries every fault that this machine can run, in the order of the list. It skips
and names a fault whose needs are missing. Ctrl-C keeps the results so far.`,
		Example: "  holdfast chaos all --quick\n  holdfast chaos all --out results/chaos\n  holdfast chaos all --only kill,fsync",
	}
	o.addSeed(cmd)
	cmd.Flags().BoolVar(&o.quick, "quick", false, "small runs, as in the tests")
	cmd.Flags().Var(newOutFolder(&o.out), "out", "write verdicts and a README.md to this `folder`")
	addJSON(cmd.Flags(), &o.json)
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

// chaosAll runs the faults one by one and saves the results after each.
func (p *Program) chaosAll(ctx context.Context, o *chaosFlags) error {
	results := chaos.Results{Environment: environment(ctx, o.command), Small: o.quick}
	if err := results.Save(o.out); err != nil {
		return err
	}
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
			w := p.Stdout
			if o.json {
				w = p.Stderr
			}
			fmt.Fprintf(w, "%s could not be tried: %s\n", f.ID, terminal.OneLine(err.Error()))
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
		return fmt.Errorf("%w, or a fault could not be tried: %s", errBroken, strings.Join(failed, ", "))
	}
	return nil
}
