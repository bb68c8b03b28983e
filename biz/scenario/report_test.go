package scenario_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/biz/scenario"
)

func sample() *scenario.Report {
	return &scenario.Report{
		Addr: "host:1", Start: time.Unix(0, 0).UTC(), Took: 1500 * time.Millisecond,
		Steps: []scenario.Step{
			{Client: 100001, Case: "none to some", Step: "start", Expected: "none", Got: "none", OK: true, Took: 1250 * time.Microsecond},
			{Client: 100001, Case: "none to some", Step: "buy", Expected: "A 1", Got: "A 2", Took: 12 * time.Millisecond},
			{Client: 100002, Case: "bust", Step: "start", Expected: "none", Got: "none", OK: true},
		},
	}
}

func TestReportText(t *testing.T) {
	var b strings.Builder
	must(t, sample().WriteText(&b))
	const want = `CLIENT  CASE          STEP      TOOK        RESULT
100001  none to some  start   1.2 ms  ok    none
                      buy    12.0 ms  FAIL  A 2
  expected: A 1
100002  bust          start   0.0 ms  ok    none

2 clients, 3 steps: 1 failed, in 1.5s
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestReportJSON(t *testing.T) {
	b, err := json.Marshal(sample())
	must(t, err)
	for _, want := range []string{
		`"addr":"host:1"`, `"began":"1970-01-01T00:00:00Z"`, `"took_ns":1500000000`,
		`{"client":100001,"case":"none to some","step":"buy","expected":"A 1","got":"A 2","ok":false,"took_ns":12000000}`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}

func TestReportVerdict(t *testing.T) {
	good, bad := sample().Steps[:1], sample().Steps
	for name, tc := range map[string]struct {
		steps  []scenario.Step
		failed bool
		text   string
	}{
		"good":    {good, false, "1 client, 1 step: all as expected, in 0s"},
		"bad":     {bad, true, "2 clients, 3 steps: 1 failed, in 0s"},
		"nothing": {nil, true, "0 clients, 0 steps: 0 failed, in 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &scenario.Report{Steps: tc.steps}
			if r.Failed() != tc.failed || r.Summary() != tc.text {
				t.Errorf("failed %t, %q", r.Failed(), r.Summary())
			}
		})
	}
}

func TestStepText(t *testing.T) {
	steps := sample().Steps
	if got, want := steps[0].String(), "ok    100001  none to some: start: none"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := steps[1].String(), "FAIL  100001  none to some: buy: got A 2, want A 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
