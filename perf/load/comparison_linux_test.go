package load_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/perf/load"
)

// runs returns a report for each rate, with a server that uses 1/rate of CPU.
func runs(w load.Workload, rates ...float64) (all []*load.Report) {
	for _, rate := range rates {
		cpu := 1e6 / rate
		all = append(all, &load.Report{
			Workload: w, Requests: 5000, PerSecond: rate, PushesPerSecond: 10 * rate,
			Latency: load.Latency{Count: 5000, P50: cpu, P99: 3 * cpu},
			Server: &load.ServerUse{
				CPUUse:     load.CPUUse{CPUPerRequest: cpu, UserPerRequest: cpu / 4, SystemPerRequest: 3 * cpu / 4},
				CPUPerPush: cpu / 10, After: load.Memory{RSS: 64 << 20}, IdleBytesPerConnection: rate,
			},
			Own: load.CPUUse{CPUPerRequest: 15},
		})
	}
	return all
}

func TestFoldTakesMediansAndRatios(t *testing.T) {
	cell := load.CellResult{Name: "c", Servers: []load.ServerResult{
		{Name: "odd", Reports: runs(load.Submit, 30, 10, 20)},
		{Name: "even", Reports: runs(load.Submit, 40, 10, 60, 80)},
		{Name: "base", Reports: runs(load.Submit, 5)},
		{Name: "none", Failures: []string{"broken"}},
	}}
	load.Fold(&cell, "odd", "base")
	want := []load.Metric{
		{Name: "rate", Unit: "requests/s", Median: 20, Min: 10, Max: 30, Ratio: 1, ToBaseline: 4},
		{Name: "rate", Unit: "requests/s", Median: 50, Min: 10, Max: 80, Ratio: 2.5, ToBaseline: 10},
		{Name: "rate", Unit: "requests/s", Median: 5, Min: 5, Max: 5, Ratio: 0.25, ToBaseline: 1},
	}
	for i, m := range want {
		if got, ok := cell.Servers[i].Metric(load.MetricRate); !ok || got != m {
			t.Errorf("%s: %+v, want %+v", cell.Servers[i].Name, got, m)
		}
	}
	if m, ok := cell.Servers[3].Metric(load.MetricRate); ok {
		t.Errorf("a server that failed has %+v", m)
	}
	if m, ok := cell.Servers[0].Metric(load.MetricAllocations); ok {
		t.Errorf("allocations that nobody counted: %+v", m)
	}
}

// A metric that one server lacks does not shift its other metrics.
func TestFoldMatchesMetricsByName(t *testing.T) {
	counted := runs(load.Submit, 10)
	counted[0].Server.AllocsPerRequest = new(2.0)
	cell := load.CellResult{Servers: []load.ServerResult{
		{Name: "a", Reports: counted}, {Name: "b", Reports: runs(load.Submit, 20)},
	}}
	load.Fold(&cell, "a", "")
	if m, _ := cell.Servers[1].Metric(load.MetricP99); m.Ratio != 0.5 || m.ToBaseline != 0 {
		t.Errorf("p99 %+v, want ratio 0.5 and no baseline", m)
	}
}

// A round without a reply has neither latency nor cost, so it is not the best.
func TestFoldOfASilentServer(t *testing.T) {
	silent := &load.Report{Workload: load.Orders, Server: busy(1)}
	cell := load.CellResult{Servers: []load.ServerResult{
		{Name: "silent", Reports: []*load.Report{silent}},
		{Name: "once", Reports: append(runs(load.Orders, 1000), silent)},
	}}
	load.Fold(&cell, "once", "")
	for _, name := range []string{load.MetricCPU, load.MetricUser, load.MetricSystem, load.MetricP50, load.MetricP99, load.MetricMax} {
		if m, ok := cell.Servers[0].Metric(name); ok {
			t.Errorf("a server that answered nothing has %+v", m)
		}
	}
	if m, _ := cell.Servers[1].Metric(load.MetricCPU); m.Min != 1000 || m.Max != 1000 {
		t.Errorf("%+v, want that of the one round with replies", m)
	}
	if m, ok := cell.Servers[0].Metric(load.MetricRate); !ok || m.Median != 0 {
		t.Errorf("rate %+v, %v: want 0", m, ok)
	}
}

// Pauses hold the rate down, so it says nothing about the generator.
func TestNotesOfClientsThatPause(t *testing.T) {
	cell := sampleComparison().Cells[0]
	cell.Interval.Max = time.Second
	for _, note := range cell.Notes() {
		if strings.HasPrefix(note, "the generator used") {
			t.Error(note)
		}
	}
}

// sampleComparison returns a cell for each kind of table, with all kinds of notes.
func sampleComparison() *load.Comparison {
	busy := runs(load.Submit, 20_000, 40_000)
	for _, r := range busy {
		r.GeneratorBound = true
		r.Server.SyscallsPerRequest, r.Server.AllocsPerRequest = new(0.125), new(2.0)
		r.Latency.Count, r.Errors, r.Results = 90, map[string]uint64{"reset": 2}, map[string]uint64{"REJECTED": 3}
		r.Notes = []string{"a note of a run"}
	}
	cells := []load.CellResult{
		{Name: "submit 10x1", Workload: load.Submit, Servers: []load.ServerResult{
			{Name: "c", Reports: runs(load.Submit, 100_000, 80_000)},
			{Name: "busy|", Reports: busy},
			{Name: "none", Failures: []string{"broken\nin two", "broken in two"}},
			{Name: "later"},
		}},
		{Name: "idle 10x1", Workload: load.Idle, Servers: []load.ServerResult{{Name: "c", Reports: runs(load.Idle, 500)}}},
		{Name: "push 10x1", Workload: load.Push, Servers: []load.ServerResult{{Name: "c", Reports: runs(load.Push, 10_000)}}},
	}
	for i := range cells {
		load.Fold(&cells[i], "c", "busy|")
	}
	return &load.Comparison{Reference: "c", Baseline: "busy|", Rounds: 2, Runs: 5, Planned: 12, Notes: "on one core", Cells: cells}
}

func TestComparisonString(t *testing.T) {
	const want = `Median [range] of 2 rounds; x c: ratio to c; incomplete: 5 of 12 runs
Note: on one core

submit 10x1
server            requests/s   x c  x busy|          CPU us/request   x c  x busy|   user + system  syscalls  allocs    p50     p99  memory after
c       90000 [80000-100000]  1.00     3.00  11.250 [10.000-12.500]  1.00     0.30   2.812 + 8.438         -       -  11 us   34 us      64.0 MiB
busy|    30000 [20000-40000]  0.33     1.00  37.500 [25.000-50.000]  3.33     1.00  9.375 + 28.125     0.125   2.000  38 us  112 us      64.0 MiB
none                  failed     -        -                       -     -        -               -         -       -      -       -             -
later                      -     -        -                       -     -        -               -         -       -      -       -             -
busy|: the generator was the limit in 2 rounds
busy|: few samples: one round's latencies are from only 90 samples
busy|: errors: reset 4
busy|: refused: REJECTED 6
busy|: a note of a run (2 times)
none: failed: broken in two (2 times)
the generator used 15.000 us/request with c, the cheapest server, which used 11.250 itself

idle 10x1
server  bytes/connection   x c  x busy|    memory
c                    500  1.00        -  64.0 MiB

push 10x1
server  orders/s  pushes/s   x c  x busy|  CPU us/push   x c  x busy|  syscalls  allocs     p50     p99  memory after
c          10000    100000  1.00        -       10.000  1.00        -         -       -  100 us  300 us      64.0 MiB
`
	if got := sampleComparison().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestComparisonMarkdown(t *testing.T) {
	got := string(sampleComparison().AppendMarkdown([]byte("before\n\n")))
	for _, want := range []string{
		"before\n\nMedian",
		"\n### submit 10x1\n\n| server | requests/s |",
		"\n| --- | ---: |",
		"| busy\\| |",
		"|\n\n- busy|: the generator was the limit in 2 rounds\n",
		"\n- none: failed: broken in two (2 times)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	columns := 0
	for line := range strings.Lines(got) {
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && n != 0 && n != columns && !strings.HasPrefix(line, "-") {
			t.Errorf("%d columns, not %d, in %q", n, columns, line)
		}
		columns = n
	}
}

func TestIntervals(t *testing.T) {
	for _, text := range []string{"1s-2s", "500ms-1s", "100ms", "0s-5ms", "none"} {
		i, err := load.ParseInterval(text)
		if err != nil || i.String() != text {
			t.Errorf("%q is read as %v, error %v", text, i, err)
		}
	}
	for _, text := range []string{"1", "2s-1s", "-1s", "1s-", "1s-2s-3s", "fast"} {
		if i, err := load.ParseInterval(text); err == nil {
			t.Errorf("%q is read as %v", text, i)
		}
	}
}
