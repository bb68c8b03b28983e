package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/scenario"
)

const demoLong = `demo shows holdfast at work: a server with an empty data folder, its own
simulation of trades and prices, and ten clients that trade over TCP and check
every step. It ends with Ctrl-C, or after --for; the data goes away with it.`

const demoExample = `  holdfast demo
  holdfast demo --for 20s
  holdfast client --customer 100042      join it from another terminal`

// demoSimulation is how many orders a second the demo's server places itself,
// demoPace how long a client waits before each order, demoPause how long all
// wait before the next round.
const (
	demoSimulation = 20
	demoPace       = 150 * time.Millisecond
	demoPause      = 3 * time.Second
)

func newDemoCommand(p *Program) *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use: "demo", Short: "a server and ten trading clients, in one command",
		Long: demoLong, Example: demoExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context(), limit) },
	}
	cmd.Flags().DurationVar(&limit, "for", 0, "end after this time; 0: run until Ctrl-C")
	return cmd
}

func (p *Program) demo(ctx context.Context, limit time.Duration) (err error) {
	s, err := p.startDemoServer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	fmt.Fprintf(p.Stdout, `holdfast: serving on %s, metrics and pprof on %s
Every order below is on disk before its client hears of it. Join in from another
terminal: holdfast client --addr %s --customer 100042
Ctrl-C ends the demo.

`, s.Addrs[0], s.Admin, s.Addrs[0])
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	d := &demo{program: p, server: s}
	err = scenario.Loop(ctx, scenario.Options{
		Addr: s.Addrs[0], Pace: demoPace, Repricing: repricingPatience,
		OnEvent: func(line string) { fmt.Fprintln(p.Stdout, "  "+line) },
	}, demoPause, d.round)
	d.summary()
	return err
}

// startDemoServer takes the ports that clients expect, or free ones where those
// are taken.
func (p *Program) startDemoServer(ctx context.Context) (*embeddedServer, error) {
	s, err := p.startEmbedded(ctx, embeddedOptions{Simulate: demoSimulation, DefaultPorts: true})
	if isUsage(err) {
		return p.startEmbedded(ctx, embeddedOptions{Simulate: demoSimulation})
	}
	return s, err
}

// demo counts what the rounds did.
type demo struct {
	program *Program
	server  *embeddedServer
	rounds  int
}

// round shows the whole table once, then a line per round.
func (d *demo) round(r *scenario.Report) error {
	d.rounds++
	if d.rounds == 1 || r.Failed() {
		if err := r.WriteText(d.program.Stdout); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(d.program.Stdout, "round %d: %s\n", d.rounds, r.Summary())
	}
	if r.Failed() {
		return errors.New("a step of the demo failed")
	}
	d.summary()
	return nil
}

// summary says what the server has done so far.
func (d *demo) summary() {
	stats, traffic := d.server.Desk.Stats(), d.server.Core.Traffic()
	fmt.Fprintf(d.program.Stdout, "server: %d executions and busts on disk in %d commits, %d requests answered, %d sessions open\n",
		stats.Records, stats.Commits, traffic.Replies, d.server.Core.Len())
}
