package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/load"
	"holdfast/perf/load/rawgnet"
)

const benchLong = `bench starts the servers it compares one after the other, each in a process of
its own on one core with GOMAXPROCS=1, loads them from the other core, and prints
median, range and ratio over interleaved rounds.`

const benchExample = `  holdfast bench submit             replies without business work, beside bare gnet
  holdfast bench orders             durable orders with their pushes
  holdfast bench idle               memory of a logged-in session
  holdfast bench submit --quick     seconds instead of minutes
  holdfast bench orders --rounds 5 --json orders.json`

// benchFlags are the flags of the bench commands.
type benchFlags struct {
	rounds   int
	duration time.Duration
	warmup   time.Duration
	quick    bool
	json     string
}

func newBenchCommand(p *Program) *cobra.Command {
	var o benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "measure the server beside a reference",
		Long: benchLong, Example: benchExample, Args: knownCommand, RunE: showHelp,
	}
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "measured time of each run")
	f.DurationVar(&o.warmup, "warmup", 2*time.Second, "time before it")
	f.BoolVar(&o.quick, "quick", false, "one short round with few connections: checks that all works")
	f.StringVar(&o.json, "json", "", "write all figures to this `file`")
	run := func(use, short string, plan func(*bench) (load.Plan, error)) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Short: short, Args: noArgs, Example: "  holdfast bench " + use + " --rounds 5",
			RunE: func(cmd *cobra.Command, _ []string) error { return p.bench(cmd.Context(), &o, plan) },
		})
	}
	run("submit", "replies without business work, on loop and lane, beside bare gnet", (*bench).submit)
	run("orders", "durable orders with their pushes, an account for each connection", (*bench).orders)
	run("idle", "resident memory of a logged-in session", (*bench).idle)
	cmd.AddCommand(newRawGnetCommand())
	return cmd
}

// newRawGnetCommand is the reference server, for bench itself.
func newRawGnetCommand() *cobra.Command {
	var listen string
	var loops int
	cmd := &cobra.Command{
		Use: "rawgnet", Short: "run the reference server: gnet and nothing else", Args: noArgs,
		Example: "  holdfast bench rawgnet --listen 127.0.0.1:8888",
		RunE:    func(cmd *cobra.Command, _ []string) error { return rawgnet.Run(cmd.Context(), listen, loops) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8888", "`host:port`")
	cmd.Flags().IntVar(&loops, "event-loops", 1, "event loops")
	return cmd
}

// bench is one comparison in the making.
type bench struct {
	*benchFlags
	self     string // this program
	addr     string
	dir      string // seed file and data, removed at the end
	seedFile string
	accounts loadFlags
}

func (p *Program) bench(ctx context.Context, o *benchFlags, plan func(*bench) (load.Plan, error)) (err error) {
	if o.quick {
		o.rounds, o.duration, o.warmup = 1, 500*time.Millisecond, 200*time.Millisecond
	}
	b := &bench{benchFlags: o}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.addr, err = freeAddress(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "holdfast-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	all, err := plan(b)
	if err != nil {
		return err
	}
	all.Rounds, all.Progress = o.rounds, p.Stderr
	result, err := load.Compare(ctx, all)
	if result != nil {
		fmt.Fprintln(p.Stdout, result)
	}
	return errors.Join(err, writeJSON(o.json, result))
}

// freeAddress picks a port below those that the system gives to clients, so that
// none of the load's own connections can take it between two runs.
func freeAddress() (string, error) {
	for port := 20_000 + os.Getpid()%5_000; port < 32_000; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", errors.New("no free port between 20000 and 32000")
}

// serve is a holdfast server with a data folder of its own for each run.
func (b *bench) serve(name string, flags ...string) load.Server {
	cmd := []string{
		b.self, "serve", "--listen", b.addr, "--admin", "127.0.0.1:0", "--event-loops", "1",
		"--throwaway", "--log-level", "error",
	}
	if b.seedFile != "" {
		cmd = append(cmd, "--seed-file", b.seedFile)
	}
	return load.Server{Name: name, Cmd: append(cmd, flags...), Addr: b.addr}
}

func (b *bench) cells(workload load.Workload, sizes ...[2]int) []load.Cell {
	if b.quick {
		sizes = sizes[:1]
	}
	var cells []load.Cell
	for _, size := range sizes {
		connections, depth := size[0], size[1]
		if b.quick {
			connections = min(connections, 50)
		}
		cells = append(cells, load.Cell{Options: load.Options{
			Workload: workload, Connections: connections, Depth: depth,
			Warmup: b.warmup, Duration: b.duration,
			Accounts: b.accounts.Accounts, Instruments: b.accounts.Instruments,
		}})
	}
	return cells
}

func (b *bench) submit() (load.Plan, error) {
	raw := load.Server{Name: "raw gnet", Cmd: []string{b.self, "bench", "rawgnet", "--listen", b.addr}, Addr: b.addr}
	return load.Plan{
		Servers: []load.Server{raw, b.serve("lane"), b.serve("loop", "--submit-on-loop")},
		Cells:   b.cells(load.Submit, [2]int{1000, 16}, [2]int{1000, 1}, [2]int{10_000, 1}),
	}, nil
}

func (b *bench) orders() (load.Plan, error) {
	if err := b.makeSeed(); err != nil {
		return load.Plan{}, err
	}
	return load.Plan{
		Servers: []load.Server{b.serve("holdfast")},
		Cells:   b.cells(load.Orders, [2]int{1000, 16}, [2]int{10_000, 1}),
	}, nil
}

func (b *bench) idle() (load.Plan, error) {
	if err := b.makeSeed(); err != nil {
		return load.Plan{}, err
	}
	return load.Plan{
		Servers: []load.Server{b.serve("holdfast")},
		Cells:   b.cells(load.Idle, [2]int{10_000, 1}),
	}, nil
}

// makeSeed writes a seed with an account for each connection.
func (b *bench) makeSeed() error {
	b.seedFile = filepath.Join(b.dir, "seed.json")
	tokens := b.seedFile + ".tokens"
	customers := "10000"
	if b.quick {
		customers = "50"
	}
	cmd := exec.Command(b.self, "seed", "--customers", customers, "--instruments", "20", "--out", b.seedFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	b.accounts = loadFlags{seedFile: b.seedFile, tokens: tokens}
	b.accounts.Workload = load.Orders
	return b.accounts.fillAccounts()
}
