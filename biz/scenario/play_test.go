package scenario_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/scenario"
	"holdfast/biz/simulation"
)

// playText plays a scenario on a server for itself and returns the report.
func playText(t *testing.T, text string) *scenario.Report {
	t.Helper()
	r, err := scenario.Play(t.Context(), []*scenario.Scenario{parse(t, text)}, own(t))
	must(t, err)
	return r
}

// TestPlay are scenarios that must pass, beside those of the library.
func TestPlay(t *testing.T) {
	for name, text := range map[string]string{
		"relative prices, variables and sessions": `scenario "x"
server
clients alice/phone bob=100009
instruments X Y
alice: buy 100 X limit -50% as a1
  NEW limit 5.00 or NEW
  order a1 limit 5.00
alice: buy 100 X limit +1% as a2
  FILLED average 10.00
alice/phone: connects
alice/phone: logs in
alice/phone: sell 50 X stop -10.05% as a3
  NEW
  order a3 stop 8.99
bob: positions none
alice: cancel all of alice
  OK count 2
operator: buy 100 X
  REJECTED NOT_ENOUGH_CASH`,
		"steps to a time": `scenario "x"
server clock stepped start 2026-01-05T09:30:00+08:00
clients alice
alice: buy 100 600100 limit 9 gtd 10:00:30 as a1
step to 10:00
alice: orders a1
step to 10:00:29
  alice: orders a1
step 1s
  alice: expects order a1 EXPIRED cause DATE
alice: buy 100 600100 limit 9 gtd 09:00 as tomorrow
step to 2026-01-06T08:59:59+08:00
alice: orders tomorrow
step 1s
alice: orders none`,
		"at the same time": `scenario "x"
server clock stepped
clients alice alice/phone
alice/phone: logs in
alice: buy 100 600100 limit 9 as a1
alice: cancel a1
  CANCELLED or REJECTED TOO_LATE
and alice/phone: cancel a1
  CANCELLED or REJECTED TOO_LATE
and operator: fill a1
  FILLED or REJECTED TOO_LATE
and step 1m
alice: orders none`,
		"a snapshot after a login elsewhere": `scenario "x"
server
clients alice
alice: disconnects
alice: reconnects with a snapshot
alice: buy 1 600100 as a1
alice: logs out
alice: logs in
  execution a1
operator: disconnect alice
  alice: expects disconnect within 1s
alice: reconnects`,
		"nobody but the operator": `scenario "x"
server
operator: halt ALFA
operator: quote 600100 halted`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complain(t, playText(t, text))
		})
	}
}

// TestErrorsEndAScenario: after an error that is not a refusal, the other steps are skipped.
func TestErrorsEndAScenario(t *testing.T) {
	for name, tc := range map[string]struct{ text, got string }{
		"not connected":             {"alice/x: pulls", "alice/x: the session is not connected: let it log in first"},
		"check while not connected": {"alice: pulls\n  alice/x: positions none", "alice/x: the session is not connected: let it log in first"},
		"connected already":         {"alice: connects", "the session is connected already"},
		"order that was refused":    {"alice: sell 1 600100 as a1\n  REJECTED\nalice: cancel a1", "the order a1 was not accepted"},
		"closed":                    {"alice: disconnects\nalice: pulls", "client closed"},
		"several executions":        {"alice: buy 2 600100 with parts=2 as a1\noperator: bust a1", "the order a1 has 2 executions: name one, such as a1/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := playText(t, "scenario \"x\"\nserver\nclients alice alice/x bob\naccount alice directives\n"+tc.text+"\nbob: positions none\n  bob: orders none\n")
			at := len(r.Steps) - 3
			if at < 0 || !strings.HasPrefix(r.Steps[at].Got, tc.got) || r.Steps[at].OK || r.Steps[at+1].Got != "skipped" || r.Steps[at+1].OK {
				t.Errorf("got %v", r.Steps)
			}
		})
	}
}

// TestSkipped: without a server for itself, or without a server that any scenario can run on, a
// scenario is skipped, and the report says why.
func TestSkipped(t *testing.T) {
	shared, alone := parse(t, "scenario \"any\"\nclients a\ninstruments X\na: starts with X 100\n"), parse(t, "scenario \"own\"\nclients a\nserver\na: pulls\n")
	both := []*scenario.Scenario{shared, alone}
	r, err := scenario.Play(t.Context(), both, scenario.Options{Addr: startServer(t, simulation.Config{})})
	must(t, err)
	complain(t, r)
	if want := (scenario.Skip{Case: "own", File: "test.scenario", Why: "it needs a server for itself (line 3)"}); len(r.Skipped) != 1 || r.Skipped[0] != want {
		t.Errorf("skipped %v, want %v", r.Skipped, want)
	}
	r, err = scenario.Play(t.Context(), both, own(t))
	must(t, err)
	complain(t, r)
	if len(r.Skipped) != 1 || r.Skipped[0].Why != "there is no server to run it on" {
		t.Errorf("skipped %v", r.Skipped)
	}
	var b strings.Builder
	must(t, r.WriteText(&b))
	if want := "\nskipped any (test.scenario): there is no server to run it on\n\n1 client, 4 steps: all as expected"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

// TestCheck: what the file alone does not show is found before anything starts.
func TestCheck(t *testing.T) {
	const head = "scenario \"x\"\nclients a\n"
	for name, tc := range map[string]struct{ text, want string }{
		"instrument":      {"server\na: buy 1 60010O\n", `4: unknown instrument "60010O" (did you mean "600100"?)`},
		"unlike any":      {"server\na: position TIN none\n", `4: unknown instrument "TIN"`},
		"in a holding":    {"server\naccount a 601100 1 at 1\na: pulls\n", `4: unknown instrument "601100" (did you mean "600100"?)`},
		"seed":            {"server seed \"none.json\"\na: pulls\n", "3: open none.json: no such file or directory"},
		"expected":        {"server\na: buy 1 NONE\n  REJECTED UNKNOWN_INSTRUMENT\n", ""},
		"variable":        {"server\ninstruments X\na: buy 1 X\n", ""},
		"with the market": {"server seed mainland\na: quote EAST/601100\na: quote EAST/688100\n", `5: unknown instrument "EAST/688100"`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := scenario.Play(t.Context(), []*scenario.Scenario{parse(t, head+tc.text)}, own(t))
			var wrong scenario.Errors
			if tc.want == "" {
				must(t, err)
				return
			}
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "test.scenario:"+tc.want) || len(r.Steps) > 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSameName(t *testing.T) {
	s := parse(t, "scenario \"x\"\nclients a\na: pulls\n")
	if _, err := scenario.Play(t.Context(), []*scenario.Scenario{s, s}, scenario.Options{}); !errors.Is(err, scenario.ErrName) {
		t.Errorf("got %v", err)
	}
}

// TestNoVenue: a server that does not start, or does not stop well, is a failed step.
func TestNoVenue(t *testing.T) {
	text := "scenario \"x\"\nclients a\nserver\na: pulls\n"
	o := scenario.Options{Start: func(context.Context, *scenario.Server) (scenario.Running, error) {
		return scenario.Running{}, errors.New("no port is free")
	}}
	r, err := scenario.Play(t.Context(), []*scenario.Scenario{parse(t, text)}, o)
	must(t, err)
	if first := r.Steps[0]; first.Got != "no port is free" || first.OK || first.Line != 3 || r.Steps[1].Got != "skipped" {
		t.Errorf("got %v", r.Steps)
	}
	o = own(t)
	start := o.Start
	o.Start = func(ctx context.Context, s *scenario.Server) (scenario.Running, error) {
		running, err := start(ctx, s)
		stop := running.Stop
		running.Stop = func() error { return errors.Join(stop(), errors.New("the disk is full")) }
		return running, err
	}
	r, err = scenario.Play(t.Context(), []*scenario.Scenario{parse(t, text)}, o)
	must(t, err)
	if last := r.Steps[len(r.Steps)-1]; last.Got != "the disk is full" || last.OK || last.Step != "stop the server" {
		t.Errorf("got %v", r.Steps)
	}
}

// TestCancelled: with the end of the context, all steps are in the report. No server goes on: see
// TestMain.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := own(t)
	o.Log = cancelOn{"buy 1", cancel}
	list := []*scenario.Scenario{
		parse(t, "scenario \"x\"\nclients a\nserver\na: buy 1 600100\na: expects repriced 600100 within 1h\na: pulls\n"),
		parse(t, "scenario \"y\"\nclients a\nserver\na: expects disconnect within 1h\n"),
	}
	r, err := scenario.Play(ctx, list, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if ok, _ := r.Count(); len(r.Steps) != 10 || ok < 3 || !r.Failed() {
		t.Errorf("%d steps, %d went well", len(r.Steps), ok)
	}
}

// cancelOn cancels when a line with this text is logged.
type cancelOn struct {
	text   string
	cancel func()
}

// Write implements io.Writer.
func (c cancelOn) Write(b []byte) (int, error) {
	if strings.Contains(string(b), c.text) {
		c.cancel()
	}
	return len(b), nil
}

// TestSeedFile: the path of a seed file is relative to the scenario file.
func TestSeedFile(t *testing.T) {
	s, err := scenario.Parse(filepath.Join("folder", "x.scenario"), []byte("scenario \"x\"\nserver seed \"mine.json\"\nclients a\na: pulls\n"))
	must(t, err)
	if s.Server.Seed != filepath.Join("folder", "mine.json") {
		t.Errorf("seed %q", s.Server.Seed)
	}
}
