package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
	"holdfast/biz/scenario/venue"
	"holdfast/biz/textfile"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
	"holdfast/perf/table"
)

const scenarioLong = `scenario runs clients that trade over TCP, as scenario files say. At every step it checks
that what a client shows, what the server pushed and what a new query returns agree, and are
as expected. Without names and files it runs ten clients on one server at the same time, for
all kinds of position changes, executions and busts, history, two sessions of one customer,
and refusals. "all" is the whole library.

Without --addr it starts servers with temporary data folders. On another server it trades on
customers numbered from --first; nobody else may trade on them meanwhile. Scenarios that need
a server for themselves, with a clock that they step or prices that they move, are skipped
there.

A scenario file has one statement in each line; what is expected of a step is indented below
it. Everything in upper case is what the server says.

  # A limit order rests, is executed in part, and the rest is cancelled.
  scenario "partial fills"
  server seed mainland clock stepped start 2026-01-05T09:30:00+08:00 depth 1000
  clients alice bob

  alice: buy 3000 601100 limit 9.90 as a1
    NEW leaves 3000
  operator: price 601100 9.90
    alice: expects execution of a1 1000 at 9.90
    alice: order a1 PARTIALLY_FILLED leaves 2000
  step 1m
  alice: cancel a1
    CANCELLED filled 1000
  alice: position 601100 1000 cost 9.90
  alice: buy 100 601100 limit 99.00
    REJECTED OUTSIDE_BAND

Mistakes are reported with file, line, and how the statement is written, before anything
starts. The scenarios of the library are examples of all statements: --list and --show. The
documentation of the package biz/scenario lists them.
The exit code is 1 if a step failed, 2 if a file has mistakes.`

const scenarioExample = `  holdfast scenario
  holdfast scenario --list
  holdfast scenario --show partial-fills
  holdfast scenario partial-fills cascade --verbose
  holdfast scenario all --json report.json
  holdfast scenario --file mine.scenario --file yours.scenario
  holdfast scenario --addr 127.0.0.1:8888 --repricing 10s
  holdfast scenario --addr 127.0.0.1:8888 --every 3s
  holdfast scenario --addr trading.example:8888 --tls-ca ca.pem`

// scenarioClients is how many customers trade without names and files.
const scenarioClients = 10

// scenarioFlags are the flags of "holdfast scenario".
type scenarioFlags struct {
	files      []string
	list       bool
	show       string
	addr       string
	first      uint32
	operator   uint32
	password   string
	repricing  time.Duration
	timeout    time.Duration
	every      time.Duration
	json       string
	verbose    bool
	encryption encryption
}

// repricingPatience is how long a server inside a command may take to move the price of
// a held instrument. At its rate of price moves it takes some seconds.
const repricingPatience = time.Minute

// simulated makes c the settings of a server inside a command: with its data in a folder, and
// simulated orders and prices.
func simulated(c *config.Config, folder string) *config.Config {
	c.Data, c.Simulate, c.PriceMoves = folder, 20, 10
	return c
}

func newScenarioCommand(p *Program) *cobra.Command {
	var o scenarioFlags
	cmd := &cobra.Command{
		Use: "scenario [NAME | FILE]...", Short: "run clients that check every step",
		Long: scenarioLong, Example: scenarioExample,
		RunE: func(cmd *cobra.Command, args []string) error { return p.runScenario(cmd, args, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.files, "file", nil, "scenario `FILE` to run; may be there several times")
	f.BoolVar(&o.list, "list", false, "list the scenarios of the library")
	f.StringVar(&o.show, "show", "", "print the scenario of the library with this `NAME`")
	f.Var(newOptional(newServerAddresses(&o.addr, "")), "addr", "server `host:port`, or ws://host:port/path"+severalAddresses+"; empty: start one")
	o.encryption.add(f)
	f.Var(newWhole(&o.first, uint32(scenario.DefaultFirstCustomer), firstCustomer, lastCustomer-scenarioClients+1), "first", "`number` of the first customer")
	f.Var(newWhole(&o.operator, uint32(scenario.DefaultOperator), firstCustomer, lastCustomer), "operator", "customer `number` of an operator")
	f.StringVar(&o.password, "password", "", "password of all these customers; empty: the published tokens")
	f.Var(newDuration(&o.repricing, 0, 0), "repricing", "longest wait for a price to move; 0 with --addr: no wait")
	f.Var(newDuration(&o.timeout, scenario.DefaultTimeout, brief), "timeout", "longest wait of each step")
	f.Var(newDuration(&o.every, 0, 0), "every", "repeat the ten clients on the server at --addr, slower and with this pause, until Ctrl-C; 0: once")
	addReport(f, &o.json)
	f.BoolVar(&o.verbose, "verbose", false, "print a line as each step ends")
	return cmd
}

func (p *Program) runScenario(cmd *cobra.Command, args []string, o *scenarioFlags) error {
	switch {
	case o.list:
		return p.listScenarios(o.json)
	case o.show != "":
		return p.showScenario(cmd, o.show)
	case o.every > 0 && (o.addr == "" || o.json != "" || len(args)+len(o.files) > 0):
		return usagef(cmd, "--every repeats the ten clients on a running server: it needs --addr, and excludes names, files and --json")
	case o.every > 0:
		return p.repeatScenario(cmd.Context(), o)
	}
	if err := outfile.Check(o.json, p.Stdout); err != nil {
		return err
	}
	encrypted, err := o.encryption.config()
	if err != nil {
		return err
	}
	if encrypted != nil && o.addr == "" {
		return usagef(cmd, "--tls, --tls-ca and --tls-cert are for a running server: name it with --addr")
	}
	scenarios, err := p.chosenScenarios(cmd, args, o)
	if err == nil {
		err = p.mistakes(scenario.Check(scenarios, scenario.Options{Instruments: venue.Instruments}))
	}
	if err != nil {
		return err
	}
	return p.playScenarios(cmd.Context(), scenarios, o, encrypted)
}

// chosenScenarios returns the scenarios that the command line names. An error comes before
// anything starts.
func (p *Program) chosenScenarios(cmd *cobra.Command, args []string, o *scenarioFlags) (list []*scenario.Scenario, err error) {
	library := scenario.Library()
	files := slices.Clone(o.files)
	for _, arg := range args {
		switch one := named(library, arg); {
		case strings.ContainsRune(arg, os.PathSeparator) || strings.HasSuffix(arg, scenario.Suffix):
			files = append(files, arg)
		case arg == "all":
			list = append(list, library...)
		case one == nil:
			return nil, unknownScenario(cmd, library, arg)
		default:
			list = append(list, one)
		}
	}
	if len(args)+len(files) == 0 {
		return scenario.Shared(), nil
	}
	var wrong []error
	for _, file := range files {
		s, err := readScenario(file)
		var mistakes scenario.Errors
		switch {
		case errors.As(err, &mistakes):
			wrong = append(wrong, err)
		case err != nil:
			return nil, err
		default:
			list = append(list, s)
		}
	}
	for i, s := range list {
		for _, other := range list[:i] {
			if other.Name == s.Name && wrong == nil {
				return nil, usagef(cmd, "%s and %s are both named %q: a report needs different names", other.File, s.File, s.Name)
			}
		}
	}
	return list, p.mistakes(errors.Join(wrong...))
}

// readScenario reads a scenario file. Mistakes in it are a scenario.Errors.
func readScenario(path string) (*scenario.Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, config.Unreadable(path, err)
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	text, err := io.ReadAll(io.LimitReader(f, scenario.MaxFileSize+1))
	if err != nil {
		return nil, config.Unreadable(path, err)
	}
	return scenario.Parse(path, text)
}

// mistakes prints the mistakes in scenario files, one in each line, and returns an error that
// counts them. Without mistakes it returns nil.
func (p *Program) mistakes(err error) error {
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	for _, l := range lines {
		fmt.Fprintln(p.Stderr, table.Escape(l))
	}
	if len(lines) == 1 {
		return &usageError{"nothing was started: a scenario file has a mistake"}
	}
	return &usageError{fmt.Sprintf("nothing was started: scenario files have %d mistakes", len(lines))}
}

// named returns the scenario with a name, or nil.
func named(library []*scenario.Scenario, name string) *scenario.Scenario {
	for _, s := range library {
		if s.Short() == name || s.Name == name {
			return s
		}
	}
	return nil
}

func unknownScenario(cmd *cobra.Command, library []*scenario.Scenario, name string) error {
	names := []string{"all"}
	for _, s := range library {
		names = append(names, s.Short())
	}
	return usagef(cmd, "the library has no scenario %q%s; \"--list\" lists them, --show prints one, and --file runs a file", name, textfile.Suggestion(name, names))
}

// scenarioLine is a scenario of the library as a line of JSON.
type scenarioLine struct {
	Name   string `json:"name"`
	Server string `json:"server"` // any, or its own
	About  string `json:"about"`  // the first sentence
}

// listScenarios prints the names of the library, and the first sentence about each; with the name
// of a file it writes that as lines of JSON.
func (p *Program) listScenarios(file string) error {
	t := table.Table{Head: []string{"NAME", "SERVER", "ABOUT"}, Align: "ll"}
	var lines []byte
	for _, s := range scenario.Library() {
		where := "any"
		if s.Server != nil {
			where = "its own"
		}
		about, _, _ := strings.Cut(strings.ReplaceAll(s.About, "\n", " "), ". ")
		about = strings.TrimSuffix(about, ".")
		t.Add(s.Short(), where, about)
		lines = append(lines, terminal.JSONLine(scenarioLine{s.Short(), where, about})...)
	}
	if file != "" {
		return outfile.WriteText(file, 0o644, p.Stdout, lines)
	}
	_, err := p.Stdout.Write(t.AppendText(nil))
	return err
}

func (p *Program) showScenario(cmd *cobra.Command, name string) error {
	library := scenario.Library()
	s := named(library, name)
	if s == nil {
		return unknownScenario(cmd, library, name)
	}
	_, err := io.WriteString(p.Stdout, s.Text)
	return err
}

// playScenarios plays scenarios and prints the report. Without an address it starts the servers.
func (p *Program) playScenarios(ctx context.Context, scenarios []*scenario.Scenario, o *scenarioFlags, encrypted *tls.Config) (err error) {
	options := o.options(p)
	options.TLS = encrypted
	if o.addr == "" {
		stop, startErr := p.startServers(ctx, scenarios, &options)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	result, err := scenario.Play(ctx, scenarios, options)
	if err != nil {
		return err
	}
	if err := errors.Join(result.WriteText(p.textBeside(o.json)), p.writeReport(o.json, result)); err != nil {
		return err
	}
	switch {
	case len(result.Steps) == 0:
		return errors.New("no scenario could run: see why they were skipped")
	case result.Failed():
		return errors.New("the scenario failed: see the steps marked FAIL")
	}
	return nil
}

// repeatScenario plays the ten clients, at the pace of the demo, until ctx ends or a step fails.
func (p *Program) repeatScenario(ctx context.Context, o *scenarioFlags) error {
	options, round := o.options(p), 0
	options.Pace = demoPace
	err := scenario.Loop(ctx, options, o.every, func(r *scenario.Report) error {
		round++
		if r.Failed() {
			return errors.Join(r.WriteText(p.Stdout), fmt.Errorf("the scenario failed in round %d: see the steps marked FAIL", round))
		}
		_, err := fmt.Fprintf(p.Stdout, "round %d: %s\n", round, r.Summary())
		return err
	})
	return cmp.Or(err, ctx.Err())
}

// startServers starts a server for the scenarios that any server can run, and prepares those of
// the others. stop stops the server and removes all data.
func (p *Program) startServers(ctx context.Context, scenarios []*scenario.Scenario, o *scenario.Options) (stop func() error, err error) {
	folder, remove, err := p.scratch.add()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	venues := venue.Venues{Folder: folder, Version: version(), Log: log}
	o.Start, o.Instruments = venues.Start, venue.Instruments
	if o.Repricing == 0 {
		o.Repricing = repricingPatience
	}
	if !slices.ContainsFunc(scenarios, func(s *scenario.Scenario) bool { return s.Server == nil }) {
		return remove, nil
	}
	data, err := os.MkdirTemp(folder, "")
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	shared, err := host.StartTemporary(ctx, simulated(config.Default(), data), host.Options{Version: version()}, false, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a server: %w", err), remove())
	}
	o.Addr = shared.Addrs[0]
	return func() error { return errors.Join(shared.Stop(), remove()) }, nil
}

func (o *scenarioFlags) options(p *Program) scenario.Options {
	options := scenario.Options{
		Addr: o.addr, First: client.Customer(o.first), Operator: client.Customer(o.operator),
		Repricing: o.repricing, Timeout: o.timeout, Log: io.Discard,
	}
	if o.verbose {
		options.Log = p.Stderr
	}
	if o.password != "" {
		options.Credential = func(client.Customer) client.Credential { return client.Password(o.password) }
	}
	return options
}
