package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/bench"
	"holdfast/perf/load"
	"holdfast/perf/outfile"
)

const loadLong = `load loads a running server with many connections from one event loop and checks every
reply. Latency counts from the moment at which a request was due.

Workloads: submit and heartbeat (no login), positions (requests the position list
again and again), orders (one account per connection, market orders, every push
checked), resting (limit orders that rest, and their cancels, in turn), push (several sessions per account: one trades, all get its pushes), idle
(logs in and waits), half-open (half of a WebSocket handshake, then nothing; the server
ends it after its --handshake-time, 5 s by default), chat (what one says, all must get once
and in the same order; latency is that of the deliveries), broadcast (subscribes to quotes,
which serve makes with --price-moves; latency is until the last connection has a quote).

It ends with code 1 if there were errors: replies that are missing or wrong, lost connections.
--max-errors allows some. Refusals, such as of an order for too little cash, are no errors: the
report counts them by their result. Ctrl-C ends it early, with a report of what was measured.

Connections are spread over the addresses of --addr, if there are several.

Dialects: packet, tlv, chat (for the workload chat), websocket (binary), websocket-json,
websocket-mixed (half of the connections each), fix (orders, push, heartbeat, idle), websocket-echo (a WebSocket server that
sends each message back, or in the workload chat to all).`

const loadExample = `  holdfast load --connections 1000 --depth 16
  holdfast load --workload orders --connections 100 --rate 5000
  holdfast load --workload orders --connections 100 --interval 1s-2s
  holdfast load --json | jq .latency_us.p99
  holdfast load --connections 5000 --max-errors 10
  holdfast load --addr trading.example:8888 --tls-ca ca.pem --connections 1000 --depth 16
  holdfast load --workload push --connections 100 --sessions-per-account 10
  holdfast load --dialect websocket-json --addr 127.0.0.1:8891 --workload orders
  holdfast load --dialect fix --addr 127.0.0.1:8893 --workload orders --connections 50 --depth 20
  holdfast load --dialect chat --addr 127.0.0.1:8892 --workload chat --connections 2000 --rate 8000
  holdfast load --dialect websocket --addr 127.0.0.1:8891 --workload half-open --connections 10000 --duration 2s
  holdfast seed --customers 10000 --out load.json
  holdfast serve --seed-file load.json --data load-data
  holdfast load --workload orders --seed-file load.json --tokens load.json.tokens --connections 10000`

// workloads lists load.Workloads for people.
const workloads = "submit, heartbeat, positions, orders, resting, push, idle, half-open, chat or broadcast"

// dialects lists load.Dialects for people.
const dialects = "packet, tlv, chat, websocket, websocket-json, websocket-mixed, fix or websocket-echo"

// loadFlags are the flags of "holdfast load".
type loadFlags struct {
	load.Options
	encryption encryption
	seedFile   string
	tokens     string
	json       string
	allowed    int // errors with which the command still succeeds
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
	o.encryption.add(f)
	f.Var(newDialect(&o.Dialect), "dialect", dialects)
	f.StringVar(&o.Path, "path", "", "`path` of the WebSocket handshake; empty: /ws, with websocket-echo /echo or /chat")
	f.Var(newWorkload(&o.Workload), "workload", workloads)
	f.Var(newWhole(&o.Connections, 100, 1, load.MaxConnections), "connections", "number of connections")
	f.Var(newWhole(&o.Depth, 1, 1, load.MaxDepth), "depth", "requests in flight on a connection")
	f.Var(newNumber(&o.Rate, 0, 0, load.MaxRate), "rate", "requests a second on a fixed schedule; 0: as fast as replies arrive, in the workload chat one a second from each connection")
	f.Var(newInterval(&o.Interval), "interval", "pause `time` of a connection between its last reply and its next requests, such as 1s-2s or 100ms")
	f.Var(newWhole(&o.SessionsPerAccount, 10, 1, load.MaxConnections), "sessions-per-account", "connections that share an account in the workload push; one of them trades")
	f.Var(newDuration(&o.Warmup, time.Second, 0), "warmup", "time before the measurement")
	f.Var(newDuration(&o.Duration, 10*time.Second, brief), "duration", "time of the measurement")
	f.Var(newWhole(&o.ServerPID, 0, 1, math.MaxInt32), "server-pid", "process `id` of the server, to measure its CPU time and memory")
	f.BoolVar(&o.CountSyscalls, "count-syscalls", false, "also count the system calls of that process (needs root)")
	f.StringVar(&o.seedFile, "seed-file", "", "the server's seed `file`; empty: the demo seed")
	f.StringVar(&o.tokens, "tokens", "", "token `file` of that seed; empty: the published tokens")
	f.Var(newWhole(&o.allowed, 0, 0, math.MaxInt32), "max-errors", "how many errors are allowed; more than that, and more than 100, end the run early")
	addReport(f, &o.json)
	return cmd
}

func (p *Program) load(cmd *cobra.Command, o *loadFlags) error {
	if o.Interval.Max > 0 && o.Rate > 0 {
		return usagef(cmd, "--interval and --rate exclude each other")
	}
	if o.NeedsAccounts() || o.Workload == load.Idle {
		s, err := host.LoadSeed(o.seedFile)
		if err != nil {
			return err
		}
		if o.Accounts, o.Instruments, err = bench.ReadAccounts(s, o.tokens); err != nil {
			return tokensError(o.tokens, err)
		}
		if len(o.Accounts) == 0 {
			return &config.Error{Origin: cmp.Or(o.tokens, o.seedFile), Problem: "has no customer who can log in and trade"}
		}
		o.RestPrices = bench.RestPrices(s)
	}
	if o.Workload == load.Chat && !cmd.Flags().Changed("depth") {
		o.Depth = 0 // the default of load
	}
	if o.CountSyscalls && o.ServerPID == 0 {
		return usagef(cmd, "--count-syscalls needs --server-pid")
	}
	if err := outfile.Check(o.json, p.Stdout); err != nil {
		return err
	}
	encrypted, err := o.encryption.config()
	if err != nil {
		return err
	}
	o.TLS = encrypted
	o.Progress, o.MaxErrors = p.Stderr, max(o.allowed, defaultMaxErrors)
	measured, err := load.Run(cmd.Context(), o.Options)
	if measured != nil {
		if err != nil {
			measured.Ended = load.Explain(err)
		}
		p.showLoad(o.json, measured)
		if err := p.writeReport(o.json, measured); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(p.Stderr, "holdfast: %s\n", load.Explain(err))
		return err
	case errors.Is(err, load.ErrOptions):
		return usagef(cmd, "%s", load.Explain(err))
	case err != nil:
		return fmt.Errorf("%s: %s", o.Addr, load.Explain(err))
	case measured.ErrorCount() > uint64(o.allowed):
		return fmt.Errorf("%s: %s; the report has samples; --max-errors allows some", o.Addr, counted(int(measured.ErrorCount()), "error"))
	}
	return nil
}

// showLoad prints a report for people, with the errors in red.
func (p *Program) showLoad(file string, measured *load.Report) {
	text, w := measured.String(), p.textBeside(file)
	if measured.ErrorCount() > 0 && w == p.Stdout {
		for line := range strings.Lines(measured.String()) {
			if strings.HasPrefix(line, "errors ") {
				text = strings.Replace(text, line, p.style()(terminal.Red, strings.TrimSuffix(line, "\n"))+"\n", 1)
			}
		}
	}
	fmt.Fprintln(w, text)
}

// defaultMaxErrors is how many errors end a run early, if no more are allowed.
const defaultMaxErrors = 100

// tokensError returns the error for a token file that cannot be used because of err.
func tokensError(file string, err error) error {
	if errors.Is(err, seed.ErrBadTokens) {
		return &config.Error{Origin: file, Problem: err.Error()}
	}
	return config.Unreadable(file, err)
}

// newWorkload returns the value of a flag for a workload.
func newWorkload(field *load.Workload) pflag.Value {
	return newChecked(field, load.Submit, "string", func(text string) (load.Workload, error) {
		if w := load.Workload(text); slices.Contains(load.Workloads(), w) {
			return w, nil
		}
		return "", errors.New("wants " + workloads)
	})
}

// newDialect returns the value of a flag for a dialect.
func newDialect(field *load.Dialect) pflag.Value {
	return newChecked(field, load.DialectPacket, "string", func(text string) (load.Dialect, error) {
		if d := load.Dialect(text); slices.Contains(load.Dialects(), d) {
			return d, nil
		}
		return "", errors.New("wants " + dialects)
	})
}

// newInterval returns the value of a flag for a pause.
func newInterval(field *load.Interval) pflag.Value {
	return newChecked(field, load.Interval{}, "string", parseInterval)
}

func parseInterval(text string) (load.Interval, error) {
	interval, err := load.ParseInterval(text)
	if err != nil || text == "" || interval.Max > longest {
		return load.Interval{}, errors.New("wants a pause such as 1s-2s (the shorter first), 100ms or none")
	}
	return interval, nil
}
