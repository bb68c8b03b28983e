package load

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Server is one of the servers that Compare sets side by side.
type Server struct {
	// Name stands in the table and must be unique.
	Name string
	// Cmd is the program and its arguments. It must stay in the foreground.
	Cmd []string
	// Env is added to the environment of this process and GOMAXPROCS=1.
	Env []string
	// Addr is where it listens; empty: the Addr of the cell.
	Addr string
	// Ready returns nil as soon as the server can be loaded. nil: when a TCP
	// connection to its address succeeds.
	Ready func(ctx context.Context) error
	// Mallocs reads how many heap objects the server's process has allocated since
	// its start. nil: allocations are not counted. Goroutine: any, one at a time.
	Mallocs func(ctx context.Context) (uint64, error)
	// Disposable: the server keeps nothing that it must put in order, so it is
	// killed instead of asked to end. What it leaves on disk is the caller's.
	Disposable bool
}

// Cell is one load that every server is put under.
type Cell struct {
	// Name stands in the table; empty: made of workload, connections and depth.
	Name string
	// Options of the run; Addr, ServerPID and CountSyscalls are filled in.
	Options Options
	// During runs beside the measured window, in a goroutine of its own, from the
	// window's begin; server is the name. The load goes on until it returns, so
	// that it may be a little late; ctx ends when the run fails. Its error fails
	// the run. nil: nothing.
	During func(ctx context.Context, server string) error
}

// Plan is a whole comparison.
type Plan struct {
	Servers []Server
	Cells   []Cell
	// Rounds is how often each server runs each cell, in turn with the others.
	// Default 1.
	Rounds int
	// Reference is the name of the server that the ratios refer to. Default: the
	// first.
	Reference string
	// Baseline is the name of a second server that ratios refer to. Empty, or none
	// of the servers: there are no such ratios.
	Baseline string
	// StartTimeout bounds the wait for a server to get ready. Default 10 s.
	StartTimeout time.Duration
	// StopTimeout is how long a server may take to end after SIGTERM before it
	// is killed. Default 5 s.
	StopTimeout time.Duration
	// Progress gets one line for each run; a terminal gets a single line that is
	// drawn again every second. nil: silent.
	Progress io.Writer
	// Save is told what was measured so far: after each round, and when Compare
	// ends before its time. An error ends Compare. The Comparison must not be kept.
	// nil: not told.
	Save func(c *Comparison) error
}

func (p Plan) withDefaults() Plan {
	setDefault(&p.Rounds, 1)
	setDefault(&p.StartTimeout, 10*time.Second)
	setDefault(&p.StopTimeout, 5*time.Second)
	if len(p.Servers) > 0 {
		setDefault(&p.Reference, p.Servers[0].Name)
	}
	p.Cells = slices.Clone(p.Cells)
	for i := range p.Cells {
		setDefault(&p.Cells[i].Name, p.Cells[i].Options.title())
	}
	return p
}

func (p Plan) validate() error {
	if len(p.Servers) == 0 || len(p.Cells) == 0 || p.Rounds < 1 {
		return fmt.Errorf("%w: it needs a server, a cell and a round", ErrPlan)
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
		return fmt.Errorf("%w: the reference %q is none of the servers", ErrPlan, p.Reference)
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

// optionsFor returns the options of a run against a server; the process is still
// to be filled in.
func (c Cell) optionsFor(s Server) Options {
	o := c.Options
	if s.Addr != "" {
		o.Addr = s.Addr
	}
	o.hooks.mallocs = s.Mallocs
	if c.During != nil {
		o.hooks.during = func(ctx context.Context) error { return c.During(ctx, s.Name) }
	}
	return o
}

// runs is the number of all runs.
func (p Plan) runs() int { return p.Rounds * len(p.Cells) * len(p.Servers) }
