package main

import (
	"errors"
	"fmt"

	"holdfast/perf/flame"
	"holdfast/perf/load"
)

// profiledLoad is a load with what the servers did under it.
type profiledLoad struct {
	flameLoad
	servers []profiledServer
}

type profiledServer struct {
	name     string
	captured *flame.Captured
	report   *load.Report
}

// flameKind is one of the two profiles of a server.
type flameKind struct {
	suffix, values, what, unit string
	of                         func(*flame.Captured) []byte
}

func flameKinds() (cpu, allocs flameKind) {
	cpu = flameKind{
		"", flame.Samples, "CPU time", "A sample is 10 ms of CPU time.",
		func(c *flame.Captured) []byte { return c.CPU },
	}
	allocs = flameKind{
		"-allocs", flame.AllocatedBytes, "allocated bytes", "Bytes are sampled: about one allocation in 512 KiB is seen.",
		func(c *flame.Captured) []byte { return c.Allocs },
	}
	return cpu, allocs
}

// saveLoad writes the profiles and graphs of a load.
func (f flameFolder) saveLoad(l profiledLoad) (kept flame.Load, err error) {
	kept = flame.Load{Name: l.name, Title: l.title}
	var cpus, allocations []*flame.Profile
	for _, s := range l.servers {
		server, cpu, allocs, err := f.saveServer(l, s)
		if err != nil {
			return kept, err
		}
		kept.Servers = append(kept.Servers, server)
		cpus, allocations = append(cpus, cpu), append(allocations, allocs)
	}
	if len(kept.Servers) != 2 {
		return kept, nil
	}
	cpu, allocs := flameKinds()
	kept.Diff, err = f.saveDifference(l, cpu, cpus)
	if err == nil {
		kept.AllocsDiff, err = f.saveDifference(l, allocs, allocations)
	}
	return kept, err
}

func (f flameFolder) saveServer(l profiledLoad, s profiledServer) (server flame.Server, cpu, allocs *flame.Profile, err error) {
	kindOfCPU, kindOfAllocs := flameKinds()
	server = flame.Server{Name: s.name, Goroutines: s.captured.Goroutines, Rate: s.report.PerSecond}
	if use := s.report.Server; use != nil {
		server.Busy, server.CPUPerRequest = use.Busy, use.CPUPerRequest
	}
	if cpu, err = flame.Parse(s.captured.CPU, kindOfCPU.values); err != nil {
		return server, nil, nil, err
	}
	if allocs, err = flame.Parse(s.captured.Allocs, kindOfAllocs.values); err != nil {
		return server, nil, nil, err
	}
	server.Samples, server.Seconds, server.Shares = cpu.Total, cpu.Seconds, cpu.Shares()
	if allocs.Seconds > 0 {
		server.Allocated = float64(allocs.Total) / allocs.Seconds
	}
	var cpuErr, allocsErr error
	server.Files.CPU, server.Files.CPUGraph, cpuErr = f.saveProfile(l, s, kindOfCPU, cpu)
	server.Files.Allocs, server.Files.AllocsGraph, allocsErr = f.saveProfile(l, s, kindOfAllocs, allocs)
	return server, cpu, allocs, errors.Join(cpuErr, allocsErr)
}

// saveProfile writes a profile and its graph.
func (f flameFolder) saveProfile(l profiledLoad, s profiledServer, k flameKind, p *flame.Profile) (raw, graph string, err error) {
	name := l.name + "-" + s.name + k.suffix
	raw, graph = name+".pb.gz", name+".html"
	if err := f.write(raw, k.of(s.captured)); err != nil {
		return "", "", err
	}
	return raw, graph, f.saveGraph(graph, flame.Graph{
		Title: fmt.Sprintf("%s: %s", s.name, k.what), Lines: []string{l.title, k.line(s, p)}, Name: s.name, Profile: p,
	})
}

// line says how much the profile stands on.
func (k flameKind) line(s profiledServer, p *flame.Profile) string {
	text := fmt.Sprintf("%.0f s, %d %s, %.0f requests/s, %d goroutines", p.Seconds, p.Total, p.Unit, s.report.PerSecond, s.captured.Goroutines)
	if use := s.report.Server; use != nil {
		text += fmt.Sprintf(", %.1f %% of a core", 100*use.Busy)
	}
	return text + ". " + k.unit
}

// saveDifference writes the graph of the first server less the second.
func (f flameFolder) saveDifference(l profiledLoad, k flameKind, profiles []*flame.Profile) (graph string, err error) {
	graph = "diff-" + l.name + k.suffix + ".html"
	first, second := l.servers[0], l.servers[1]
	return graph, f.saveGraph(graph, flame.Graph{
		Title: fmt.Sprintf("%s beside %s: %s", first.name, second.name, k.what),
		Lines: []string{
			l.title, first.name + ": " + k.line(first, profiles[0]), second.name + ": " + k.line(second, profiles[1]),
			"Shares are compared: as if both had the same total.",
		},
		Name: first.name, Profile: profiles[0], BaseName: second.name, Base: profiles[1],
	})
}

func (f flameFolder) saveGraph(name string, g flame.Graph) error {
	text, err := g.AppendHTML(nil)
	if err != nil {
		return err
	}
	return f.write(name, text)
}
