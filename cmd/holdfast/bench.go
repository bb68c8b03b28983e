package main

import (
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/seed"
	"holdfast/perf/bench"
	"holdfast/perf/load"
	"holdfast/perf/load/rawgnet"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
)

const benchLong = `bench compares this server with other designs and libraries. It starts the servers
one after the other, each as a separate process on one core with GOMAXPROCS=1, and
loads them from the other core. Every round runs all servers; tables show the median
and range over the rounds.`

const benchExample = `  holdfast bench all --out results/today    everything, in one folder
  holdfast bench all --quick                the same with short runs, to see that it works
  holdfast bench compare --workloads submit --connections 1000 --depths 1,16
  holdfast bench response --servers reactor,readwriter-sql
  holdfast bench flame --out flames`

// benchFlags are the flags of the bench commands. Each command adds those that it needs.
type benchFlags struct {
	bench.Options
	intervals []string // as written
}

func newBenchCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "compare the server with other designs and libraries",
		Long: benchLong, Example: benchExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(
		newBenchAllCommand(p),
		newBenchCompareCommand(p),
		newBenchResponseCommand(p),
		newBenchFlameCommand(p),
		newBenchGnetCommand(),
	)
	return cmd
}

// run runs measure with servers that are this program.
func (o *benchFlags) run(cmd *cobra.Command, p *Program, measure func(context.Context, bench.Options) error) (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return err
	}
	if err := outfile.Check(o.JSON, p.Stdout); err != nil {
		return err
	}
	command := commandLine(cmd)
	o.Environment = func(ctx context.Context) report.Environment { return environment(ctx, command) }
	o.Stdout, o.Stderr = p.Stdout, p.Stderr
	return measure(cmd.Context(), o.Options)
}

// addRuns adds the flags for number and length of the runs.
func (o *benchFlags) addRuns(f *pflag.FlagSet) {
	f.SortFlags = false
	f.Var(newWhole(&o.Rounds, 3, 1, math.MaxInt32), "rounds", "rounds of each measurement")
	f.Var(newDuration(&o.Duration, 2*time.Second, brief), "duration", "measured time of each run")
	f.Var(newDuration(&o.Warmup, 500*time.Millisecond, 0), "warmup", "time before the measurement of each run")
	f.BoolVar(&o.Quick, "quick", false, "one short round with few connections, to see that everything works")
}

// addCompare adds the flags for what is compared.
func (o *benchFlags) addCompare(f *pflag.FlagSet) {
	f.StringSliceVar(&o.Workloads, "workloads", bench.Workloads(), "workloads to run")
	f.Var(newWholes(&o.Connections, []int{10, 100, 1000, 10_000}, 1, seed.MaxGeneratedCustomers), "connections", "numbers of connections")
	f.Var(newWholes(&o.Depths, []int{1, 16}, 1, load.MaxDepth), "depths", "requests in flight on a connection")
	f.StringSliceVar(&o.Servers, "servers", nil, "only these servers; empty: all")
}

// addResponse adds the flags for the matrix of response times.
func (o *benchFlags) addResponse(f *pflag.FlagSet) {
	f.Var(newWholes(&o.Clients, []int{10, 20, 50, 100, 500, 1000, 5000, 10_000}, 1, seed.MaxGeneratedCustomers), "clients", "numbers of clients")
	f.StringSliceVar(&o.intervals, "intervals", []string{"1s-2s", "500ms-1s", "100ms-200ms", "none"}, "pauses of a client between requests")
}

// addOutput adds the flags for where results go.
func (o *benchFlags) addOutput(f *pflag.FlagSet) {
	addReport(f, &o.JSON)
	f.Var(newOutFolder(&o.Out), "out", "write figures, tables, charts and a page to this `folder`")
}

// check applies --quick and returns an error for flags that cannot be measured.
func (o *benchFlags) check(cmd *cobra.Command) error {
	if o.Quick {
		if err := makeQuick(cmd.Flags()); err != nil {
			return err
		}
	}
	if cmd.Flags().Lookup("workloads") != nil {
		if err := checkSome(cmd, "workloads", o.Workloads, bench.Workloads()); err != nil {
			return err
		}
	}
	if err := checkNames(cmd, "servers", o.Servers, bench.Servers(bench.Workloads()...)); err != nil {
		return err
	}
	if cmd.Flags().Lookup("intervals") != nil && len(o.intervals) == 0 {
		return usagef(cmd, `--intervals wants at least one pause such as 1s-2s, got ""`)
	}
	for _, text := range o.intervals {
		interval, err := parseInterval(text)
		if err != nil {
			return usagef(cmd, "--intervals %s, got %q", err, text)
		}
		o.Intervals = append(o.Intervals, interval)
	}
	return nil
}

// makeQuick sets the flags of a short run, except those on the command line.
func makeQuick(flags *pflag.FlagSet) error {
	for name, value := range map[string]string{
		"rounds": "1", "duration": "200ms", "warmup": "50ms", "connections": "50", "clients": "10,50", "intervals": "20ms-40ms,none",
	} {
		if f := flags.Lookup(name); f != nil && !f.Changed {
			if err := f.Value.Set(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSome is checkNames for a list that must not be empty.
func checkSome(cmd *cobra.Command, flag string, given, allowed []string) error {
	if len(given) == 0 {
		return usagef(cmd, `--%s wants at least one of %s, got ""`, flag, strings.Join(allowed, ", "))
	}
	return checkNames(cmd, flag, given, allowed)
}

// checkNames returns an error for a name that is not allowed.
func checkNames(cmd *cobra.Command, flag string, given, allowed []string) error {
	for _, name := range given {
		if !slices.Contains(allowed, name) {
			return usagef(cmd, "--%s %q is not one of %s", flag, name, strings.Join(allowed, ", "))
		}
	}
	return nil
}

const benchAllLong = `all runs bench compare, bench response for orders, and bench flame. It writes the
results to one folder, with a README.md that shows the machine, the tables and the
charts.

Results are written after every round, so Ctrl-C loses little. --only repeats some of
the parts in a folder that has the others.`

const benchAllExample = `  holdfast bench all --out results/today
  holdfast bench all --quick
  holdfast bench all --out results/today --only flame`

func newBenchAllCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "all", Short: "run all comparisons, into one folder with charts and a page",
		Long: benchAllLong, Example: benchAllExample, Args: noArgs,
	}
	f := cmd.Flags()
	o.addRuns(f)
	o.addCompare(f)
	o.addResponse(f)
	f.StringSliceVar(&o.Parts, "only", bench.Parts(), "parts to measure")
	f.Var(newOutFolder(&o.Out), "out", "write everything to this `folder`; empty: holdfast-results-TIME")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := checkSome(cmd, "only", o.Parts, bench.Parts()); err != nil {
			return err
		}
		o.Refill = f.Changed("only")
		if o.Out == "" {
			o.Out = "holdfast-results-" + time.Now().Format("20060102-150405")
		}
		return o.run(cmd, p, bench.All)
	}
	return cmd
}

const benchCompareLong = `compare runs the same loads against this server, against the same business code
with a goroutine per connection, and against servers on other libraries and one in
C, which only send replies.

Workloads: submit (no business work), orders (durable), positions (reads), push
(ten sessions per account), idle (memory per connection; runs only with the largest
number of connections), dialects (submit and orders over packet, tlv, WebSocket binary
and JSON), websocket (submit, memory of connections, of sessions and of half-open
handshakes), chat (up to 2,000 clients that each send 1, 2 or 4 messages a second to
all), broadcast (time until the last of all sessions has a quote), fix (orders over FIX
beside packet, up to 1,000 connections, and the memory of FIX sessions).

Servers: c, gnet, netpoll, nbio, zinx, reactor, reactor-loop, textbook, buffered,
pooled, readwriter, readwriter-sql (the former design: one SQL transaction per
order), coalescing (readwriter with one write for all messages that wait; for chat),
gorilla and nbiows (WebSocket libraries that send each message back, in a chat to all).
reactor-tlv, reactor-websocket, reactor-json, reactor-fix and reactor-mixed (half of the
connections binary, half JSON) are the reactor with that dialect. quickfix and
quickfix-memory are an executor on QuickFIX C++ that only reports each order, with its
store in files, without fsync, and in memory.`

const benchCompareExample = `  holdfast bench compare --out results/today
  holdfast bench compare --quick
  holdfast bench compare --workloads submit --connections 1000 --depths 1,16 --rounds 5
  holdfast bench compare --workloads fix --connections 1,50,1000 --depths 1,20
  holdfast bench compare --workloads chat --connections 2000 --duration 10s
  holdfast bench compare --workloads orders --servers reactor,readwriter-sql --json orders.json`

func newBenchCompareCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "compare", Short: "compare rate, CPU, memory and latency with other designs and libraries",
		Long: benchCompareLong, Example: benchCompareExample, Args: noArgs,
	}
	o.addRuns(cmd.Flags())
	o.addCompare(cmd.Flags())
	o.addOutput(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return o.run(cmd, p, bench.Compare)
	}
	return cmd
}

const benchResponseLong = `response measures how long clients wait for a reply, by the number of clients and by
the pause that each makes between two requests. It compares this server with the
former design (for orders: one SQL transaction each).

A run lasts --duration. With --duration 2s it lasts at least four pauses, and for
orders at least 1.5 ms per client; other durations scale these minimums.`

const benchResponseExample = `  holdfast bench response --out results/today
  holdfast bench response --workload submit --clients 100,1000 --intervals 1s-2s,none
  holdfast bench response --quick`

func newBenchResponseCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "response", Short: "measure response times by number of clients and request interval",
		Long: benchResponseLong, Example: benchResponseExample, Args: noArgs,
	}
	f := cmd.Flags()
	o.addRuns(f)
	f.Var(newOneOf(&o.Workload, "orders", bench.ResponseWorkloads()), "workload", "orders or submit")
	o.addResponse(f)
	f.StringSliceVar(&o.Servers, "servers", nil, "only these servers; empty: reactor and readwriter-sql, for submit reactor and readwriter")
	o.addOutput(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := checkNames(cmd, "servers", o.Servers, bench.Servers(o.Workload)); err != nil {
			return err
		}
		return o.run(cmd, p, bench.Response)
	}
	return cmd
}

const benchFlameLong = `flame profiles this server and the former design under the same loads, and shows where
their time goes: flame graphs of CPU and of allocations, the differences between the
two, and the share of each class of work.

A graph is one HTML file that needs no network: click to zoom, Ctrl-F to search.

A sample of a CPU profile is 10 ms of CPU time. A server with 100 clients that pause
has few samples, so its profile takes three times as long.`

const benchFlameExample = `  holdfast bench flame --out flames
  holdfast bench flame --loads orders-full,submit-full --duration 60s
  holdfast bench flame --quick`

func newBenchFlameCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "flame", Short: "draw flame graphs of this server and of the former design",
		Long: benchFlameLong, Example: benchFlameExample, Args: noArgs,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&o.Loads, "loads", bench.FlameLoads(), "loads to profile")
	f.Var(newDuration(&o.Duration, bench.FlameWindow, time.Second), "duration", "time of each profile, in whole seconds")
	f.BoolVar(&o.Quick, "quick", false, "one-second profiles with few connections, to see that everything works")
	f.Var(newOutFolder(&o.Out), "out", "`folder` for the files; empty: flame-DATE")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkSome(cmd, "loads", o.Loads, bench.FlameLoads()); err != nil {
			return err
		}
		if o.Out == "" {
			o.Out = time.Now().Format("flame-2006-01-02")
		}
		return o.run(cmd, p, bench.Flame)
	}
	return cmd
}

// newBenchGnetCommand returns the command of the gnet server that bench compares with;
// the servers of the other libraries are built from perf/peers.
func newBenchGnetCommand() *cobra.Command {
	var listen, stats string
	var loops int
	cmd := &cobra.Command{
		Use: "rawgnet", Short: "run a bare gnet server", Args: noArgs, Hidden: true,
		Example: "  holdfast bench rawgnet --listen 127.0.0.1:8888",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stats != "" {
				defer bench.ServeMallocs(stats)()
			}
			return rawgnet.Run(cmd.Context(), listen, loops)
		},
	}
	cmd.Flags().Var(newAddress(&listen, "127.0.0.1:8888"), "listen", "listen on this `host:port`")
	cmd.Flags().Var(newOptional(newAddress(&stats, "")), "stats", "serve the number of heap allocations on this `host:port`")
	cmd.Flags().Var(newWhole(&loops, 1, 1, 256), "event-loops", "event loops")
	return cmd
}
