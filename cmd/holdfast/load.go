package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/seed"
	"holdfast/perf/load"
)

const loadLong = `load drives a running server with many connections from one event loop and
checks every reply. Latency is counted from the moment a request was meant to
go out.

The workloads: submit and heartbeat (no login), positions (ask for the position
list over and over), orders (an account for each connection, market orders, every
push checked), push (several sessions on each account: one trades, all get its
pushes), idle (log in and hold).`

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
		Use: "load", Short: "drive a server with many connections and measure it",
		Long: loadLong, Example: loadExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.load(cmd, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8888", "server `host:port`")
	f.StringVar(&o.workload, "workload", "submit", workloads)
	f.IntVar(&o.Connections, "connections", 100, "connections")
	f.IntVar(&o.Depth, "depth", 1, "requests open at once on a connection")
	f.Float64Var(&o.Rate, "rate", 0, "requests a second on a fixed schedule; 0: as fast as replies come")
	f.StringVar(&o.interval, "interval", "none", "think `time` of a connection between its last reply and its next requests, such as 1s-2s or 100ms")
	f.IntVar(&o.SessionsPerAccount, "sessions-per-account", 10, "push: connections that share an account, of which one trades")
	f.DurationVar(&o.Warmup, "warmup", time.Second, "time before the measurement")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "time of the measurement")
	f.IntVar(&o.ServerPID, "server-pid", 0, "process whose CPU time and memory are measured")
	f.BoolVar(&o.CountSyscalls, "count-syscalls", false, "count the system calls of that process, too (as root)")
	f.StringVar(&o.seedFile, "seed-file", "", "the server's seed `file`; empty: the shipped one")
	f.StringVar(&o.tokens, "tokens", "", "token `file` of that seed; empty: the published tokens")
	f.StringVar(&o.json, "json", "", "write the report to this `file`")
	return cmd
}

func (p *Program) load(cmd *cobra.Command, o *loadFlags) error {
	if err := o.choose(cmd); err != nil {
		return err
	}
	if err := o.fillAccounts(); err != nil {
		return err
	}
	o.Progress = p.Stderr
	report, err := load.Run(cmd.Context(), o.Options)
	if report != nil {
		fmt.Fprintln(p.Stdout, report)
	}
	if err != nil {
		return fmt.Errorf("%s", load.Explain(err))
	}
	return writeJSON(o.json, report)
}

// choose takes over the flags that have a form of their own.
func (o *loadFlags) choose(cmd *cobra.Command) (err error) {
	o.Workload = load.Workload(o.workload)
	if !slices.Contains(load.Workloads(), o.Workload) {
		return usagef(cmd, "--workload %q is not %s", o.workload, workloads)
	}
	if o.Interval, err = load.ParseInterval(o.interval); err != nil {
		return usagef(cmd, "--interval %q is not like 1s-2s (the shorter first), 100ms or none", o.interval)
	}
	if o.Interval.Max > 0 && o.Rate > 0 {
		return usagef(cmd, "--interval and --rate exclude each other")
	}
	if o.SessionsPerAccount < 1 {
		return usagef(cmd, "--sessions-per-account %d is not 1 or more", o.SessionsPerAccount)
	}
	return nil
}

// fillAccounts reads who can log in and what can be traded.
func (o *loadFlags) fillAccounts() error {
	if !o.Workload.NeedsAccounts() && o.Workload != load.Idle {
		return nil
	}
	s, err := loadSeed(o.seedFile)
	if err != nil {
		return err
	}
	for i := range s.Instruments {
		o.Instruments = append(o.Instruments, [2]string{s.Instruments[i].Market, s.Instruments[i].Code})
	}
	if o.tokens == "" {
		for i := range s.Customers {
			if c := &s.Customers[i]; !c.Operator() {
				o.Accounts = append(o.Accounts, load.Account{Customer: uint32(c.Number), Token: seed.DemoToken(c.Number)})
			}
		}
		return nil
	}
	file, err := os.Open(o.tokens)
	if err != nil {
		return err
	}
	defer file.Close()
	tokens, err := seed.ReadTokens(file)
	for _, t := range tokens {
		if t.Customer != seed.Operator {
			o.Accounts = append(o.Accounts, load.Account{Customer: uint32(t.Customer), Token: t.Token})
		}
	}
	return err
}

// loadSeed reads a seed file, or the shipped one where path is empty.
func loadSeed(path string) (*seed.Seed, error) {
	if path == "" {
		return seed.Default()
	}
	return seed.Load(path)
}

// writeJSON writes v to a file, unless path is empty.
func writeJSON(path string, v any) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
