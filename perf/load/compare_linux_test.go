package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/perf/load"
)

// rawServer is the test program as a server of its own.
func rawServer(t *testing.T, name string) load.Server {
	t.Helper()
	addr := freeAddr(t)
	return load.Server{Name: name, Cmd: []string{os.Args[0]}, Env: []string{serveAt + "=" + addr}, Addr: addr}
}

func smallPlan(servers ...load.Server) load.Plan {
	o := load.Options{Connections: 2, Depth: 2, Duration: 60 * time.Millisecond, Settle: time.Millisecond}
	return load.Plan{Servers: servers, Cells: []load.Cell{{Options: o}}}
}

func TestCompare(t *testing.T) {
	var before, after unix.CPUSet
	must(t, unix.SchedGetaffinity(0, &before))
	var lines bytes.Buffer
	p := smallPlan(rawServer(t, "one"), rawServer(t, "two"))
	p.Rounds, p.Reference, p.Progress = 2, "two", &lines
	c, err := load.Compare(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	must(t, unix.SchedGetaffinity(0, &after))
	if before != after {
		t.Errorf("pinned to %v afterwards, before to %v", after, before)
	}
	checkComparison(t, c)
	if got := strings.Count(lines.String(), "\n"); got != 4 {
		t.Errorf("%d lines of progress, want 4:\n%s", got, lines.String())
	}
}

func checkComparison(t *testing.T, c *load.Comparison) {
	t.Helper()
	if len(c.Cells) != 1 || c.Cells[0].Name != "submit 2x2" || len(c.Cells[0].Servers) != 2 {
		t.Fatalf("cells %+v", c.Cells)
	}
	for _, s := range c.Cells[0].Servers {
		if len(s.Reports) != 2 || len(s.Failures) != 0 {
			t.Fatalf("%s: %d reports, failures %v", s.Name, len(s.Reports), s.Failures)
		}
		rate := s.Metrics[0]
		if rate.Min <= 0 || rate.Min > rate.Median || rate.Median > rate.Max {
			t.Errorf("%s: rate %+v", s.Name, rate)
		}
		if s.Name == "two" && rate.Ratio != 1 {
			t.Errorf("the reference has ratio %v", rate.Ratio)
		}
	}
	if !c.Pinned && c.Note == "" {
		t.Error("nothing was pinned, and no note says so")
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	if text := c.String(); !strings.Contains(text, "rate requests/s") || !strings.Contains(text, "1.00x") {
		t.Errorf("table:\n%s", text)
	}
}

func TestComparisonFoldsRounds(t *testing.T) {
	reports := func(bound bool, rates ...float64) (all []*load.Report) {
		for _, rate := range rates {
			all = append(all, &load.Report{PerSecond: rate, GeneratorBound: bound})
		}
		return all
	}
	cell := load.CellResult{Name: "c", Servers: []load.ServerResult{
		{Name: "odd", Reports: reports(false, 30, 10, 20)},
		{Name: "even", Reports: reports(true, 40, 10, 60, 80)},
		{Name: "none", Failures: []string{"broken"}},
	}}
	load.Fold(&cell, "odd")
	want := []load.Metric{
		{Name: "rate", Unit: "requests/s", Median: 20, Min: 10, Max: 30, Ratio: 1},
		{Name: "rate", Unit: "requests/s", Median: 50, Min: 10, Max: 80, Ratio: 2.5},
	}
	for i, m := range want {
		if got := cell.Servers[i].Metrics[0]; got != m {
			t.Errorf("%s: %+v, want %+v", cell.Servers[i].Name, got, m)
		}
	}
	text := (&load.Comparison{Reference: "odd", Rounds: 4, Note: "a note", Cells: []load.CellResult{cell}}).String()
	for _, line := range []string{"Note: a note", "even: the generator was the limit in 4 round(s)", "none: failed: broken"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	if strings.Contains(text, "odd: the generator") {
		t.Errorf("odd was not bound by the generator:\n%s", text)
	}
}

func TestCompareNotesFailures(t *testing.T) {
	never := func(context.Context) error { return errors.New("not yet") }
	shell := func(name, script string) load.Server {
		return load.Server{Name: name, Cmd: []string{"sh", "-c", script}, Addr: freeAddr(t)}
	}
	deaf := shell("deaf", "trap '' TERM; while :; do sleep 0.01; done")
	deaf.Ready = never
	cases := []struct {
		name   string
		server load.Server
		says   []string
	}{
		{"ends at once", shell("bad", "echo no such option; exit 3"), []string{load.ErrServerExited.Error(), "no such option"}},
		{"no such program", load.Server{Name: "none", Cmd: []string{"./there-is-no-such-program"}, Addr: freeAddr(t)}, []string{"none"}},
		{"never ready, and deaf to SIGTERM", deaf, []string{load.ErrNotReady.Error(), "not yet"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := smallPlan(rawServer(t, "good"), c.server)
			p.StartTimeout, p.StopTimeout = 2*time.Second, 50*time.Millisecond
			result, err := load.Compare(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			good, bad := result.Cells[0].Servers[0], result.Cells[0].Servers[1]
			if len(good.Reports) != 1 || len(bad.Reports) != 0 || len(bad.Failures) != 1 {
				t.Fatalf("good %+v, bad %+v", good, bad)
			}
			for _, want := range c.says {
				if !strings.Contains(bad.Failures[0], want) || !strings.Contains(result.String(), want) {
					t.Errorf("failure %q, want %q in it", bad.Failures[0], want)
				}
			}
		})
	}
}

func TestCompareRefusesPlans(t *testing.T) {
	good := smallPlan(load.Server{Name: "a", Cmd: []string{"true"}, Addr: "127.0.0.1:1"})
	cases := []struct {
		name   string
		change func(p *load.Plan)
	}{
		{"no server", func(p *load.Plan) { p.Servers = nil }},
		{"no cell", func(p *load.Plan) { p.Cells = nil }},
		{"no command", func(p *load.Plan) { p.Servers = []load.Server{{Name: "a"}} }},
		{"same name twice", func(p *load.Plan) { p.Servers = append(p.Servers, p.Servers[0]) }},
		{"unknown reference", func(p *load.Plan) { p.Reference = "b" }},
		{"no address", func(p *load.Plan) { p.Servers = []load.Server{{Name: "a", Cmd: []string{"true"}}} }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := good
			c.change(&p)
			if _, err := load.Compare(t.Context(), p); !errors.Is(err, load.ErrPlan) {
				t.Errorf("error %v, want ErrPlan", err)
			}
		})
	}
}

func TestCompareStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := rawServer(t, "one")
	s.Ready = func(context.Context) error { cancel(); return errors.New("not yet") }
	p := smallPlan(s)
	p.Rounds = 100
	c, err := load.Compare(ctx, p)
	if !errors.Is(err, context.Canceled) || c == nil || len(c.Cells[0].Servers[0].Failures) != 1 {
		t.Errorf("comparison %+v, error %v", c, err)
	}
}
