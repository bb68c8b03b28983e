package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

const benchCompareLong = `compare runs the same loads against this server, against the same business code
on a goroutine for each connection, and against libraries and a plain C server
that only answer.

Workloads: submit (no business work), orders (durable), positions (reads), push
(ten sessions to an account), idle (memory of a connection; with the most
connections only).

Servers: c, gnet, netpoll, nbio, zinx, reactor, reactor-loop, textbook, buffered,
pooled, readwriter, readwriter-sql (the replaced design: one SQL transaction for
each order).`

const benchCompareExample = `  holdfast bench compare --out results/today
  holdfast bench compare --quick
  holdfast bench compare --workloads submit --connections 1000 --depths 1,16 --rounds 5
  holdfast bench compare --workloads orders --servers reactor,readwriter-sql --json orders.json`

func newBenchCompareCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "compare", Short: "rate, CPU, memory and latency beside other designs and libraries",
		Long: benchCompareLong, Example: benchCompareExample, Args: noArgs,
	}
	o.addRuns(cmd.Flags())
	o.addCompare(cmd.Flags())
	o.addOutput(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return p.withBench(cmd.Context(), &o, slices.Max(o.connections), func(ctx context.Context, b *bench) error {
			folder, err := o.openFolder()
			if err != nil {
				return err
			}
			plans, notes := b.comparePlans(ctx)
			b.announce(plans)
			return b.compare(ctx, folder, plans, notes)
		})
	}
	return cmd
}

// addCompare adds the flags of what is compared.
func (o *benchFlags) addCompare(f *pflag.FlagSet) {
	f.StringSliceVar(&o.workloads, "workloads", benchWorkloadNames(), "workloads")
	f.IntSliceVar(&o.connections, "connections", []int{10, 100, 1000, 10_000}, "numbers of connections")
	f.IntSliceVar(&o.depths, "depths", []int{1, 16}, "requests open at once on a connection")
	f.StringSliceVar(&o.servers, "servers", nil, "only these servers; empty: all")
}

// comparePlans are the comparisons that were asked for and have servers.
func (b *bench) comparePlans(ctx context.Context) (plans []benchPlan, notes []string) {
	var names []string
	asked := slices.DeleteFunc(benchWorkloads(), func(w benchWorkload) bool { return !w.isAsked(b.workloads) })
	for _, w := range asked {
		names = append(names, w.servers...)
	}
	pool, notes := b.makePool(ctx, names)
	for _, w := range asked {
		if servers := pool.pick(w.servers); len(servers) > 0 {
			plans = append(plans, b.newBenchPlan(w.name, servers, b.cells(w)))
		}
	}
	return plans, notes
}

// cells are the loads of a workload: every number of connections at every depth.
func (b *bench) cells(w benchWorkload) []load.Cell {
	connections, depths := b.connections, b.depths
	if w.idle {
		connections, depths = []int{slices.Max(connections)}, []int{1}
	}
	var cells []load.Cell
	for _, n := range connections {
		for _, depth := range depths {
			o := load.Options{
				Workload: w.load, Connections: n, Depth: depth, Warmup: b.warmup, Duration: b.duration,
			}
			if w.logsIn {
				o.Accounts, o.Instruments = b.accounts.Accounts, b.accounts.Instruments
			}
			cells = append(cells, load.Cell{Name: w.cellName(n), Options: o})
		}
	}
	return cells
}

// compare runs the plans, keeps what there is after every round, and prints it.
func (b *bench) compare(ctx context.Context, folder report.Folder, plans []benchPlan, notes []string) error {
	if len(plans) == 0 {
		return errors.New("none of --servers can take part in --workloads" + strings.Join(append([]string{""}, notes...), "; "))
	}
	result := &report.Compare{Environment: b.environment(ctx), Notes: notes}
	keep := func() error { return errors.Join(writeJSON(b.json, result), folder.SaveCompare(result)) }
	var err error
	for _, plan := range plans {
		err = b.measure(ctx, plan, func(c *load.Comparison) error {
			result.Set(plan.name, c)
			return keep()
		})
		if err != nil {
			break
		}
	}
	result.Complete = err == nil
	_, _ = b.p.Stdout.Write(result.AppendText(nil))
	return errors.Join(err, keep())
}
