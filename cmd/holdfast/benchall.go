package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/report"
)

const benchAllLong = `all measures everything there is to measure and keeps it in one folder: bench
compare, bench response for orders, bench flame, and a README.md with
the machine, the tables and the charts.

What was measured is kept after every round, so Ctrl-C loses little. --only makes
some of the parts again in a folder that has others.`

const benchAllExample = `  holdfast bench all --out results/today
  holdfast bench all --quick
  holdfast bench all --out results/today --only flame`

// benchParts are what "bench all" does, in this order.
func benchParts() []string { return []string{"compare", "response", "flame"} }

func newBenchAllCommand(p *Program) *cobra.Command {
	var o benchFlags
	var only []string
	cmd := &cobra.Command{
		Use: "all", Short: "everything, into one folder with charts and a page",
		Long: benchAllLong, Example: benchAllExample, Args: noArgs,
	}
	f := cmd.Flags()
	o.addRuns(f)
	o.addCompare(f)
	o.addResponse(f)
	f.StringSliceVar(&only, "only", benchParts(), "parts to measure")
	f.StringVar(&o.out, "out", "", "keep all in this `folder`; empty: a new one, holdfast-results-TIME")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := checkNames(cmd, "only", only, benchParts()); err != nil {
			return err
		}
		folder, err := o.openResults(cmd)
		if err != nil {
			return err
		}
		most := max(slices.Max(o.connections), slices.Max(o.clients))
		return p.withBench(cmd.Context(), &o, most, func(ctx context.Context, b *bench) error {
			err := b.all(ctx, folder, only)
			fmt.Fprintf(p.Stdout, "results are in %s\n", filepath.Join(o.out, "README.md"))
			return err
		})
	}
	return cmd
}

// openResults opens the folder of all results. One that has some is refused
// unless parts of it are to be made again.
func (o *benchFlags) openResults(cmd *cobra.Command) (report.Folder, error) {
	if o.out == "" {
		o.out = "holdfast-results-" + time.Now().Format("20060102-150405")
	}
	folder, err := o.openFolder()
	if err != nil {
		return folder, err
	}
	empty, err := folder.Empty()
	if err == nil && !empty && !cmd.Flags().Changed("only") {
		return folder, fmt.Errorf("%s is not empty: choose another --out, or name with --only what to measure again", o.out)
	}
	return folder, err
}

// all measures the parts one after the other.
func (b *bench) all(ctx context.Context, folder report.Folder, only []string) error {
	if err := folder.SaveEnvironment(b.environment(ctx)); err != nil {
		return err
	}
	var compare, response, flame []benchPlan
	var notes []string
	if slices.Contains(only, "compare") {
		compare, notes = b.comparePlans(ctx)
	}
	if slices.Contains(only, "response") {
		response = b.responsePlans(ctx)
	}
	if slices.Contains(only, "flame") {
		flame = b.flamePlans(ctx)
	}
	b.announce(slices.Concat(compare, response, flame))
	if len(compare) > 0 {
		if err := b.compare(ctx, folder, compare, notes); err != nil {
			return err
		}
	}
	for _, plan := range response {
		if err := b.response(ctx, folder, plan); err != nil {
			return err
		}
	}
	if len(flame) == 0 {
		return nil
	}
	result, err := b.flame(ctx, folder.Flame())
	if result != nil {
		fmt.Fprint(b.p.Stdout, result)
	}
	return errors.Join(err, folder.SavePage())
}

// flamePlans are for the announcement only.
func (b *bench) flamePlans(ctx context.Context) []benchPlan {
	var plans []benchPlan
	for _, l := range b.flameLoads(ctx, flameWindow) {
		plans = append(plans, benchPlan{l.name, l.plan})
	}
	return plans
}

// responsePlans has the plan of orders, unless --servers leaves none of its servers.
func (b *bench) responsePlans(ctx context.Context) []benchPlan {
	names := slices.DeleteFunc(responseServers("orders"), func(name string) bool { return !b.wants(name) })
	if len(names) == 0 {
		return nil
	}
	return []benchPlan{b.responsePlan(ctx, "orders", names)}
}
