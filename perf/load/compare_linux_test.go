package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/perf/load"
)

// rawServer returns the test program as a server.
func rawServer(t *testing.T, name string) load.Server {
	t.Helper()
	return rawServerAt(name, freeAddr(t))
}

func rawServerAt(name, addr string) load.Server {
	return load.Server{Name: name, Cmd: []string{os.Args[0]}, Env: []string{serveAt + "=" + addr}, Addr: addr, Disposable: true}
}

func smallPlan(servers ...load.Server) load.Plan {
	o := load.Options{Connections: 2, Depth: 2, Duration: 60 * time.Millisecond, MemoryWait: time.Millisecond}
	return load.Plan{Servers: servers, Cells: []load.Cell{{Options: o}}}
}

func TestCompare(t *testing.T) {
	var before, after unix.CPUSet
	must(t, unix.SchedGetaffinity(0, &before))
	var lines bytes.Buffer
	polite := rawServer(t, "two")
	polite.Disposable = false
	p := smallPlan(rawServer(t, "one"), polite)
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
		rate, ok := s.Metric(load.MetricRate)
		if !ok || rate.Min <= 0 || rate.Min > rate.Median || rate.Median > rate.Max {
			t.Errorf("%s: rate %+v", s.Name, rate)
		}
		if s.Name == "two" && rate.Ratio != 1 {
			t.Errorf("the reference has ratio %v", rate.Ratio)
		}
	}
	if !c.Pinned && c.Notes == "" {
		t.Error("nothing was pinned, and no note says so")
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	if c.Runs != 4 || c.Planned != 4 {
		t.Errorf("%d of %d runs, want 4 of 4", c.Runs, c.Planned)
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
		{"ends at once", shell("bad", "echo no such option; echo -x; exit 3"), []string{load.ErrServerExited.Error(), "no such option -x"}},
		{"no such program", load.Server{Name: "none", Cmd: []string{"./there-is-no-such-program"}, Addr: freeAddr(t)}, []string{"none"}},
		{"killed by somebody", shell("bad", "kill -9 $$"), []string{load.ErrServerExited.Error(), "signal: killed"}},
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

// Each run has its counts, or a note says why not.
func TestCompareCounts(t *testing.T) {
	var counter mallocs
	s := rawServer(t, "one")
	s.Mallocs = counter.read
	c, err := load.Compare(t.Context(), smallPlan(s))
	if err != nil {
		t.Fatal(err)
	}
	result := c.Cells[0].Servers[0]
	if m, ok := result.Metric(load.MetricAllocations); !ok || m.Median != 0 {
		t.Errorf("allocations %+v, %v, want 0: failures %v", m, ok, result.Failures)
	}
	_, counted := result.Metric(load.MetricSyscalls)
	if excused := strings.Contains(c.Notes, "system calls are not counted"); counted == excused {
		t.Errorf("system calls counted: %v, notes %q", counted, c.Notes)
	}
	if _, ok := result.Metric(load.MetricPushes); ok {
		t.Error("pushes of a load that has none")
	}
}

func TestCompareRunsBeside(t *testing.T) {
	var names []string
	p := smallPlan(rawServer(t, "good"), rawServer(t, "bad"))
	p.Cells[0].During = func(_ context.Context, server string) error {
		names = append(names, server)
		if server == "bad" {
			return errors.New("no profile")
		}
		return nil
	}
	c, err := load.Compare(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := c.Cells[0].Servers[0], c.Cells[0].Servers[1]
	if len(good.Reports) != 1 || len(bad.Reports) != 0 || !strings.Contains(bad.Failures[0], "no profile") {
		t.Errorf("good %+v, bad %+v", good, bad)
	}
	if !slices.Equal(names, []string{"good", "bad"}) {
		t.Errorf("ran beside %v", names)
	}
}

// A server that dies under load is a failure that says so; the others go on.
func TestCompareOutlivesAServer(t *testing.T) {
	mortal := rawServer(t, "mortal")
	file := filepath.Join(t.TempDir(), "pid")
	mortal.Cmd = []string{"sh", "-c", "echo $$ > " + file + "; exec " + os.Args[0]}
	p := smallPlan(mortal, rawServer(t, "good"))
	p.Cells[0].Options.Duration = time.Second
	p.Cells[0].During = func(_ context.Context, server string) error {
		if server == "good" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		return errors.Join(err, syscall.Kill(pid, syscall.SIGKILL))
	}
	p.Cells = append(p.Cells, smallPlan().Cells[0])
	c, err := load.Compare(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	failures := c.Cells[0].Servers[0].Failures
	if len(failures) != 1 || !strings.Contains(failures[0], load.ErrServerExited.Error()) || !strings.Contains(failures[0], "signal: killed") {
		t.Errorf("failures %q", failures)
	}
	if len(c.Cells[0].Servers[1].Reports) != 1 || len(c.Cells[1].Servers[0].Reports) != 1 {
		t.Error("the other runs were not made")
	}
}

// However a comparison ends, its server ends with it.
func TestServersDoNotOutliveTheComparison(t *testing.T) {
	addr := freeAddr(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), compareAt+"="+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitServer(t, addr, true)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	awaitServer(t, addr, false)
}

// awaitServer waits until a server listens at addr, or none does.
func awaitServer(t *testing.T, addr string, up bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		if (err == nil) == up {
			return
		}
	}
	t.Fatalf("is the server up? want %v", up)
}

func TestCompareKillsDisposableServers(t *testing.T) {
	s := load.Server{Name: "deaf", Cmd: []string{"sh", "-c", "trap '' TERM; while :; do sleep 0.01; done"}, Addr: freeAddr(t)}
	s.Disposable = true
	s.Ready = func(context.Context) error { return errors.New("not yet") }
	p := smallPlan(s)
	p.StartTimeout, p.StopTimeout = 10*time.Millisecond, time.Hour
	if _, err := load.Compare(t.Context(), p); err != nil {
		t.Error(err)
	}
}

func TestCompareSaves(t *testing.T) {
	full := errors.New("disk full")
	cases := []struct {
		name string
		save func(runs int, cancel func()) error
		runs []int // made when Save was called
		want error
	}{
		{"after each round", func(int, func()) error { return nil }, []int{1, 2, 3}, nil},
		{"also what was measured until the end came", func(runs int, cancel func()) error { cancel(); return nil }, []int{1, 1}, context.Canceled},
		{"until it fails", func(int, func()) error { return full }, []int{1}, full},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var runs []int
			p := smallPlan(rawServer(t, "one"))
			p.Rounds = 3
			p.Save = func(now *load.Comparison) error {
				runs = append(runs, now.Runs)
				if _, ok := now.Cells[0].Servers[0].Metric(load.MetricRate); !ok {
					t.Error("saved without metrics")
				}
				return c.save(now.Runs, cancel)
			}
			result, err := load.Compare(ctx, p)
			if !errors.Is(err, c.want) || !slices.Equal(runs, c.runs) {
				t.Errorf("error %v, saved after %v runs, want %v", err, runs, c.runs)
			}
			if incomplete := strings.Contains(result.String(), "incomplete"); incomplete != (c.want != nil) {
				t.Errorf("incomplete: %v\n%s", incomplete, result)
			}
		})
	}
}
