package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
)

const serveLong = `serve runs the server until Ctrl-C or SIGTERM, which drain it: requests in hand
are answered, what was accepted is on disk, clients are told. A second signal
ends it at once; everything that was acknowledged is safe then too.

Settings come from the defaults, then a JSON file, then the environment
(HOLDFAST_LISTEN and so on), then flags. --print-config shows them.`

const serveExample = `  holdfast serve
  holdfast serve --listen 127.0.0.1:9000 --admin 127.0.0.1:9001 --data /tmp/holdfast
  holdfast serve --listener tlv=127.0.0.1:8890,greet
  holdfast serve --simulate 50/s --seed 7
  holdfast serve --config serve.json --print-config`

func newServeCommand(p *Program) *cobra.Command {
	var printOnly, throwaway bool
	var options serverOptions
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "run the server",
		Long:    serveLong,
		Example: serveExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd)
			if err != nil {
				return err
			}
			if printOnly {
				return p.printConfig(c)
			}
			if err := options.check(cmd, c, throwaway); err != nil {
				return err
			}
			if throwaway {
				return p.serveThrowaway(cmd.Context(), c, options)
			}
			return p.serve(cmd.Context(), c, options)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&printOnly, "print-config", false, "print the settings and where each came from, then end")
	cmd.Flags().BoolVar(&throwaway, "throwaway", false, "keep the data in a temporary folder that is removed at the end")
	cmd.Flags().BoolVar(&options.SubmitOnLoop, "submit-on-loop", false, "answer Submit on the event loop, not the lane (for measuring)")
	cmd.Flags().StringVar(&options.Plumbing, "plumbing", reactorPlumbing, "what carries connections: "+strings.Join(plumbings(), ", ")+" (for measuring)")
	cmd.Flags().BoolVar(&options.TransactionPerOrder, "transaction-per-order", false, "make each order durable by an SQL transaction, not the journal; with --throwaway (for measuring)")
	return cmd
}

// check refuses options that do not go together.
func (o *serverOptions) check(cmd *cobra.Command, c *config.Config, throwaway bool) error {
	switch {
	case !slices.Contains(plumbings(), o.Plumbing):
		return usagef(cmd, "--plumbing %q is not one of %s", o.Plumbing, strings.Join(plumbings(), ", "))
	case o.TransactionPerOrder && !throwaway:
		return usagef(cmd, "--transaction-per-order keeps nothing for a restart: give --throwaway with it")
	case o.SubmitOnLoop && o.Plumbing != reactorPlumbing:
		return usagef(cmd, "--submit-on-loop needs --plumbing %s", reactorPlumbing)
	case len(c.Listeners) > 0 && o.Plumbing != reactorPlumbing:
		return usagef(cmd, "--listener needs --plumbing %s: the others serve the packet dialect only", reactorPlumbing)
	default:
		return nil
	}
}

// serveThrowaway is serve with a data folder for this run only.
func (p *Program) serveThrowaway(ctx context.Context, c *config.Config, o serverOptions) (err error) {
	if c.Data, err = os.MkdirTemp("", "holdfast-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	return p.serve(ctx, c, o)
}

// serve runs a server until ctx ends.
func (p *Program) serve(ctx context.Context, c *config.Config, o serverOptions) error {
	defer planMemory(c.MemoryLimit, loopsOf(c)).limitRuntime()()
	s, err := startServer(ctx, c, o, newLogger(p.Stderr, c.LogLevel))
	if err != nil {
		return err
	}
	p.announce(s, c, o)
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Stderr, "holdfast: stopping; press Ctrl-C again to end at once")
		return s.Stop()
	case <-s.Ended():
		return s.Wait()
	}
}

// announce says where the server is and what it may use. Scripts wait for the
// first line.
func (p *Program) announce(s *server, c *config.Config, o serverOptions) {
	fmt.Fprintf(p.Stdout, "holdfast: serving on %s, metrics and pprof on %s\n", s.Addrs[0], s.Admin)
	carries := [2]string{"event loops", fmt.Sprintf("%d on %d processors", loopsOf(c), runtime.NumCPU())}
	if o.Plumbing != reactorPlumbing {
		carries = [2]string{"plumbing", o.Plumbing}
	}
	rows := [][2]string{
		{"data", c.Data},
		{"customers", fmt.Sprint(len(s.seed.Customers))},
		{"instruments", fmt.Sprint(len(s.seed.Instruments))},
		carries,
		{"open files", fmt.Sprintf("%d (hard limit %d)", s.Files.Soft, s.Files.Hard)},
		{"memory", s.memory.String()},
		{"connections", fmt.Sprintf("at most %d", s.Core.Limits().MaxConnections)},
	}
	for i, l := range c.Listeners {
		l.Address = s.Addrs[i+1]
		rows = append(rows, [2]string{"listener", l.String()})
	}
	if c.SeedFile == "" {
		rows = append(rows, [2]string{"demo logins", "shipped accounts have a published password and token: not for real use"})
	}
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-12s %s\n", r[0], r[1])
	}
	fmt.Fprint(p.Stdout, b.String())
}
