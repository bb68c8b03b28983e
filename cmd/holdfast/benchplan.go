package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/perf/load"
)

// benchPlan is a comparison with its name.
type benchPlan struct {
	name string
	load.Plan
}

// runs is the number of runs of the plan.
func (p benchPlan) runs() int { return len(p.Servers) * len(p.Cells) * max(p.Rounds, 1) }

// What a run takes beside its load: start and stop of the server, a look at its
// system calls; and the time until a connection is there and gone again.
const (
	benchRunOverhead        = 400 * time.Millisecond
	benchConnectionOverhead = 120 * time.Microsecond
)

// takes is the time that the plan will roughly take.
func (p benchPlan) takes() time.Duration {
	var round time.Duration
	for _, c := range p.Cells {
		o := c.Options
		round += o.Warmup + o.Duration + benchRunOverhead + time.Duration(o.Connections)*benchConnectionOverhead
	}
	return round * time.Duration(len(p.Servers)*max(p.Rounds, 1))
}

// newBenchPlan is a plan with the baseline, if it takes part.
func (b *bench) newBenchPlan(name string, servers []load.Server, cells []load.Cell) benchPlan {
	p := benchPlan{name, load.Plan{Servers: servers, Cells: cells, Rounds: b.rounds}}
	if slices.ContainsFunc(servers, func(s load.Server) bool { return s.Name == benchBaseline }) {
		p.Baseline = benchBaseline
	}
	return p
}

// announce says on Stderr how long the plans will take.
func (b *bench) announce(plans []benchPlan) {
	var runs int
	var takes time.Duration
	for _, p := range plans {
		runs += p.runs()
		takes += p.takes()
	}
	hint := ""
	if !b.quick && takes > 5*time.Minute {
		hint = "; --quick checks that all works"
	}
	fmt.Fprintf(b.p.Stderr, "holdfast: %d runs, about %s%s\n", runs, durationText(takes), hint)
}

// durationText gives "40 seconds" or "65 minutes".
func durationText(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f seconds", d.Seconds())
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}

// measure runs a plan. keep is given what there is after every round and at the
// end, also when the run is stopped.
func (b *bench) measure(ctx context.Context, p benchPlan, keep func(*load.Comparison) error) error {
	fmt.Fprintf(b.p.Stderr, "holdfast: %s\n", p.name)
	p.Progress = b.p.Stderr
	p.Save = func(c *load.Comparison) error {
		for i := range c.Cells {
			for j := range c.Cells[i].Servers {
				b.hideFolders(c.Cells[i].Servers[j].Failures)
			}
		}
		return keep(c)
	}
	c, err := load.Compare(ctx, p.Plan)
	if err == nil && !anySucceeded(c) {
		err = fmt.Errorf("%s: every run failed; the notes above say why", p.name)
	}
	return err
}

func anySucceeded(c *load.Comparison) bool {
	return slices.ContainsFunc(c.Cells, func(cell load.CellResult) bool {
		return slices.ContainsFunc(cell.Servers, func(s load.ServerResult) bool { return len(s.Reports) > 0 })
	})
}

// hideFolders takes this machine's folders out of texts that others will read.
func (b *bench) hideFolders(texts []string) {
	r := strings.NewReplacer(b.self, filepath.Base(b.self), b.dir, "TMPDIR")
	for i := range texts {
		texts[i] = r.Replace(texts[i])
	}
}
