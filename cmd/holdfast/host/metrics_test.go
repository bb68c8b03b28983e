package host_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"holdfast/biz/cluster"
	"holdfast/cmd/holdfast/host"
)

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

// scrape returns the metrics of a server by name.
func scrape(t *testing.T, s *host.Server) map[string]*dto.MetricFamily {
	t.Helper()
	response, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return families
}

// TestMetricsPage: docs/metrics.md has each metric of a server, and those that only a node of a cluster
// has, with its labels, its type and its meaning.
func TestMetricsPage(t *testing.T) {
	checkTable(t, "\n## All metrics\n", scrape(t, start(t)))
	node := host.NewClusterCollector(
		func() []cluster.Counts { return []cluster.Counts{{Stream: "HF0"}} },
		func(context.Context) map[string][]cluster.CopyStatus {
			return map[string][]cluster.CopyStatus{"HF0": {{Node: "n1", Current: true}}}
		},
	)
	r := prometheus.NewRegistry()
	r.MustRegister(node)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		byName[f.GetName()] = f
	}
	checkTable(t, "\n## Metrics of a node of a cluster\n", byName)
}

// checkTable compares the table after a heading of docs/metrics.md with metrics, or writes it.
func checkTable(t *testing.T, heading string, families map[string]*dto.MetricFamily) {
	t.Helper()
	const page = "../../../docs/metrics.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if strings.HasPrefix(name, "holdfast_") {
			f := families[name]
			fmt.Fprintf(&rows, "| `%s` | %s |%s | %s |\n", name, strings.ToLower(f.GetType().String()), labelsOf(f), f.GetHelp())
		}
	}
	const head = "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n"
	before, section, found := strings.Cut(string(text), heading)
	intro, table, foundToo := strings.Cut(section, head)
	end := strings.Index(table+"\n\n", "\n\n") + 1
	switch {
	case !found || !foundToo:
		t.Fatalf("%s has no table after %q", page, heading)
	case *update:
		after := ""
		if end < len(table) {
			after = table[end:]
		}
		if err := os.WriteFile(page, []byte(before+heading+intro+head+rows.String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case table[:min(end, len(table))] != rows.String():
		t.Errorf("%s has another table than the metrics: go test -run MetricsPage ./cmd/holdfast/host -update\n%s", page, rows.String())
	}
}

func labelsOf(f *dto.MetricFamily) string {
	names := ""
	for _, l := range f.GetMetric()[0].GetLabel() {
		names += " `" + l.GetName() + "`"
	}
	return names
}

// TestReadyMetric: holdfast_ready says what /readyz says.
func TestReadyMetric(t *testing.T) {
	s := start(t)
	ready := func() float64 { return scrape(t, s)["holdfast_ready"].GetMetric()[0].GetGauge().GetValue() }
	if ready() != 1 {
		t.Error("a server that serves is not ready")
	}
	s.Core.StartDrain()
	if ready() != 0 {
		t.Error("a server that stops is ready")
	}
}

// BenchmarkScrape is what one answer to Prometheus costs.
func BenchmarkScrape(b *testing.B) {
	s := start(b)
	b.ReportAllocs()
	for b.Loop() {
		response, err := http.Get("http://" + s.Admin + "/metrics")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}
