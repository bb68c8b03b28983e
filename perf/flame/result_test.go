package flame_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"holdfast/perf/flame"
)

func result(t *testing.T) *flame.Result {
	t.Helper()
	server := func(name string, cpu float64, stacks map[string]int64) flame.Server {
		p := samples(t, stacks)
		return flame.Server{
			Name: name, Samples: p.Total, Seconds: 20, Shares: p.Shares(), Goroutines: 12, Rate: 1000, Busy: 0.5,
			CPUPerRequest: cpu, Allocated: 4000, Files: flame.Files{CPU: name + ".pb.gz", CPUGraph: name + ".html"},
		}
	}
	return &flame.Result{
		Notes: []string{"one note"}, Complete: true,
		Loads: []flame.Load{{
			Name: "orders-100", Title: "orders, 100 clients", Diff: "diff.html", Servers: []flame.Server{
				server("reactor", 2, map[string]int64{"net.(*conn).Read": 30, "net.(*conn).Write": 70}),
				server("readwriter", 10, map[string]int64{"net.(*conn).Read": 20, "net.(*conn).Write": 20, "runtime.schedule": 60}),
			},
		}},
	}
}

func TestTables(t *testing.T) {
	text := result(t).String()
	rows := make(map[string]string)
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			rows[fields[0]] = strings.Join(fields[1:], " ")
		}
	}
	for row, want := range map[string]string{
		"read": "30.0 % 0.600 20.0 % 2.000 +10.0 points -1.400", "scheduling": "0.0 % 0.000 60.0 % 6.000 -60.0 points -6.000",
		"poll": "0.0 % 0.000 0.0 % 0.000 0.0 points 0.000", "samples": "100 100", "goroutines": "12 12",
		"error": "by chance ± 9.8 % ± 9.8 %", "all": "CPU 2.000 10.000 -8.000", "allocated/request": "4 bytes 4 bytes",
		"Note:": "one note", "orders,": "100 clients",
	} {
		if rows[row] != want {
			t.Errorf("%s: got %q, want %q", row, rows[row], want)
		}
	}
}

func TestIncomplete(t *testing.T) {
	r := result(t)
	for _, complete := range []bool{true, false} {
		r.Complete = complete
		if strings.Contains(r.String(), "incomplete") == complete || strings.Contains(string(r.AppendMarkdown(nil)), "incomplete") == complete {
			t.Errorf("complete %v:\n%s", complete, r)
		}
	}
}

func TestOneServerAlone(t *testing.T) {
	r := result(t)
	r.Loads[0].Servers = r.Loads[0].Servers[:1]
	if text := r.String(); strings.Contains(text, "points") || !strings.Contains(text, "reactor") {
		t.Error(text)
	}
}

func TestMarkdown(t *testing.T) {
	r := result(t)
	r.Folder = "flame/"
	text := string(r.AppendMarkdown([]byte("before\n")))
	for _, want := range []string{
		"before\n### orders, 100 clients\n\n|  | reactor | us/request | readwriter | us/request | difference | us/request |\n| --- | ---: |",
		"\n| read | 30.0 % | 0.600 | 20.0 % | 2.000 | +10.0 points | -1.400 |\n",
		"\n- difference: [CPU](flame/diff.html)\n- reactor: [CPU](flame/reactor.html), [CPU profile](flame/reactor.pb.gz)\n",
		"\nNote: one note\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestResultInJSON(t *testing.T) {
	r := result(t)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back flame.Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, r) {
		t.Errorf("got %+v\nwant %+v", &back, r)
	}
}
