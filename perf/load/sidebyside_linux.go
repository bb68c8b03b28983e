package load

import (
	"context"
	"fmt"
)

// Compare runs every cell against every server, round by round and the servers
// in turn, each time with a fresh process. The server is pinned to one core
// (with taskset, GOMAXPROCS=1) and this whole process to another while Compare
// runs; where there is only one core, or no taskset, nothing is pinned and Note
// says so.
//
// A run that fails is noted and the others go on. The error is ErrPlan, or the
// context's; then the Comparison has what was measured so far.
func Compare(ctx context.Context, p Plan) (*Comparison, error) {
	p = p.withDefaults()
	if err := p.validate(); err != nil {
		return nil, err
	}
	pins := findPins()
	release := pins.pinSelf()
	defer release()
	c := newComparison(p, pins)
	for round := range p.Rounds {
		for cell := range p.Cells {
			for turn := range p.Servers {
				// Another server begins each round: none always runs on a warm machine.
				server := (turn + round) % len(p.Servers)
				if err := ctx.Err(); err != nil {
					c.fold()
					return c, err
				}
				c.Cells[cell].Servers[server].add(p.runOne(ctx, pins, p.Servers[server], p.Cells[cell]))
			}
		}
	}
	c.fold()
	return c, ctx.Err()
}

func newComparison(p Plan, pins pins) *Comparison {
	c := &Comparison{Reference: p.Reference, Rounds: p.Rounds, Pinned: pins.pinned, Note: pins.note}
	for _, cell := range p.Cells {
		result := CellResult{Name: cell.Name}
		for _, s := range p.Servers {
			result.Servers = append(result.Servers, ServerResult{Name: s.Name})
		}
		c.Cells = append(c.Cells, result)
	}
	return c
}

func (c *Comparison) fold() {
	for i := range c.Cells {
		c.Cells[i].fold(c.Reference)
	}
}

// add books one run.
func (s *ServerResult) add(r *Report, err error) {
	if err != nil {
		s.Failures = append(s.Failures, err.Error())
		return
	}
	s.Reports = append(s.Reports, r)
}

// runOne starts a server, loads it and stops it.
func (p Plan) runOne(ctx context.Context, pins pins, s Server, cell Cell) (r *Report, err error) {
	o := cell.optionsFor(s)
	child, err := startChild(s, pins)
	if err != nil {
		return nil, err
	}
	defer func() { child.stop(p.StopTimeout) }()
	if err := child.waitReady(ctx, o.Addr, p.StartTimeout); err != nil {
		return nil, err
	}
	o.ServerPID = child.cmd.Process.Pid
	r, err = Run(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, child.lastWords())
	}
	p.say(s, cell, r)
	return r, nil
}

func (p Plan) say(s Server, cell Cell, r *Report) {
	if p.Progress == nil {
		return
	}
	var cpu float64
	if r.Server != nil {
		cpu = r.Server.CPUPerRequest
	}
	_, _ = fmt.Fprintf(p.Progress, "%s, %s: %.0f requests/s, server %.3f us/request, generator %.3f, p99 %s\n",
		cell.Name, s.Name, r.PerSecond, cpu, r.Own.CPUPerRequest, microseconds(r.Latency.P99))
}
