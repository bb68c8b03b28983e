package load_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/perf/load"
)

func progressPlan() load.Plan {
	quick := load.Options{Duration: 10 * time.Second}
	slow := load.Options{Duration: 50 * time.Second, Warmup: 10 * time.Second}
	return load.Plan{
		Servers: []load.Server{{Name: "a"}, {Name: "b"}},
		Cells:   []load.Cell{{Name: "quick", Options: quick}, {Name: "slow", Options: slow}},
	}
}

func TestSeriesProgressInAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		p := progressPlan()
		d := load.NewSeriesDrawing(&text, p, 0)
		d.Start(p.Cells[0], "a")
		d.Pass(time.Second)
		d.End(runs(load.Submit, 100_000)[0], nil)
		d.Start(p.Cells[0], "b")
		d.End(nil, errors.New("broken\nin two"))
		want := "1/4 quick, a: 100000 requests/s, server 10.000 us/request, generator 15.000, p99 30 us\n" +
			"2/4 quick, b: failed: broken in two\n"
		if text.String() != want {
			t.Errorf("wrote\n%swant\n%s", text.String(), want)
		}
	})
}

func TestSeriesProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		p := progressPlan()
		d := load.NewSeriesDrawing(&text, p, 200)
		last := func() string { return text.String()[strings.LastIndex(text.String(), "\r\x1b[K")+4:] }
		check := func(want string) {
			t.Helper()
			if got := last(); got != want {
				t.Errorf("shows %q, want %q", got, want)
			}
		}
		d.Start(p.Cells[0], "a")
		check("[--------------------] run 1/4, 0:00 so far | quick, a")
		d.Pass(12 * time.Second)
		d.End(runs(load.Idle, 500)[0], nil)
		d.Start(p.Cells[0], "b")
		// 10 s, 60 s and 60 s are left, and 2 s more for each.
		check("[#####---------------] run 2/4, 0:12 so far, 2:16 left | quick, b | last: quick, a: 500 bytes per connection")
		d.End(nil, errors.New("broken"))
		check("2/4 quick, b: failed: broken\n")
	})
}

func TestSeriesProgressIsCutToTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		p := progressPlan()
		d := load.NewSeriesDrawing(&text, p, 30)
		d.Start(p.Cells[0], "a")
		if want := "\r\x1b[K[--------------------] run 1/"; text.String() != want {
			t.Errorf("drew %q, want %q", text.String(), want)
		}
	})
}
