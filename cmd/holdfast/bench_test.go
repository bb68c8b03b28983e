package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/perf/load"
	"holdfast/perf/report"
)

// bench runs a command of bench in the folder dir. These commands start this
// program again, so they run in a child here, too. The tests do not check what they
// measure.
func bench(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"bench"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	scratch := t.TempDir()
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1", "TMPDIR="+scratch)
	defer func() {
		if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}()
	if err := cmd.Run(); err != nil {
		if exit := new(exec.ExitError); !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// benchOK is bench for a command that has to succeed.
func benchOK(t *testing.T, dir string, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := bench(t, dir, args...)
	if code != 0 {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	return stdout
}

// tiny makes runs as short as they can be.
func tiny(args ...string) []string {
	return append(args, "--rounds", "1", "--duration", "50ms", "--warmup", "10ms")
}

func readJSON(t *testing.T, v any, parts ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkRan looks for a report of every server in every cell.
func checkRan(t *testing.T, name string, c *load.Comparison, cells int, servers ...string) {
	t.Helper()
	if len(c.Cells) != cells {
		t.Errorf("%s has %d cells, want %d", name, len(c.Cells), cells)
	}
	for _, cell := range c.Cells {
		var names []string
		for _, s := range cell.Servers {
			names = append(names, s.Name)
			if len(s.Reports) != 1 || len(s.Failures) != 0 {
				t.Errorf("%s, %s: %s has %d reports, failures %q", name, cell.Name, s.Name, len(s.Reports), s.Failures)
			}
		}
		if !slices.Equal(names, servers) {
			t.Errorf("%s, %s: servers %v, want %v", name, cell.Name, names, servers)
		}
	}
}

func TestBenchCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("skip: half a minute of servers: leave out -short")
	}
	t.Parallel()
	dir := t.TempDir()
	stdout := benchOK(t, dir, tiny("compare", "--connections", "4,6", "--depths", "2", "--workloads", "submit,orders,positions,push,idle",
		"--servers", "gnet,reactor,readwriter,readwriter-sql", "--json", "raw.json")...)
	var got report.Compare
	readJSON(t, &got, dir, "raw.json")
	wants := []struct {
		name, reference, baseline string
		cells                     int
		servers                   []string
	}{
		{"submit", "gnet", "readwriter", 2, []string{"gnet", "reactor", "readwriter"}},
		{"orders", "reactor", "readwriter", 2, []string{"reactor", "readwriter", "readwriter-sql"}},
		{"positions", "reactor", "readwriter", 2, []string{"reactor", "readwriter"}},
		{"push", "reactor", "readwriter", 2, []string{"reactor", "readwriter"}},
		{"idle", "gnet", "readwriter", 1, []string{"gnet", "reactor", "readwriter"}},
		{"idle-login", "reactor", "readwriter", 1, []string{"reactor", "readwriter"}},
	}
	if len(got.Workloads) != len(wants) || !got.Complete {
		t.Fatalf("%d workloads, complete %v", len(got.Workloads), got.Complete)
	}
	for i, want := range wants {
		w := got.Workloads[i]
		if w.Name != want.name || w.Comparison.Reference != want.reference || w.Comparison.Baseline != want.baseline {
			t.Errorf("%s has reference %s and baseline %s; want %+v", w.Name, w.Comparison.Reference, w.Comparison.Baseline, want)
		}
		checkRan(t, w.Name, w.Comparison, want.cells, want.servers...)
		if !strings.Contains(stdout, "== "+want.name) {
			t.Errorf("the tables lack %s", want.name)
		}
	}
	if c := got.Workloads[4].Comparison.Cells[0]; c.Connections != 6 {
		t.Errorf("idle with %d connections, want the most", c.Connections)
	}
	if got.Environment.Command == "" || strings.Contains(got.Environment.Command, dir) {
		t.Errorf("command %q", got.Environment.Command)
	}
}

// TestBenchDialects compares listeners of other dialects, and chats.
func TestBenchDialects(t *testing.T) {
	if testing.Short() {
		t.Skip("skip: half a minute of servers: leave out -short")
	}
	t.Parallel()
	dir := t.TempDir()
	benchOK(t, dir, tiny("compare", "--connections", "4", "--depths", "2", "--workloads", "dialects,fix,websocket,chat,broadcast",
		"--servers", "reactor,reactor-fix,reactor-tlv,reactor-websocket,reactor-json,reactor-mixed,readwriter,coalescing", "--json", "raw.json")...)
	var got report.Compare
	readJSON(t, &got, dir, "raw.json")
	dialects := []string{"reactor", "reactor-tlv", "reactor-websocket", "reactor-json"}
	wants := []struct {
		name    string
		cells   int
		servers []string
	}{
		{"dialects-submit", 1, dialects},
		{"dialects-orders", 1, dialects},
		{"fix-orders", 1, []string{"reactor-fix", "reactor"}},
		{"fix-idle-login", 1, []string{"reactor-fix", "reactor"}},
		{"websocket-submit", 1, []string{"reactor-websocket"}},
		{"websocket-idle", 1, []string{"reactor-websocket"}},
		{"websocket-idle-login", 1, dialects},
		{"websocket-half-open", 1, []string{"reactor-websocket"}},
		{"chat", 3, []string{"reactor", "readwriter", "coalescing"}},
		{"chat-websocket", 2, []string{"reactor-websocket"}},
		{"broadcast", 1, []string{"reactor", "reactor-websocket", "reactor-mixed"}},
	}
	if len(got.Workloads) != len(wants) || !got.Complete {
		t.Fatalf("%d workloads, complete %v", len(got.Workloads), got.Complete)
	}
	for i, want := range wants {
		w := got.Workloads[i]
		if w.Name != want.name || w.Comparison.Reference != want.servers[0] {
			t.Errorf("%s has reference %s; want %+v", w.Name, w.Comparison.Reference, want)
		}
		checkRan(t, w.Name, w.Comparison, want.cells, want.servers...)
	}
	var spoken []load.Dialect
	for _, s := range got.Workloads[0].Comparison.Cells[0].Servers {
		spoken = append(spoken, s.Reports[0].Dialect)
	}
	if !slices.Equal(spoken, []load.Dialect{load.DialectPacket, load.DialectTLV, load.DialectWebSocket, load.DialectJSON}) {
		t.Errorf("dialects %v", spoken)
	}
	var rates []float64
	for _, cell := range got.Workloads[8].Comparison.Cells {
		rates = append(rates, cell.Servers[1].Reports[0].Rate)
	}
	if !slices.Equal(rates, []float64{4, 8, 16}) {
		t.Errorf("chats of %v messages a second", rates)
	}
}

func TestBenchResponse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout := benchOK(t, dir, tiny("response", "--clients", "3,5", "--intervals", "10ms-20ms,none", "--out", filepath.Join(dir, "made/here"))...)
	var got report.Response
	readJSON(t, &got, dir, "made/here/response-orders.json")
	checkRan(t, "orders", got.Comparison, 4, "reactor", "readwriter-sql")
	if !got.Complete || !strings.Contains(stdout, "orders, interval 10ms-20ms") {
		t.Errorf("complete %v, text %s", got.Complete, stdout)
	}
	checkResults(t, filepath.Join(dir, "made/here"))
}

// TestBenchAll writes a complete folder, then repeats one of its parts.
func TestBenchAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{
		"all", "--quick", "--rounds", "1", "--duration", "50ms", "--connections", "4", "--clients", "3", "--intervals", "none",
		"--servers", "reactor,readwriter", "--workloads", "submit,idle", "--out", "results",
	}
	stdout := benchOK(t, dir, args...)
	if !strings.Contains(stdout, "results are in results/README.md") {
		t.Errorf("it does not say where the results are: %s", stdout)
	}
	results := filepath.Join(dir, "results")
	checkResults(t, results)
	var compare report.Compare
	readJSON(t, &compare, results, "compare.json")
	checkRan(t, "submit", compare.Workloads[0].Comparison, 2, "reactor", "readwriter")
	for _, name := range []string{
		"environment.json", "compare.txt", "response-orders.txt", "response-orders.json",
		"plots/submit-cpu.svg", "plots/idle-memory.svg", "plots/response-orders.svg", "flame/shares.json",
	} {
		if _, err := os.Stat(filepath.Join(results, name)); err != nil {
			t.Error(err)
		}
	}
	if code, _, stderr := bench(t, dir, args...); code != 1 || !strings.Contains(stderr, "results is not empty") {
		t.Errorf("a second run there: code %d, %s", code, stderr)
	}
	before, err := os.ReadFile(filepath.Join(results, "compare.json"))
	if err != nil {
		t.Fatal(err)
	}
	benchOK(t, dir, append(args, "--only", "response")...)
	if after, err := os.ReadFile(filepath.Join(results, "compare.json")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("--only response touched the comparison (%v)", err)
	}
	checkResults(t, results)
}

// checkResults: the links of the page lead somewhere, its charts are XML, and
// nothing in it is marked as incomplete.
func checkResults(t *testing.T, dir string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("**Incomplete**")) || bytes.Contains(page, []byte(filepath.Dir(dir))) {
		t.Errorf("the page is incomplete, or names a folder of this machine:\n%s", page)
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllSubmatch(page, -1)
	if len(links) == 0 {
		t.Error("the page has no links")
	}
	for _, link := range links {
		file, err := os.Open(filepath.Join(dir, string(link[1])))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.HasSuffix(string(link[1]), ".svg") {
			checkXML(t, file)
		}
		file.Close()
	}
}

func checkXML(t *testing.T, file *os.File) {
	t.Helper()
	for decoder := xml.NewDecoder(file); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", file.Name(), err)
			return
		}
	}
}

// TestBenchStopped: what was measured before Ctrl-C is kept, and marked.
func TestBenchStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "bench", "compare", "--rounds", "1000000", "--duration", "10ms", "--warmup", "0s",
		"--connections", "2", "--depths", "1", "--workloads", "submit", "--servers", "reactor", "--out", "results")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	lines, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []byte
	for buf := make([]byte, 1000); !bytes.Contains(seen, []byte("\n2/1000000")); {
		n, err := lines.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			t.Fatalf("%v after %s", err, seen)
		}
	}
	cancel()
	_, _ = io.Copy(io.Discard, lines)
	_ = cmd.Wait() // its error is the context's
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("code %d, want 130", code)
	}
	var got report.Compare
	readJSON(t, &got, dir, "results", "compare.json")
	if s := got.Workloads[0].Comparison.Cells[0].Servers[0]; len(s.Reports) < 2 || got.Complete {
		t.Errorf("%d reports were kept, complete %v", len(s.Reports), got.Complete)
	}
	page, err := os.ReadFile(filepath.Join(dir, "results", "README.md"))
	if err != nil || !bytes.Contains(page, []byte("**Incomplete**")) {
		t.Errorf("the page does not say that it is incomplete (%v)", err)
	}
}

// TestBenchWithoutResults runs the command with fewer descriptors than connections, so
// that no run can succeed.
func TestBenchWithoutResults(t *testing.T) {
	t.Parallel()
	script := `ulimit -n 100; exec "$0" bench compare --workloads submit --servers gnet --connections 200 --depths 1 --rounds 1 --duration 10ms`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "submit: every run failed") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestBenchUsage(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no such server", []string{"compare", "--servers", "reactr"}, `--servers "reactr" is not one of c, gnet`},
		{"no such workload", []string{"compare", "--workloads", "sleep"}, `--workloads "sleep" is not one of submit, orders, positions, push, idle`},
		{"no connections", []string{"compare", "--connections", "0"}, `--connections wants whole numbers from 1 to 499999, separated by commas, got "0"`},
		{"no rounds", []string{"all", "--rounds", "0"}, `--rounds wants a whole number from 1 to 2147483647, got "0"`},
		{"no time", []string{"compare", "--duration", "0s"}, `--duration wants a duration from 1ms to 8760h such as 20s or 1m30s, got "0s"`},
		{"no such interval", []string{"response", "--intervals", "soon"}, `--intervals wants a pause such as 1s-2s (the shorter first), 100ms or none, got "soon"`},
		{"no such response", []string{"response", "--workload", "push"}, `--workload wants one of orders, submit, got "push"`},
		{"server of another workload", []string{"response", "--servers", "gnet"}, `--servers "gnet" is not one of reactor, textbook`},
		{"nothing to compare", []string{"compare", "--workloads="}, `--workloads wants at least one of submit, orders`},
		{"no interval", []string{"response", "--intervals="}, `--intervals wants at least one pause`},
		{"no part", []string{"all", "--only="}, `--only wants at least one of compare, response, flame`},
		{"no load", []string{"flame", "--loads="}, `--loads wants at least one of `},
		{"no such part", []string{"all", "--only", "half"}, `--only "half" is not one of compare, response, flame`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, _, stderr := runProgram(t, append([]string{"bench"}, tc.args...)...)
			if code != 2 || !strings.Contains(stderr, tc.want) {
				t.Errorf("code %d: %s", code, stderr)
			}
		})
	}
}

func TestLoadOnAServer(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	for _, workload := range []string{"submit", "heartbeat", "orders", "idle"} {
		t.Run(workload, func(t *testing.T) {
			code, stdout, stderr := runProgram(t, "load", "--addr", s.addr, "--workload", workload,
				"--connections", "20", "--depth", "4", "--warmup", "50ms", "--duration", "200ms")
			if code != 0 || !strings.Contains(stdout, "20 connections") {
				t.Errorf("code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = (&main.Program{Args: args, Stdout: &out, Stderr: &errs}).Run(t.Context())
	return code, out.String(), errs.String()
}
