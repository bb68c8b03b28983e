package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Compare runs every cell against every server, round by round and the servers
// in turn, each time with a fresh process. The server is pinned to one core
// (with taskset, GOMAXPROCS=1) and this whole process to another while Compare
// runs; where there is only one core, or no taskset, nothing is pinned and Note
// says so.
//
// A run that fails is noted and the others go on. The error is ErrPlan, the
// context's or that of Plan.Save; but for ErrPlan the Comparison has what was
// measured so far.
func Compare(ctx context.Context, p Plan) (*Comparison, error) {
	p = p.withDefaults()
	if err := p.validate(); err != nil {
		return nil, err
	}
	pins := findPins()
	release := pins.pinSelf()
	defer release()
	s := &series{Plan: p, pins: pins, countSyscalls: true}
	notes := []string{pins.note}
	if advice := syscallAdvice(); advice != "" {
		s.countSyscalls, notes = false, append(notes, advice)
	}
	s.result = newComparison(p, pins.pinned, strings.Trim(strings.Join(notes, "; "), "; "))
	s.progress = newSeriesProgress(p.Progress, p)
	stop := s.progress.watch()
	defer stop()
	err := s.all(ctx)
	return s.result, err
}

// series is a Plan that is carried out.
type series struct {
	Plan
	pins          pins
	countSyscalls bool
	result        *Comparison
	progress      *seriesProgress
}

func (s *series) all(ctx context.Context) error {
	for round := range s.Rounds {
		err := s.round(ctx, round)
		s.result.fold()
		if s.Save != nil {
			if saveErr := s.Save(s.result); saveErr != nil {
				err = errors.Join(err, fmt.Errorf("load: saving what was measured: %w", saveErr))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// round runs every cell on every server once.
func (s *series) round(ctx context.Context, round int) error {
	for cell := range s.Cells {
		for turn := range s.Servers {
			// Another server begins each round: none always runs on a warm machine.
			server := (turn + round) % len(s.Servers)
			if err := ctx.Err(); err != nil {
				return err
			}
			s.progress.begin(s.Cells[cell], s.Servers[server].Name)
			report, err := s.run(ctx, s.Servers[server], s.Cells[cell])
			s.result.Cells[cell].Servers[server].add(report, err)
			s.result.Runs++
			s.progress.end(report, err)
		}
	}
	return ctx.Err()
}

// add books one run.
func (s *ServerResult) add(r *Report, err error) {
	if err != nil {
		s.Failures = append(s.Failures, oneLine(err.Error()))
		return
	}
	s.Reports = append(s.Reports, r)
}

// run starts a server, loads it and stops it.
func (s *series) run(ctx context.Context, server Server, cell Cell) (*Report, error) {
	child, err := startChild(server, s.pins)
	if err != nil {
		return nil, err
	}
	defer child.stop(s.StopTimeout)
	o := cell.optionsFor(server)
	if err := child.waitReady(ctx, o.Addr, s.StartTimeout); err != nil {
		return nil, err
	}
	o.ServerPID, o.CountSyscalls = child.cmd.Process.Pid, s.countSyscalls
	r, err := Run(ctx, o)
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, child.explain(err)
}
