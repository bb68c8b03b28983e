package load

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Server is one of the servers that Compare compares.
type Server struct {
	// Name is shown in tables and must be unique.
	Name string
	// Cmd is the program and its arguments. It must stay in the foreground.
	Cmd []string
	// Env is added to the environment of this process and GOMAXPROCS=1.
	Env []string
	// Addr is where it listens; empty: the Addr of the cell.
	Addr string
	// Dialect of that listener; empty: that of the cell.
	Dialect Dialect
	// Ready returns nil as soon as the server is ready for load. Default: a TCP
	// connection to its address succeeds.
	Ready func(ctx context.Context) error
	// Mallocs is Options.Mallocs. Goroutine: any, one at a time.
	Mallocs func(ctx context.Context) (uint64, error)
	// Disposable: the server needs no clean stop, so it is killed. The caller removes its
	// files.
	Disposable bool
}

// Cell is one load that is run against every server.
type Cell struct {
	// Name is shown in tables. Default: workload, connections and depth.
	Name string
	// Options of the run; Compare sets Addr, ServerPID and CountSyscalls.
	Options Options
	// During is Options.During with the server's name as an argument.
	During func(ctx context.Context, server string) error
}

// Plan is a complete comparison.
type Plan struct {
	Servers []Server
	Cells   []Cell
	// Rounds is how often each server runs each cell, alternating with the others.
	// Default 1.
	Rounds int
	// Reference is the name of the server that the ratios refer to. Default: the first
	// server.
	Reference string
	// Baseline is the name of a second server that ratios refer to. If it is empty or not
	// among the servers, there are no such ratios.
	Baseline string
	// StartTimeout bounds the wait until a server is ready. Default 10 s.
	StartTimeout time.Duration
	// StopTimeout is how long a server may take to end after SIGTERM before it
	// is killed. Default 5 s.
	StopTimeout time.Duration
	// Progress receives one line per run; a terminal shows a single line that is redrawn
	// every second. nil: silent.
	Progress io.Writer
	// Save receives the results so far, after each round and when Compare ends early. An
	// error ends Compare. The Comparison is valid until Save returns. nil: not called.
	Save func(c *Comparison) error
}

func (p Plan) withDefaults() Plan {
	p.Rounds = cmp.Or(p.Rounds, 1)
	p.StartTimeout = cmp.Or(p.StartTimeout, 10*time.Second)
	p.StopTimeout = cmp.Or(p.StopTimeout, 5*time.Second)
	if len(p.Servers) > 0 {
		p.Reference = cmp.Or(p.Reference, p.Servers[0].Name)
	}
	p.Cells = slices.Clone(p.Cells)
	for i := range p.Cells {
		p.Cells[i].Name = cmp.Or(p.Cells[i].Name, p.Cells[i].Options.title())
	}
	return p
}

func (p Plan) validate() error {
	if len(p.Servers) == 0 || len(p.Cells) == 0 || p.Rounds < 1 {
		return fmt.Errorf("%w: it needs at least one server, one cell and one round", ErrPlan)
	}
	seen := make(map[string]bool)
	for _, s := range p.Servers {
		switch {
		case s.Name == "" || seen[s.Name]:
			return fmt.Errorf("%w: server name %q is empty or used twice", ErrPlan, s.Name)
		case len(s.Cmd) == 0:
			return fmt.Errorf("%w: server %q has no command", ErrPlan, s.Name)
		}
		seen[s.Name] = true
	}
	if !seen[p.Reference] {
		return fmt.Errorf("%w: the reference %q is not among the servers", ErrPlan, p.Reference)
	}
	return p.validateCells()
}

func (p Plan) validateCells() error {
	for _, c := range p.Cells {
		for _, s := range p.Servers {
			if err := c.optionsFor(s).withDefaults().validate(); err != nil {
				return fmt.Errorf("%w: cell %q, server %q: %w", ErrPlan, c.Name, s.Name, err)
			}
		}
	}
	return nil
}

// optionsFor returns the options of a run against a server, without its process.
func (c Cell) optionsFor(s Server) Options {
	o := c.Options
	if s.Addr != "" {
		o.Addr = s.Addr
	}
	o.Dialect = cmp.Or(s.Dialect, o.Dialect)
	o.Mallocs = s.Mallocs
	if c.During != nil {
		o.During = func(ctx context.Context) error { return c.During(ctx, s.Name) }
	}
	return o
}

// runs returns the number of all runs.
func (p Plan) runs() int { return p.Rounds * len(p.Cells) * len(p.Servers) }
