package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
	"holdfast/cmd/holdfast/host"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
)

const scenarioLong = `scenario runs ten clients that trade over TCP. At every step it checks that what a
client shows, what the server pushed and what a new query returns agree: for all kinds
of position changes, executions and busts, history, two sessions of one customer, and
refusals.

Without --addr it starts a server with a temporary data folder. On another server it
trades on ten accounts, numbered from --first; nobody else may trade on them meanwhile.
The exit code is 1 if a step failed.`

const scenarioExample = `  holdfast scenario
  holdfast scenario --json report.json
  holdfast scenario --addr 127.0.0.1:8888 --repricing 10s`

// scenarioClients is how many customers trade.
const scenarioClients = 10

// scenarioFlags are the flags of "holdfast scenario".
type scenarioFlags struct {
	addr      string
	first     uint32
	operator  uint32
	password  string
	repricing time.Duration
	json      string
	verbose   bool
}

// repricingPatience is how long a server inside a command may take to move the price of
// a held instrument. At its rate of price moves it takes some seconds.
const repricingPatience = time.Minute

// simulation is the rate of simulated orders of a server inside a command.
const simulation = 20

func newScenarioCommand(p *Program) *cobra.Command {
	var o scenarioFlags
	cmd := &cobra.Command{
		Use: "scenario", Short: "run ten clients that check every step",
		Long: scenarioLong, Example: scenarioExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runScenario(cmd.Context(), &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newOptional(newServerAddress(&o.addr, "")), "addr", "server `host:port`, or ws://host:port/path; empty: start one")
	f.Var(newWhole(&o.first, uint32(scenario.DefaultFirstCustomer), firstCustomer, lastCustomer-scenarioClients+1), "first", "`number` of the first of ten customers")
	f.Var(newWhole(&o.operator, uint32(scenario.DefaultOperator), firstCustomer, lastCustomer), "operator", "customer `number` of an operator")
	f.StringVar(&o.password, "password", "", "password of all these customers; empty: the published tokens")
	f.Var(newDuration(&o.repricing, 0, 0), "repricing", "longest wait for a price to move; 0 with --addr: no wait")
	addReport(f, &o.json)
	f.BoolVar(&o.verbose, "verbose", false, "print a line as each step ends")
	return cmd
}

func (p *Program) runScenario(ctx context.Context, o *scenarioFlags) (err error) {
	if err := outfile.Check(o.json, p.Stdout); err != nil {
		return err
	}
	if o.addr == "" {
		folder, remove, scratchErr := p.scratch.add()
		if scratchErr != nil {
			return scratchErr
		}
		defer func() { err = errors.Join(err, remove()) }()
		own, startErr := host.StartTemporary(ctx, folder, host.Options{Version: version()}, simulation, false, slog.New(slog.DiscardHandler))
		if startErr != nil {
			return fmt.Errorf("start a server: %w", startErr)
		}
		defer func() { err = errors.Join(err, own.Stop()) }()
		o.addr = own.Addrs[0]
		if o.repricing == 0 {
			o.repricing = repricingPatience
		}
	}
	result, err := scenario.Run(ctx, o.options(p))
	if err != nil {
		return err
	}
	if err := errors.Join(result.WriteText(p.textBeside(o.json)), report.WriteJSON(o.json, p.Stdout, result)); err != nil {
		return err
	}
	if result.Failed() {
		return errors.New("the scenario failed: see the steps marked FAIL")
	}
	return nil
}

func (o *scenarioFlags) options(p *Program) scenario.Options {
	options := scenario.Options{
		Addr: o.addr, Operator: client.Customer(o.operator), Repricing: o.repricing, Log: io.Discard,
	}
	for i := range uint32(scenarioClients) {
		options.Customers = append(options.Customers, client.Customer(o.first+i))
	}
	if o.verbose {
		options.Log = p.Stderr
	}
	if o.password != "" {
		options.Credential = func(client.Customer) client.Credential { return client.Password(o.password) }
	}
	return options
}
