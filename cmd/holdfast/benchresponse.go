package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

const benchResponseLong = `response measures the time that clients wait, by their number and by the pause
that each makes between two requests: this server beside the design that it
replaces (for orders with one SQL transaction each).

A run lasts --duration, and longer with long pauses (four of them) and with many
clients that trade (1.5 ms for each), both when --duration is 2s.`

const benchResponseExample = `  holdfast bench response --out results/today
  holdfast bench response --workload submit --clients 100,1000 --intervals 1s-2s,none
  holdfast bench response --quick`

func newBenchResponseCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "response", Short: "response time by number of clients and request interval",
		Long: benchResponseLong, Example: benchResponseExample, Args: noArgs,
	}
	f := cmd.Flags()
	o.addRuns(f)
	f.StringVar(&o.workload, "workload", "orders", "orders or submit")
	o.addResponse(f)
	f.StringSliceVar(&o.servers, "servers", nil, "only these servers; empty: reactor and readwriter-sql, for submit reactor and readwriter")
	o.addOutput(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := o.checkResponse(cmd); err != nil {
			return err
		}
		return p.withBench(cmd.Context(), &o, slices.Max(o.clients), func(ctx context.Context, b *bench) error {
			folder, err := o.openFolder()
			if err != nil {
				return err
			}
			names := o.servers
			if len(names) == 0 {
				names = responseServers(o.workload)
			}
			plan := b.responsePlan(ctx, o.workload, names)
			b.announce([]benchPlan{plan})
			return b.response(ctx, folder, plan)
		})
	}
	return cmd
}

// addResponse adds the flags of the matrix.
func (o *benchFlags) addResponse(f *pflag.FlagSet) {
	f.IntSliceVar(&o.clients, "clients", []int{10, 20, 50, 100, 500, 1000, 5000, 10_000}, "numbers of clients")
	f.StringSliceVar(&o.intervalTexts, "intervals", []string{"1s-2s", "500ms-1s", "100ms-200ms", "none"}, "pauses of a client between requests")
}

// checkResponse refuses servers that don't know the workload.
func (o *benchFlags) checkResponse(cmd *cobra.Command) error {
	if err := checkNames(cmd, "workload", []string{o.workload}, []string{"orders", "submit"}); err != nil {
		return err
	}
	for _, w := range benchWorkloads() {
		if w.name == o.workload {
			return checkNames(cmd, "servers", o.servers, w.servers)
		}
	}
	return nil
}

// responseServers are compared unless --servers names others.
func responseServers(workload string) []string {
	if workload == string(load.Orders) {
		return []string{"reactor", "readwriter-sql"}
	}
	return []string{"reactor", benchBaseline}
}

// responsePlan has a cell for each number of clients under each interval.
func (b *bench) responsePlan(ctx context.Context, workload string, names []string) benchPlan {
	pool, _ := b.makePool(ctx, names)
	var cells []load.Cell
	for _, interval := range b.intervals {
		for _, clients := range b.clients {
			o := load.Options{
				Workload: load.Workload(workload), Connections: clients, Interval: interval,
				Warmup: max(b.warmup, interval.Max),
			}
			o.Duration = b.scaled(2 * (interval.Min + interval.Max)) // four mean intervals
			if o.Workload.NeedsAccounts() {
				o.Warmup = max(o.Warmup, b.scaled(time.Duration(clients)*responseTurn))
				o.Duration = max(o.Duration, b.scaled(time.Duration(clients)*3*responseTurn))
				o.Accounts, o.Instruments = b.accounts.Accounts, b.accounts.Instruments
			}
			cells = append(cells, load.Cell{Options: o})
		}
	}
	return b.newBenchPlan("response times of "+workload, pool.pick(names), cells)
}

// responseTurn is what a client adds to the length of a run of orders. Where a
// server makes every order durable on its own, all clients together wait for a
// few thousand a second. A run that is shorter than some turns of all of them
// would see the quick answers only.
const responseTurn = 500 * time.Microsecond

// scaled gives the measured time that is long enough for need when --duration is
// its default of two seconds, and shorter or longer with it; never below it.
func (b *bench) scaled(need time.Duration) time.Duration {
	return max(b.duration, time.Duration(float64(need)*b.duration.Seconds()/2))
}

// response runs the plan, keeps what there is after every round, and prints it.
func (b *bench) response(ctx context.Context, folder report.Folder, plan benchPlan) error {
	if len(plan.Servers) == 0 {
		return errors.New("none of the servers could be built here")
	}
	result := &report.Response{Environment: b.environment(ctx), Workload: string(plan.Cells[0].Options.Workload)}
	keep := func() error { return errors.Join(writeJSON(b.json, result), folder.SaveResponse(result)) }
	err := b.measure(ctx, plan, func(c *load.Comparison) error {
		result.Comparison = c
		return keep()
	})
	result.Complete = err == nil
	_, _ = b.p.Stdout.Write(result.AppendText(nil))
	return errors.Join(err, keep())
}
