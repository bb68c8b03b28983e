package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/scenario"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

const demoLong = `demo starts a server with simulated orders and prices, and ten clients that trade on
it over TCP and check every step. With --console it also serves the console, a web page
for trading and operating. It ends with Ctrl-C or after --for, and removes its data.`

const demoExample = `  holdfast demo
  holdfast demo --for 20s
  holdfast demo --console 127.0.0.1:8880
  holdfast client --customer 100042      joins it from another terminal`

// demoPace is how long a client waits before each order, demoPause how long all
// wait before the next round.
const (
	demoPace  = 150 * time.Millisecond
	demoPause = 3 * time.Second
)

func newDemoCommand(p *Program) *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use: "demo", Short: "start a server and ten clients that trade on it",
		Long: demoLong, Example: demoExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(config.Sources{Flags: cmd.Flags()})
			if err != nil {
				return err
			}
			return p.demo(cmd.Context(), c, limit)
		},
	}
	cmd.Flags().String("console", "", "`address` of the console, a web page, e.g. 127.0.0.1:8880; empty: no console")
	cmd.Flags().Var(newDuration(&limit, 0, 0), "for", "end after this time; 0: run until Ctrl-C")
	return cmd
}

func (p *Program) demo(ctx context.Context, c *config.Config, limit time.Duration) (err error) {
	p.serveStreams()
	folder, remove, err := p.scratch.add()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	o := host.Options{Version: version(), DroppedLines: p.droppedLines}
	s, err := host.StartTemporary(ctx, simulated(c, folder), o, true, newLogger(p.Stderr, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if s.Busy != "" {
		fmt.Fprintf(p.Stdout, "%s is in use; this demo uses %s\n", s.Busy, s.Addrs[0])
	}
	fmt.Fprintf(p.Stdout, `holdfast: serving on %s, metrics and pprof on %s
Every order below is on disk before its client gets the reply. Join from another
terminal: holdfast client --addr %s --customer 100042
%sCtrl-C ends the demo.

`, s.Addrs[0], s.Admin, s.Addrs[0], demoConsole(s))
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	rounds := 0
	err = scenario.Loop(ctx, scenario.Options{
		Addr: s.Addrs[0], Pace: demoPace, Repricing: repricingPatience,
		OnEvent: func(line string) { fmt.Fprintln(p.Stdout, "  "+line) },
	}, demoPause, func(r *scenario.Report) error {
		rounds++
		return p.demoRound(s, rounds, r)
	})
	p.demoSummary(s)
	return err
}

// demoConsole says where the console is and who can log in, if it is served.
func demoConsole(s *host.Temporary) string {
	if s.Console == "" {
		return ""
	}
	return fmt.Sprintf(`Console: open %s in a browser; log in as customer 100001 (to 100100), or as
operator 900001, with the password %s
`, consoleURL(s.Console, false), seed.DemoPassword)
}

// demoRound prints the table of the first round, then a line per round.
func (p *Program) demoRound(s *host.Temporary, round int, r *scenario.Report) error {
	if round == 1 || r.Failed() {
		fmt.Fprintf(p.Stdout, "\nround %d:\n", round)
		if err := r.WriteText(p.Stdout); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.Stdout, "round %d: %s\n", round, r.Summary())
	}
	if r.Failed() {
		return errors.New("a step of the demo failed: see the table above")
	}
	p.demoSummary(s)
	return nil
}

// demoSummary prints what the server has done so far.
func (p *Program) demoSummary(s *host.Temporary) {
	stats, traffic := s.Desk.Stats(), s.Core.Traffic()
	fmt.Fprintf(p.Stdout, "server: %d executions and busts on disk in %d commits, %d requests answered, %d sessions open\n",
		stats.Records, stats.Commits, traffic.Replies, s.Core.Len())
}
