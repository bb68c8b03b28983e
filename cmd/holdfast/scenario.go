package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
)

const scenarioLong = `scenario lets ten simulated clients trade over TCP and checks at every step that
what a client shows, what the server pushed and what a fresh pull says agree:
all ways in which positions change, executions that are shown and taken back,
history, two sessions of one customer, and refusals.

Without --addr it starts a server of its own with a data folder that goes away
afterwards. On another server it trades on the accounts from --first on; nobody
else may trade on these meanwhile. The exit code is 1 when a step failed.`

const scenarioExample = `  holdfast scenario
  holdfast scenario --json report.json
  holdfast scenario --addr 127.0.0.1:8888 --repricing 10s`

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

// repricingPatience is how long a server of one's own may take to move a price
// of a held instrument: some seconds at the rate of an embedded one.
const repricingPatience = time.Minute

// embeddedSimulation is how many orders a second such a server places itself.
const embeddedSimulation = 20

func newScenarioCommand(p *Program) *cobra.Command {
	var o scenarioFlags
	cmd := &cobra.Command{
		Use: "scenario", Short: "ten simulated clients that check each step",
		Long: scenarioLong, Example: scenarioExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runScenario(cmd.Context(), &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.addr, "addr", "", "server `host:port`; empty: start one")
	f.Uint32Var(&o.first, "first", uint32(scenario.DefaultFirstCustomer), "`number` of the first of ten customers")
	f.Uint32Var(&o.operator, "operator", uint32(scenario.DefaultOperator), "customer `number` of an operator")
	f.StringVar(&o.password, "password", "", "password of them all; empty: the published tokens")
	f.DurationVar(&o.repricing, "repricing", 0, "how long a price may take to move; 0 with --addr: do not wait for one")
	f.StringVar(&o.json, "json", "", "write the report to this `file`")
	f.BoolVar(&o.verbose, "verbose", false, "a line for each step as it ends")
	return cmd
}

func (p *Program) runScenario(ctx context.Context, o *scenarioFlags) (err error) {
	if o.addr == "" {
		own, startErr := p.startEmbedded(ctx, embeddedOptions{Simulate: embeddedSimulation, Quiet: true})
		if startErr != nil {
			return fmt.Errorf("start a server: %w", startErr)
		}
		defer func() { err = errors.Join(err, own.Stop()) }()
		o.addr = own.Addrs[0]
		if o.repricing == 0 {
			o.repricing = repricingPatience
		}
	}
	report, err := scenario.Run(ctx, o.options(p))
	if err != nil {
		return err
	}
	if err := errors.Join(report.WriteText(p.Stdout), writeJSON(o.json, report)); err != nil {
		return err
	}
	if report.Failed() {
		return errors.New("the scenario failed")
	}
	return nil
}

func (o *scenarioFlags) options(p *Program) scenario.Options {
	options := scenario.Options{
		Addr: o.addr, Operator: client.Customer(o.operator), Repricing: o.repricing, Log: io.Discard,
	}
	for i := range uint32(10) {
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
