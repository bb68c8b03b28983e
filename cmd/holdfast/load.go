package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/host"
	"holdfast/perf/bench"
	"holdfast/perf/load"
	"holdfast/perf/report"
)

const loadLong = `load loads a running server with many connections from one event loop and checks every
reply. Latency counts from the moment at which a request was due.

Workloads: submit and heartbeat (no login), positions (requests the position list
again and again), orders (one account per connection, market orders, every push
checked), push (several sessions per account: one trades, all get its pushes), idle
(logs in and waits).`

const loadExample = `  holdfast load --connections 1000 --depth 16
  holdfast load --workload orders --connections 100 --rate 5000
  holdfast load --workload orders --connections 100 --interval 1s-2s
  holdfast load --workload push --connections 100 --sessions-per-account 10
  holdfast seed --customers 10000 --out load.json
  holdfast serve --seed-file load.json --data load-data
  holdfast load --workload orders --seed-file load.json --tokens load.json.tokens --connections 10000`

// workloads lists load.Workloads for people.
const workloads = "submit, heartbeat, positions, orders, push or idle"

// loadFlags are the flags of "holdfast load".
type loadFlags struct {
	load.Options
	workload string
	interval string
	seedFile string
	tokens   string
	json     string
}

func newLoadCommand(p *Program) *cobra.Command {
	var o loadFlags
	cmd := &cobra.Command{
		Use: "load", Short: "load a server with many connections and measure it",
		Long: loadLong, Example: loadExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.load(cmd, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	addAddr(f, &o.Addr)
	f.StringVar(&o.workload, "workload", "submit", workloads)
	f.IntVar(&o.Connections, "connections", 100, "number of connections")
	f.IntVar(&o.Depth, "depth", 1, "requests in flight on a connection")
	f.Float64Var(&o.Rate, "rate", 0, "requests a second on a fixed schedule; 0: as fast as replies arrive")
	f.StringVar(&o.interval, "interval", "none", "pause `time` of a connection between its last reply and its next requests, such as 1s-2s or 100ms")
	f.IntVar(&o.SessionsPerAccount, "sessions-per-account", 10, "connections that share an account in the workload push; one of them trades")
	f.DurationVar(&o.Warmup, "warmup", time.Second, "time before the measurement")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "time of the measurement")
	f.IntVar(&o.ServerPID, "server-pid", 0, "process `id` of the server, to measure its CPU time and memory")
	f.BoolVar(&o.CountSyscalls, "count-syscalls", false, "also count the system calls of that process (needs root)")
	f.StringVar(&o.seedFile, "seed-file", "", "the server's seed `file`; empty: the demo seed")
	f.StringVar(&o.tokens, "tokens", "", "token `file` of that seed; empty: the published tokens")
	addReport(f, &o.json)
	return cmd
}

func (p *Program) load(cmd *cobra.Command, o *loadFlags) error {
	if err := o.choose(cmd); err != nil {
		return err
	}
	if o.Workload.NeedsAccounts() || o.Workload == load.Idle {
		s, err := host.LoadSeed(o.seedFile)
		if err != nil {
			return err
		}
		if o.Accounts, o.Instruments, err = bench.ReadAccounts(s, o.tokens); err != nil {
			return err
		}
	}
	o.Progress = p.Stderr
	measured, err := load.Run(cmd.Context(), o.Options)
	if measured != nil {
		fmt.Fprintln(p.Stdout, measured)
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(p.Stderr, "holdfast: %s\n", load.Explain(err))
		return err
	case err != nil:
		return fmt.Errorf("%s: %s", o.Addr, load.Explain(err))
	}
	return report.WriteJSON(o.json, measured)
}

// choose checks the flags and parses their texts.
func (o *loadFlags) choose(cmd *cobra.Command) (err error) {
	o.Workload = load.Workload(o.workload)
	if !slices.Contains(load.Workloads(), o.Workload) {
		return usagef(cmd, "--workload %q is not %s", o.workload, workloads)
	}
	if o.Interval, err = load.ParseInterval(o.interval); err != nil {
		return usagef(cmd, "--interval %q is not a pause such as 1s-2s (the shorter first), 100ms or none", o.interval)
	}
	if o.Interval.Max > 0 && o.Rate > 0 {
		return usagef(cmd, "--interval and --rate exclude each other")
	}
	if o.SessionsPerAccount < 1 {
		return usagef(cmd, "--sessions-per-account %d is below 1", o.SessionsPerAccount)
	}
	return nil
}
