package main

import (
	"context"
	"fmt"
	"time"

	"holdfast/perf/load"
)

// flameLoad is one load that servers are profiled under.
type flameLoad struct {
	name, title string
	plan        load.Plan // of one cell
}

const (
	flameQuickConnections = 50
	// flameWarmup is enough for every connection's first request: it is no shorter
	// than the longest pause.
	flameWarmup = 2 * time.Second
	// flameLongWindows is how many times longer a nearly idle server is profiled.
	flameLongWindows = 3
)

// flameShape is a load without the servers.
type flameShape struct {
	name     string
	workload load.Workload
	clients  int
	depth    int
	pause    load.Interval
	windows  int // this many times --duration
}

func flameShapes() []flameShape {
	pause := load.Interval{Min: time.Second, Max: 2 * time.Second}
	return []flameShape{
		{"orders-100", load.Orders, 100, 1, pause, flameLongWindows},
		{"orders-10000", load.Orders, 10_000, 1, pause, 1},
		{"orders-full", load.Orders, 1000, 16, load.Interval{}, 1},
		{"submit-full", load.Submit, 1000, 16, load.Interval{}, 1},
	}
}

func flameLoadNames() (names []string) {
	for _, s := range flameShapes() {
		names = append(names, s.name)
	}
	return names
}

// flameLoads are all loads with their servers: the reactor, and what it replaces,
// which for orders has one SQL transaction for each.
func (b *bench) flameLoads(ctx context.Context, window time.Duration) []flameLoad {
	pool, _ := b.makePool(ctx, nil)
	var loads []flameLoad
	for _, s := range flameShapes() {
		if b.quick {
			s, window = s.quick(), time.Second
		}
		if s.workload == load.Orders {
			s.clients = min(s.clients, len(b.accounts.Accounts))
		}
		servers := pool.pick(responseServers(string(s.workload)))
		if len(servers) == 0 {
			continue // --servers has neither of them
		}
		loads = append(loads, flameLoad{s.name, s.title(), load.Plan{
			Servers: servers, Rounds: 1, Cells: []load.Cell{{Name: s.title(), Options: b.flameOptions(s, window)}},
		}})
	}
	return loads
}

func (b *bench) flameOptions(s flameShape, window time.Duration) load.Options {
	o := load.Options{
		Workload: s.workload, Connections: s.clients, Depth: s.depth, Interval: s.pause,
		Warmup: flameWarmup, Duration: time.Duration(s.windows) * window.Truncate(time.Second),
	}
	if b.quick {
		o.Warmup = flameWarmup / 10
	}
	if s.workload == load.Orders {
		o.Accounts, o.Instruments = b.accounts.Accounts, b.accounts.Instruments
	}
	return o
}

// quick is a small and short load of the same kind.
func (s flameShape) quick() flameShape {
	s.clients, s.windows = min(s.clients, flameQuickConnections), 1
	s.pause.Min, s.pause.Max = s.pause.Min/10, s.pause.Max/10
	return s
}

// title is e.g. "orders, 100 clients, a pause of 1s to 2s".
func (s flameShape) title() string {
	text := fmt.Sprintf("%s, %d clients", s.workload, s.clients)
	if s.pause.Max > 0 {
		return fmt.Sprintf("%s, each pausing %v to %v between two requests", text, s.pause.Min, s.pause.Max)
	}
	return fmt.Sprintf("%s at full load, %d requests open on each", text, s.depth)
}
