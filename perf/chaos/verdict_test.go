package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/perf/chaos"
	"holdfast/perf/progress"
)

// fault returns a fault without needs.
func fault(run func(context.Context, *chaos.Run) error) chaos.Fault {
	return chaos.Fault{Name: "test", ID: "T1", Short: "what is done", Promise: "what holds", Long: chaos.Size{Rounds: 3, Size: 7}, Run: run}
}

func execute(t *testing.T, f chaos.Fault) (*chaos.Verdict, string, error) {
	t.Helper()
	var out strings.Builder
	v, err := chaos.Execute(t.Context(), f, &chaos.Run{Seed: 5, Out: &out})
	return v, out.String(), err
}

// TestInterruptedIsNotBroken: what fails after an interruption breaks no promise, and the
// run is not complete.
func TestInterruptedIsNotBroken(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	f := fault(func(_ context.Context, r *chaos.Run) error {
		interrupt()
		r.Broken("an order: %v", ctx.Err())
		return nil
	})
	v, err := chaos.Execute(ctx, f, &chaos.Run{Seed: 5, Out: io.Discard})
	if !errors.Is(err, context.Canceled) || len(v.Broken) > 0 || v.Held {
		t.Errorf("%v, broken %q, held %t", err, v.Broken, v.Held)
	}
}

func TestVerdict(t *testing.T) {
	failed := errors.New("no such disk")
	cases := []struct {
		name string
		run  func(context.Context, *chaos.Run) error
		err  error
		held bool
		want string // the text without the time
	}{
		{"held", func(_ context.Context, r *chaos.Run) error {
			r.Figure("orders", 1, "")
			r.Figure("orders", 1234567, "")
			r.Figure("p99", 1234567*time.Nanosecond, "")
			r.Figure("rate", 12345.678, "a second")
			return nil
		}, nil, true, "T1 held: 3 rounds|  orders  1,234,567|  p99     1.23ms|  rate    12,346 a second"},
		{"broken", func(_ context.Context, r *chaos.Run) error {
			r.Figure("orders", 18, "")
			r.Broken("lost %d", 17)
			return nil
		}, nil, false, "T1 BROKEN 1 time: 3 rounds|  lost 17|  orders  18"},
		{"broken and explained", func(_ context.Context, r *chaos.Run) error {
			r.Explain(func() string { return " in " + r.Scratch })
			r.Broken("lost")
			return nil
		}, nil, false, "T1 BROKEN 1 time: 3 rounds|  lost in SCRATCH"},
		{"broken often", func(_ context.Context, r *chaos.Run) error {
			for range 1020 {
				r.Broken("lost")
			}
			return nil
		}, nil, false, "T1 BROKEN 1,020 times: 3 rounds" + strings.Repeat("|  lost", 20) + "|  and 1,000 more"},
		{"not made", func(context.Context, *chaos.Run) error { return failed }, failed, false, "T1 not completed"},
		{"interrupted", func(_ context.Context, r *chaos.Run) error {
			r.Progress(1, 1000, "rounds")
			return context.Canceled
		}, context.Canceled, false, "T1 not completed: 1 of 1,000 rounds"},
		{"broken, then not made", func(_ context.Context, r *chaos.Run) error {
			r.Broken("lost in %s", r.Scratch)
			return failed
		}, failed, false, "T1 BROKEN 1 time|  lost in SCRATCH"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v, out, err := execute(t, fault(tc.run))
			if !errors.Is(err, tc.err) || v.Held != tc.held {
				t.Errorf("held %v, error %v", v.Held, err)
			}
			first, rest, _ := strings.Cut(v.String(), "\n")
			text, took, _ := strings.Cut(first, "took ")
			text = strings.TrimRight(text, ",: ")
			if got := strings.TrimSuffix(text+"|"+strings.ReplaceAll(rest, "\n", "|"), "|"); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if !strings.HasPrefix(out, "T1 test: seed 5\n") || !strings.HasSuffix(took, ", seed 5") {
				t.Errorf("the seed: %q, %q", out, first)
			}
		})
	}
}

// TestCheck: an error ends the run, deferred functions run, and the problem names the
// round.
func TestCheck(t *testing.T) {
	v, _, err := execute(t, fault(func(ctx context.Context, r *chaos.Run) error {
		defer r.Broken("deferred")
		r.EachRound(ctx, func(round int) {
			if round == 1 {
				chaos.Check(chaos.ErrTooLittle)
			}
		})
		t.Error("the run went on")
		return nil
	}))
	if !errors.Is(err, chaos.ErrTooLittle) || !strings.HasPrefix(v.Problem, "round 2: ") || v.Breaches != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestPanicGoesOn: only check ends a run without a panic.
func TestPanicGoesOn(t *testing.T) {
	defer func() {
		if p := recover(); p != "a bug" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _, _ = execute(t, fault(func(context.Context, *chaos.Run) error { panic("a bug") }))
}

func TestNeeds(t *testing.T) {
	f := fault(func(context.Context, *chaos.Run) error { t.Error("it was run"); return nil })
	f.Needs = []string{"sh", "holdfast-no-such-program"}
	v, _, err := execute(t, f)
	if v != nil || !errors.Is(err, chaos.ErrNeeds) || !strings.HasSuffix(err.Error(), "needs holdfast-no-such-program") {
		t.Errorf("%v, %v", v, err)
	}
}

// TestCleanup: cleanup functions run in reverse order, also after an error, and the
// scratch folder goes last.
func TestCleanup(t *testing.T) {
	var steps []string
	var scratch string
	failed := errors.New("failed")
	_, _, err := execute(t, fault(func(_ context.Context, r *chaos.Run) error {
		scratch = r.Scratch
		for _, name := range []string{"first", "second"} {
			r.Cleanup(func() error {
				_, there := os.Stat(scratch)
				steps = append(steps, name)
				return there
			})
		}
		return failed
	}))
	if !errors.Is(err, failed) || errors.Is(err, os.ErrNotExist) || !slices.Equal(steps, []string{"second", "first"}) {
		t.Errorf("%v, %v", err, steps)
	}
	if _, err := os.Stat(scratch); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch folder: %v", err)
	}
}

// TestRandomRepeats: the same seed makes the same sources, and the sources differ.
func TestRandomRepeats(t *testing.T) {
	draw := func(seed uint64) []uint64 {
		r := &chaos.Run{Seed: seed}
		return []uint64{r.Random().Uint64(), r.Random().Uint64()}
	}
	first, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(first, again) || first[0] == first[1] || first[0] == other[0] {
		t.Errorf("%v %v %v", first, again, other)
	}
}

func TestProgress(t *testing.T) {
	for _, tc := range []struct {
		name string
		line func(io.Writer) *progress.Line
		want string
	}{
		{"file", progress.New, "T1 test: seed 5\n1 of 3 rounds\n"},
		{"terminal", func(w io.Writer) *progress.Line { return progress.NewTerminal(w, 80) }, "T1 test: seed 5\n\r\x1b[K1 of 3 rounds\r\x1b[K"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			f := fault(func(_ context.Context, r *chaos.Run) error {
				r.Progress(1, r.Rounds, "rounds")
				r.Progress(2, r.Rounds, "rounds") // too soon
				return nil
			})
			if _, err := chaos.Execute(t.Context(), f, &chaos.Run{Seed: 5, Out: &out, Line: tc.line(&out)}); err != nil || out.String() != tc.want {
				t.Errorf("%v, %q", err, out.String())
			}
		})
	}
}

func TestResults(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "results")
	held, _, _ := execute(t, fault(func(context.Context, *chaos.Run) error { return nil }))
	held.Command = "holdfast chaos test --seed 5"
	broken, _, _ := execute(t, fault(func(_ context.Context, r *chaos.Run) error { r.Broken("a | b"); return nil }))
	var results chaos.Results
	results.Add(fault(nil), held, nil)
	other := fault(nil)
	other.Name = "other"
	results.Add(other, broken, nil)
	results.Add(fault(nil), nil, chaos.ErrNeeds)
	if err := results.Save(folder); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| T1 | [test](test.json) | what holds | held | 5 |", "| 3 rounds |", "| test | what is done |", "runs are long", "BROKEN 1 time", "- a | b\n", "not tried: chaos: needs", "`holdfast chaos test --seed 5`", "| Go |"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	var read chaos.Verdict
	text, err := os.ReadFile(filepath.Join(folder, "other.json"))
	if err := errors.Join(err, json.Unmarshal(text, &read)); err != nil || read.Held || read.Breaches != 1 {
		t.Errorf("%+v, %v", read, err)
	}
	if err := results.Save(""); err != nil {
		t.Errorf("nothing to keep: %v", err)
	}
}
