package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/perf/load"
)

// plan is a comparison with its name.
type plan struct {
	name string
	load.Plan
}

// Time that a run needs in addition to its load: to start and stop the server and count
// its system calls; and to open and close one connection.
const (
	runOverhead        = 400 * time.Millisecond
	connectionOverhead = 120 * time.Microsecond
)

// takes returns the number of runs of the plan and a rough estimate of their time.
func (p plan) takes() (runs int, all time.Duration) {
	var round time.Duration
	for _, c := range p.Cells {
		o := c.Options
		round += o.Warmup + o.Duration + runOverhead + time.Duration(o.Connections)*connectionOverhead
	}
	rounds := len(p.Servers) * max(p.Rounds, 1)
	return rounds * len(p.Cells), round * time.Duration(rounds)
}

// newPlan returns a plan, with the baseline set if that server takes part.
func (b *bench) newPlan(name string, servers []load.Server, cells []load.Cell) plan {
	p := plan{name, load.Plan{Servers: servers, Cells: cells, Rounds: b.Rounds}}
	if slices.ContainsFunc(servers, func(s load.Server) bool { return s.Name == baseline }) {
		p.Baseline = baseline
	}
	return p
}

// announce prints on Stderr how long the plans will take.
func (b *bench) announce(plans ...plan) {
	var runs int
	var takes time.Duration
	for _, p := range plans {
		n, d := p.takes()
		runs, takes = runs+n, takes+d
	}
	text := fmt.Sprintf("%.0f minutes", takes.Minutes())
	if takes < 2*time.Minute {
		text = fmt.Sprintf("%.0f seconds", takes.Seconds())
	}
	if !b.Quick && takes > 5*time.Minute {
		text += "; --quick only checks that everything works"
	}
	fmt.Fprintf(b.Stderr, "holdfast: %d runs, about %s\n", runs, text)
}

// measure runs a plan. It calls keep with the results so far after every round and at the
// end, also if the run is stopped.
func (b *bench) measure(ctx context.Context, p plan, keep func(*load.Comparison) error) error {
	fmt.Fprintf(b.Stderr, "holdfast: %s\n", p.name)
	p.Progress = b.Stderr
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

// hideFolders removes this machine's folders from texts that will be published.
func (b *bench) hideFolders(texts []string) {
	r := strings.NewReplacer(b.Program, filepath.Base(b.Program), b.dir, "TMPDIR")
	for i := range texts {
		texts[i] = r.Replace(texts[i])
	}
}
