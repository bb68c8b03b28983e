package main_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/scenario"
	main "holdfast/cmd/holdfast"
)

func TestScenarioWithItsOwnServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	code, stdout, stderr := run(t, "scenario", "--timeout", "2m", "--json", file)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "\n10 clients, ") || !strings.Contains(stdout, ": all as expected, in ") {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report scenario.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.Failed() || len(report.Steps) < 70 {
		t.Errorf("%d steps in the file", len(report.Steps))
	}
}

func TestScenarioOnAServer(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	if code, stdout, stderr := run(t, "scenario", "--timeout", "2m", "--addr", addr, "--first", "100021", "--verbose"); code != 0 ||
		!strings.Contains(stdout, "100021  worked example") || strings.Count(stderr, "ok ") < 70 {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	code, stdout, stderr := run(t, "scenario", "--timeout", "2m", "--addr", addr, "--password", "wrong")
	if code != 1 || !strings.Contains(stdout, "FAIL") || !strings.HasSuffix(stderr, "holdfast: the scenario failed: see the steps marked FAIL\n") {
		t.Errorf("wrong password: code %d, stderr %q", code, stderr)
	}
	code, stdout, _ = run(t, "scenario", "--timeout", "2m", "--addr", addr, "--first", "100021", "worked-example", "partial fills")
	if code != 0 || !strings.Contains(stdout, "\nskipped partial fills (library/11-partial-fills.scenario): it needs a server for itself (line 4)\n") {
		t.Errorf("skipped: code %d, stdout\n%s", code, stdout)
	}
	code, stdout, stderr = run(t, "scenario", "--timeout", "2m", "--addr", addr, "cascade")
	if code != 1 || !strings.Contains(stdout, "skipped cascade") || stderr != "holdfast: no scenario could run: see why they were skipped\n" {
		t.Errorf("nothing to run: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// scenarioFile writes a scenario file and returns its path.
func scenarioFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScenarioFiles(t *testing.T) {
	t.Parallel()
	good := scenarioFile(t, "good.scenario", "scenario \"good\"\nclients alice\ninstruments X\nalice: starts with X 100\n  positions X 100\n")
	bad := scenarioFile(t, "bad.scenario", "scenario \"bad\"\nserver clock stepped\nclients alice\nalice: buy 100 600100\n  FILLED\n  positions 600100 200\nstep 1m\n")
	code, stdout, stderr := run(t, "scenario", "--timeout", "2m", "--file", good, bad, "stop-orders", "--verbose")
	want := "  expected: FILLED; positions ALFA/600100 200\n  at: " + bad + ":6\n"
	if code != 1 || !strings.Contains(stdout, want) || !strings.Contains(stdout, "3 clients, ") || !strings.Contains(stdout, ": 1 failed, in ") {
		t.Errorf("code %d, stdout\n%s", code, stdout)
	}
	narrated := "FAIL  100001  bad: buy 100 600100: got FILLED; positions ALFA/600100 100, want FILLED; positions ALFA/600100 200 (" + bad + ":6)\n"
	if !strings.Contains(stderr, narrated) || !strings.Contains(stderr, "ok    900001  bad: step 1m: ") {
		t.Errorf("stderr\n%s", stderr)
	}
}

// TestScenarioMistakes: nothing starts if a name or a file is wrong.
func TestScenarioMistakes(t *testing.T) {
	t.Parallel()
	bad := scenarioFile(t, "bad.scenario", "scenario \"bad\"\nclients alice\nalice: byu 100 600100\nalice: sell x 600100\n")
	unlisted := scenarioFile(t, "unlisted.scenario", "scenario \"unlisted\"\nserver\nclients alice\nalice: buy 100 60010O\n")
	twin := scenarioFile(t, "twin.scenario", "scenario \"cascade\"\nserver\nclients alice\nalice: pulls\n")
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"name":    {[]string{"partial-fils"}, 2, `holdfast: the library has no scenario "partial-fils" (did you mean "partial-fills"?); "--list" lists them, --show prints one, and --file runs a file; see "holdfast scenario --help"` + "\n"},
		"show":    {[]string{"--show", "bast"}, 2, `holdfast: the library has no scenario "bast" (did you mean "bust"?); "--list" lists them, --show prints one, and --file runs a file; see "holdfast scenario --help"` + "\n"},
		"no file": {[]string{"--file", "none.scenario"}, 2, "holdfast: none.scenario: cannot be read: no such file or directory; create it, or choose another path\n"},
		"mistakes": {[]string{"--file", bad, unlisted}, 2, bad + ":3: unknown word \"byu\" (did you mean \"buy\"?)\n" + bad +
			":4: want a number of shares such as 100, got \"x\"; write: sell 3000 600100 [market] [limit 9.90] [stop 9.80] [day | gtc | gtd 1h | ioc | fok] [with parts=3] [as a1]\n" +
			"holdfast: nothing was started: scenario files have 2 mistakes\n"},
		"instrument": {[]string{unlisted}, 2, unlisted + ":4: unknown instrument \"60010O\" (did you mean \"600100\"?)\nholdfast: nothing was started: a scenario file has a mistake\n"},
		"same name":  {[]string{"all", twin}, 2, "holdfast: library/25-cascade.scenario and " + twin + " are both named \"cascade\": a report needs different names; see \"holdfast scenario --help\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"scenario"}, tc.args...)...)
			if code != tc.code || stdout != "" || stderr != tc.want {
				t.Errorf("code %d, stdout %q\ngot  %q\nwant %q", code, stdout, stderr, tc.want)
			}
		})
	}
}

func TestScenarioLibrary(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "scenario", "--list")
	lines := strings.Split(stdout, "\n")
	if code != 0 || stderr != "" || len(lines) < 32 || !strings.HasPrefix(lines[1], "worked-example          any      100 shares are worth") ||
		!strings.Contains(stdout, "\npartial-fills           its own  A limit order rests, ") {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	if code, stdout, _ := run(t, "scenario", "--show", "partial-fills"); code != 0 || !strings.Contains(stdout, "\nscenario \"partial fills\"\nserver seed mainland ") {
		t.Errorf("code %d, stdout\n%s", code, stdout)
	}
	if code, stdout, stderr := run(t, "scenario", "--timeout", "2m", "all"); code != 0 || !strings.Contains(stdout, ": all as expected, in ") {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
}

// TestScenarioHelp: the example in the help runs as it is.
func TestScenarioHelp(t *testing.T) {
	t.Parallel()
	_, help, _ := run(t, "scenario", "--help")
	_, rest, found := strings.Cut(help, "\n  # A limit order rests")
	example, _, closed := strings.Cut(rest, "\n\nMistakes are reported")
	if !found || !closed {
		t.Fatalf("no example in\n%s", help)
	}
	file := scenarioFile(t, "help.scenario", "#"+strings.ReplaceAll(example, "\n  ", "\n"))
	if code, stdout, stderr := run(t, "scenario", "--timeout", "2m", file); code != 0 {
		t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
}

// TestScenarioEvery: --every repeats the ten clients until a signal, and needs a running server.
func TestScenarioEvery(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lineWatch{line: "round 2: ", found: cancel}
	p := &main.Program{Args: []string{"scenario", "--timeout", "2m", "--every", "1ms", "--addr", testServer(t)}, Stdout: out}
	if code := p.Run(ctx); code != 130 || !strings.Contains(out.text.String(), "round 1: 10 clients, ") {
		t.Errorf("code %d: %s", code, &out.text)
	}
	for _, args := range [][]string{{}, {"--addr", "127.0.0.1:1", "cascade"}, {"--addr", "127.0.0.1:1", "--json"}} {
		if code, _, stderr := run(t, append([]string{"scenario", "--every", "3s"}, args...)...); code != 2 || !strings.Contains(stderr, "it needs --addr") {
			t.Errorf("%q: code %d, %q", args, code, stderr)
		}
	}
	if code, _, stderr := run(t, "scenario", "--every", "3s", "--addr", testServer(t), "--password", "wrong"); code != 1 || !strings.Contains(stderr, "in round 1") {
		t.Errorf("wrong password: code %d, %q", code, stderr)
	}
}

// lineWatch stores what is written, and calls found once it has the line.
type lineWatch struct {
	text  strings.Builder
	line  string
	found func()
}

// Write implements io.Writer.
func (l *lineWatch) Write(b []byte) (int, error) {
	l.text.Write(b)
	if strings.Contains(l.text.String(), l.line) {
		l.found()
	}
	return len(b), nil
}
