package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast/biz/seed"
	"holdfast/perf/load"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
)

// Options says what is measured, with which program, and where results go. Each function
// uses only the fields it needs.
type Options struct {
	Program        string    // path of holdfast, which also contains the bare gnet server
	Stdout, Stderr io.Writer // results; progress
	// Environment returns where and how this is measured.
	Environment func(context.Context) report.Environment

	// Every measurement.
	Rounds   int
	Duration time.Duration // measured time of a run
	Warmup   time.Duration
	Quick    bool     // smaller profiles; the caller sets the other options of a quick run
	Servers  []string // only these; empty: all

	// Compare.
	Workloads   []string
	Connections []int
	Depths      []int // requests in flight on a connection

	// Response.
	Workload  string // orders or submit
	Clients   []int
	Intervals []load.Interval

	Loads []string // of Flame

	// All.
	Parts  []string
	Refill bool // Out may hold results

	JSON string // file for all figures, "-": Stdout; "": no file
	Out  string // folder for results; "": not saved; required for All and Flame
}

// bench is one measurement: where its servers listen and which files they read.
type bench struct {
	*Options
	addr        string // every server listens here, one at a time
	admin       string // its metrics and pprof
	other       string // its listener of another dialect
	dir         string // seed file, built programs, data; removed at the end
	accounts    []load.Account
	instruments [][2]string
}

// start runs a measurement with a seed of that many customers.
func start(o *Options, customers int, measure func(*bench) error) (err error) {
	b := &bench{Options: o}
	free, err := freeAddresses(3)
	if err != nil {
		return err
	}
	b.addr, b.admin, b.other = free[0], free[1], free[2]
	if b.dir, err = os.MkdirTemp("", "holdfast-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := os.Mkdir(b.dataFolder(), 0o755); err != nil {
		return err
	}
	if err := b.makeSeed(customers); err != nil {
		return fmt.Errorf("generate the seed of the bench: %w", err)
	}
	return measure(b)
}

// freeAddresses picks n ports below those that the system assigns to clients, so that
// no connection of the load can take them between two runs. Processes with neighbouring
// ids start at different ports.
func freeAddresses(n int) (free []string, err error) {
	for port := 20_000 + os.Getpid()%2_500*4; port < 32_000 && len(free) < n; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			free = append(free, l.Addr().String())
			if err := l.Close(); err != nil {
				return nil, err
			}
		}
	}
	if len(free) < n {
		return nil, fmt.Errorf("no %d free ports between 20000 and 32000: stop programs that listen there", n)
	}
	return free, nil
}

func (b *bench) seedFile() string { return filepath.Join(b.dir, "seed.json") }

// dataFolder is where the servers create their throwaway folders.
func (b *bench) dataFolder() string { return filepath.Join(b.dir, "data") }

// makeSeed writes a seed with that many customers, and reads their accounts.
func (b *bench) makeSeed(customers int) error {
	o := seed.Options{Customers: customers, Instruments: 20, Random: 1}
	tokensFile := b.seedFile() + ".tokens"
	for name, generate := range map[string]func(io.Writer, seed.Options) error{b.seedFile(): seed.Generate, tokensFile: seed.GenerateTokens} {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		if err := errors.Join(generate(f, o), f.Close()); err != nil {
			return err
		}
	}
	s, err := seed.Load(b.seedFile())
	if err == nil {
		b.accounts, b.instruments, err = ReadAccounts(s, tokensFile)
	}
	return err
}

// ReadAccounts returns the accounts and instruments of a seed. Tokens come from
// tokensFile; if that is empty, they are the published demo tokens.
func ReadAccounts(s *seed.Seed, tokensFile string) (accounts []load.Account, instruments [][2]string, err error) {
	for i := range s.Instruments {
		instruments = append(instruments, [2]string{s.Instruments[i].Market, s.Instruments[i].Code})
	}
	if tokensFile == "" {
		for i := range s.Customers {
			if c := &s.Customers[i]; c.Role == seed.RoleCustomer {
				accounts = append(accounts, load.Account{Customer: uint32(c.Number), Token: seed.DemoToken(c.Number)})
			}
		}
		return accounts, instruments, nil
	}
	file, err := os.Open(tokensFile)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	tokens, err := seed.ReadTokens(file)
	for _, t := range tokens {
		if t.Customer != seed.Operator {
			accounts = append(accounts, load.Account{Customer: uint32(t.Customer), Token: t.Token})
		}
	}
	return accounts, instruments, err
}

// RestPrices returns for each instrument of a seed a price 5 % below the first one, at which a buy
// rests.
func RestPrices(s *seed.Seed) (prices []int64) {
	for i := range s.Instruments {
		in := &s.Instruments[i]
		steps := in.Last / in.Tick
		prices = append(prices, int64(in.Tick*max(1, steps-max(1, steps/20))))
	}
	return prices
}

// wants reports whether Servers includes a server; an empty list includes all.
func (o *Options) wants(server string) bool {
	return len(o.Servers) == 0 || slices.Contains(o.Servers, server)
}

// writeJSON writes all figures to the file JSON. The figures of an unfinished measurement go
// only to a file that later figures replace.
func (o *Options) writeJSON(figures any, finished bool) error {
	if !finished && outfile.IsStream(o.JSON, o.Stdout) {
		return nil
	}
	return report.WriteJSON(o.JSON, o.Stdout, figures)
}

// writeTables writes tables to Stdout, or to Stderr if JSON goes to Stdout.
func (o *Options) writeTables(text []byte) error {
	w := o.Stdout
	if outfile.IsStdout(o.JSON, o.Stdout) {
		w = o.Stderr
	}
	_, err := w.Write(text)
	return err
}

// openFolder opens the folder for results; without Out nothing is saved.
func (o *Options) openFolder() (report.Folder, error) {
	if o.Out == "" {
		return report.Folder{}, nil
	}
	return report.OpenFolder(o.Out)
}
