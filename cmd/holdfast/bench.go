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
)

const benchLong = `bench starts the servers it compares one after the other, each in a process of
its own on one core with GOMAXPROCS=1, and loads them from the other core. Servers
take turns in every round; tables show the median and range over the rounds.`

const benchExample = `  holdfast bench all --out results/today    everything, in one folder
  holdfast bench all --quick                the same, small: does all of it work here?
  holdfast bench compare --workloads submit --connections 1000 --depths 1,16
  holdfast bench response --servers reactor,readwriter-sql
  holdfast bench flame --out flames`

// benchFlags are the flags of the bench commands. Each command takes those that
// it needs.
type benchFlags struct {
	// every measurement
	rounds   int
	duration time.Duration
	warmup   time.Duration
	quick    bool
	servers  []string // only these; empty: all

	// compare
	workloads   []string
	connections []int
	depths      []int

	// response
	workload      string
	clients       []int
	intervalTexts []string
	intervals     []load.Interval

	// where results go
	json    string // a file
	out     string // a folder
	command string // as typed, for the page
}

func newBenchCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "measure the server beside other designs and libraries",
		Long: benchLong, Example: benchExample, Args: knownCommand, RunE: showHelp,
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

// bench is a set of servers in the making: where they listen, what they read.
type bench struct {
	*benchFlags
	p        *Program
	self     string // this program
	addr     string // where every server listens, one at a time
	admin    string // its metrics and pprof
	dir      string // seed file, programs that were built, data; removed at the end
	seedFile string
	accounts loadFlags // who can log in, and what can be traded
}

// withBench runs one command of bench with a seed of so many customers.
func (p *Program) withBench(ctx context.Context, o *benchFlags, customers int, run func(context.Context, *bench) error) (err error) {
	b := &bench{benchFlags: o, p: p}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.addr, b.admin, err = freeAddresses(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "holdfast-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := os.Mkdir(b.dataFolder(), 0o755); err != nil {
		return err
	}
	if err := b.makeSeed(ctx, customers); err != nil {
		return err
	}
	return run(ctx, b)
}

// freeAddresses picks two ports below those that the system gives to clients, so
// that none of the load's own connections can take them between two runs.
func freeAddresses() (first, second string, err error) {
	var free []string
	for port := 20_000 + os.Getpid()%5_000; port < 32_000 && len(free) < 2; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			free = append(free, l.Addr().String())
			if err := l.Close(); err != nil {
				return "", "", err
			}
		}
	}
	if len(free) < 2 {
		return "", "", errors.New("no two free ports between 20000 and 32000: end what listens there")
	}
	return free[0], free[1], nil
}

// makeSeed writes a seed with an account for each connection.
func (b *bench) makeSeed(ctx context.Context, customers int) error {
	b.seedFile = filepath.Join(b.dir, "seed.json")
	cmd := exec.CommandContext(ctx, b.self, "seed", "--customers", fmt.Sprint(customers), "--instruments", "20", "--out", b.seedFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the seed of the bench: %w: %s", err, out)
	}
	b.accounts = loadFlags{seedFile: b.seedFile, tokens: b.seedFile + ".tokens"}
	b.accounts.Workload = load.Orders
	return b.accounts.fillAccounts()
}

// serve is a holdfast server with a data folder of its own for each run. It is
// killed when the run is over: a drain would only take time.
func (b *bench) serve(name string, flags ...string) load.Server {
	cmd := []string{
		b.self, "serve", "--listen", b.addr, "--admin", b.admin, "--event-loops", "1",
		"--throwaway", "--log-level", "error", "--seed-file", b.seedFile,
	}
	return load.Server{
		Name: name, Cmd: append(cmd, flags...), Addr: b.addr, Env: []string{"TMPDIR=" + b.dataFolder()},
		Mallocs: mallocsAt(b.admin), Disposable: true, Ready: b.ready,
	}
}

// dataFolder is where servers make their throwaway folders.
func (b *bench) dataFolder() string { return filepath.Join(b.dir, "data") }

// ready succeeds when the server accepts connections. Then it removes what the
// killed ones before have left: all but the newest data folder, which is the
// server's own.
func (b *bench) ready(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	return removeAllButNewest(b.dataFolder())
}

// removeAllButNewest removes the folders in dir that were made before the last.
func removeAllButNewest(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var newest string
	var when time.Time
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.ModTime().After(when) {
			newest, when = entry.Name(), info.ModTime()
		}
	}
	for _, entry := range entries {
		if entry.Name() != newest {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
