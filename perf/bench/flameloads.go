package bench

import (
	"context"
	"fmt"
	"time"

	"holdfast/perf/load"
)

const (
	flameQuickConnections = 50
	// flameWarmup is enough for every connection's first request: it is no shorter
	// than the longest pause.
	flameWarmup = 2 * time.Second
)

// flameShape is a load without its servers and durations.
type flameShape struct {
	name    string
	options load.Options
	windows int // how many times longer than others a server is profiled
}

func flameShapes() []flameShape {
	pause := load.Interval{Min: time.Second, Max: 2 * time.Second}
	return []flameShape{
		{"orders-100", load.Options{Workload: load.Orders, Connections: 100, Depth: 1, Interval: pause}, 3}, // nearly idle
		{"orders-10000", load.Options{Workload: load.Orders, Connections: 10_000, Depth: 1, Interval: pause}, 1},
		{"orders-full", load.Options{Workload: load.Orders, Connections: 1000, Depth: 16}, 1},
		{"submit-full", load.Options{Workload: load.Submit, Connections: 1000, Depth: 16}, 1},
	}
}

// FlameLoads lists what Options.Loads may hold.
func FlameLoads() (names []string) {
	for _, s := range flameShapes() {
		names = append(names, s.name)
	}
	return names
}

// flamePlans returns a plan with one cell for each load, for this server and the design
// it replaces.
func (b *bench) flamePlans(ctx context.Context, window time.Duration) (plans []plan) {
	available, _ := b.makePool(ctx, nil)
	for _, s := range flameShapes() {
		o := s.options
		o.Warmup, o.Duration = flameWarmup, time.Duration(s.windows)*window.Truncate(time.Second)
		if b.Quick {
			o.Connections, o.Warmup, o.Duration = min(o.Connections, flameQuickConnections), flameWarmup/10, time.Second
			o.Interval.Min, o.Interval.Max = o.Interval.Min/10, o.Interval.Max/10
		}
		if o.Workload == load.Orders {
			o.Connections, o.Accounts, o.Instruments = min(o.Connections, len(b.accounts)), b.accounts, b.instruments
		}
		if servers := available.pick(replaced(o.Workload)); len(servers) > 0 {
			plans = append(plans, plan{s.name, load.Plan{
				Servers: servers, Rounds: 1, Cells: []load.Cell{{Name: flameTitle(o), Options: o}},
			}})
		}
	}
	return plans
}

// flameTitle returns e.g. "orders, 100 clients, each pausing 1s to 2s between two
// requests".
func flameTitle(o load.Options) string {
	text := fmt.Sprintf("%s, %d clients", o.Workload, o.Connections)
	if o.Interval.Max > 0 {
		return fmt.Sprintf("%s, each pausing %v to %v between two requests", text, o.Interval.Min, o.Interval.Max)
	}
	return fmt.Sprintf("%s at full load, %d requests open on each", text, o.Depth)
}
