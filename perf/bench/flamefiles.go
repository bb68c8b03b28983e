package bench

import (
	"errors"
	"fmt"

	"holdfast/perf/flame"
	"holdfast/perf/load"
)

// profiled is a server with its profiles and report under a load.
type profiled struct {
	name     string
	captured *flame.Captured
	report   *load.Report
}

// flameKind is one of the two profiles of a server.
type flameKind struct {
	suffix, values, what, unit string
	raw                        func(*flame.Captured) []byte
	keep                       func(s *flame.Server, p *flame.Profile, raw, graph string)
	difference                 func(*flame.Load) *string
}

func flameKinds() []flameKind {
	return []flameKind{{
		"", flame.Samples, "CPU time", "A sample is 10 ms of CPU time.",
		func(c *flame.Captured) []byte { return c.CPU },
		func(s *flame.Server, p *flame.Profile, raw, graph string) {
			s.Samples, s.Seconds, s.Shares = p.Total, p.Seconds, p.Shares()
			s.Files.CPU, s.Files.CPUGraph = raw, graph
		},
		func(l *flame.Load) *string { return &l.Diff },
	}, {
		"-allocs", flame.AllocatedBytes, "allocated bytes", "Bytes are sampled: about one allocation in 512 KiB is seen.",
		func(c *flame.Captured) []byte { return c.Allocs },
		func(s *flame.Server, p *flame.Profile, raw, graph string) {
			if p.Seconds > 0 {
				s.Allocated = float64(p.Total) / p.Seconds
			}
			s.Files.Allocs, s.Files.AllocsGraph = raw, graph
		},
		func(l *flame.Load) *string { return &l.AllocsDiff },
	}}
}

// saveLoad writes the profiles and graphs of all servers under a load.
func (f flameFolder) saveLoad(name, title string, servers []profiled) (flame.Load, error) {
	l := flame.Load{Name: name, Title: title}
	for _, s := range servers {
		server := flame.Server{Name: s.name, Goroutines: s.captured.Goroutines, Rate: s.report.PerSecond}
		if use := s.report.Server; use != nil {
			server.Busy, server.CPUPerRequest = use.Busy, use.CPUPerRequest
		}
		l.Servers = append(l.Servers, server)
	}
	var err error
	for _, k := range flameKinds() {
		err = errors.Join(err, f.saveKind(&l, k, servers))
	}
	return l, err
}

// saveKind writes one kind of profile of all servers: each with its graph, and for two
// servers the graph of their difference.
func (f flameFolder) saveKind(l *flame.Load, k flameKind, servers []profiled) error {
	var profiles []*flame.Profile
	var lines []string
	for i, s := range servers {
		p, err := flame.Parse(k.raw(s.captured), k.values)
		if err != nil {
			return err
		}
		line, name := k.line(s, p), l.Name+"-"+s.name+k.suffix
		raw, graph := name+".pb.gz", name+".html"
		k.keep(&l.Servers[i], p, raw, graph)
		err = errors.Join(f.write(raw, k.raw(s.captured)), f.saveGraph(graph, flame.Graph{
			Title: s.name + ": " + k.what, Lines: []string{l.Title, line}, Name: s.name, Profile: p,
		}))
		if err != nil {
			return err
		}
		profiles, lines = append(profiles, p), append(lines, s.name+": "+line)
	}
	if len(servers) != 2 {
		return nil
	}
	first, second, name := servers[0].name, servers[1].name, "diff-"+l.Name+k.suffix+".html"
	*k.difference(l) = name
	return f.saveGraph(name, flame.Graph{
		Title: fmt.Sprintf("%s beside %s: %s", first, second, k.what),
		Lines: []string{l.Title, lines[0], lines[1], "Shares are compared: as if both had the same total."},
		Name:  first, Profile: profiles[0], BaseName: second, Base: profiles[1],
	})
}

// line says how much data the profile is based on.
func (k flameKind) line(s profiled, p *flame.Profile) string {
	text := fmt.Sprintf("%.0f s, %d %s, %.0f requests/s, %d goroutines", p.Seconds, p.Total, p.Unit, s.report.PerSecond, s.captured.Goroutines)
	if use := s.report.Server; use != nil {
		text += fmt.Sprintf(", %.1f %% of a core", 100*use.Busy)
	}
	return text + ". " + k.unit
}

func (f flameFolder) saveGraph(name string, g flame.Graph) error {
	text, err := g.AppendHTML(nil)
	if err != nil {
		return err
	}
	return f.write(name, text)
}
