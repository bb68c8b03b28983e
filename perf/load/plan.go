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
}

// Cell is one load that every server is put under.
type Cell struct {
	// Name stands in the table; empty: made of workload, connections and depth.
	Name string
	// Options of the run; Addr and ServerPID are filled in.
	Options Options
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
	// StartTimeout bounds the wait for a server to get ready. Default 10 s.
	StartTimeout time.Duration
	// StopTimeout is how long a server may take to end after SIGTERM before it
	// is killed. Default 5 s.
	StopTimeout time.Duration
	// Progress gets one line for each run. nil: silent.
	Progress io.Writer
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

// title names a load, e.g. "submit 1000x16" or "orders 100x1 30000/s".
func (o Options) title() string {
	o = o.withDefaults()
	text := fmt.Sprintf("%s %dx%d", o.Workload, o.Connections, o.Depth)
	if o.Rate > 0 {
		text += fmt.Sprintf(" %.0f/s", o.Rate)
	}
	return text
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

func (c Cell) optionsFor(s Server) Options {
	o := c.Options
	if s.Addr != "" {
		o.Addr = s.Addr
	}
	return o
}
