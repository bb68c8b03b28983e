package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"holdfast/perf/process"
)

// Compare runs every cell against every server, round by round, with a new process for
// each run. The server is pinned to one core (with taskset, GOMAXPROCS=1) and this
// process to another while Compare runs; with only one core, or without taskset, nothing
// is pinned and Notes say so.
//
// A failed run is listed in Failures, and the other runs continue. The error is ErrPlan,
// the context's or that of Plan.Save; except with ErrPlan, the Comparison has the results
// so far.
func Compare(ctx context.Context, p Plan) (*Comparison, error) {
	p = p.withDefaults()
	if err := p.validate(); err != nil {
		return nil, err
	}
	pins, unpinned := process.FindPins()
	release := pins.PinSelf()
	defer release()
	s := &series{Plan: p, pins: pins, countSyscalls: true}
	var notes []string
	if unpinned != nil {
		notes = append(notes, unpinned.Error())
	}
	if advice := syscallAdvice(); advice != "" {
		s.countSyscalls, notes = false, append(notes, advice)
	}
	s.result = newComparison(p, unpinned == nil, strings.Join(notes, "; "))
	s.progress = newSeriesProgress(p.Progress, p)
	stop := s.progress.watch()
	defer stop()
	err := s.all(ctx)
	return s.result, err
}

// series is a running Plan.
type series struct {
	Plan
	pins          process.Pins
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
				err = errors.Join(err, fmt.Errorf("load: save the results: %w", saveErr))
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
		for i := range s.Servers {
			// Each round starts with another server, so that the order favours no server.
			server := (i + round) % len(s.Servers)
			if err := ctx.Err(); err != nil {
				return err
			}
			s.progress.runStarts(s.Cells[cell], s.Servers[server].Name)
			report, err := s.run(ctx, s.Servers[server], s.Cells[cell])
			s.result.Cells[cell].Servers[server].add(report, err)
			s.result.Runs++
			s.progress.runEnds(report, err)
		}
	}
	return ctx.Err()
}

// add adds the result of one run.
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
	o.ServerPID, o.CountSyscalls = child.PID, s.countSyscalls
	r, err := Run(ctx, o)
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, child.explain(err)
}
