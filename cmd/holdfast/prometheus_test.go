package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/client"
)

const (
	prometheusFolder = "../../deploy/prometheus"
	dashboardFile    = "../../deploy/grafana/dashboards/holdfast.json"
)

// promtool runs a check of a file, or of what it reads on its standard input.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	needs(t, "promtool", "prometheus")
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir, cmd.Stdin = prometheusFolder, strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "FAILED") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestAlerts: Prometheus accepts its configuration, and the alerts fire in the cases of their
// unit tests and in no other.
func TestAlerts(t *testing.T) {
	promtool(t, "", "check", "config", "prometheus.yml")
	promtool(t, "", "check", "config", "compose.yml")
	promtool(t, "", "check", "rules", "alerts.yml")
	promtool(t, "", "test", "rules", "alerts_test.yml")
	rules := prometheusFile(t, "alerts.yml")
	tests := prometheusFile(t, "alerts_test.yml")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 10 || strings.Count(rules, " runbook: ") != len(alerts) || strings.Count(rules, " summary: ") != len(alerts) {
		t.Errorf("%d alerts, and not one summary and runbook for each", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(tests, "alertname: "+a[1]+"\n") {
			t.Errorf("alerts_test.yml does not test %s", a[1])
		}
	}
}

func prometheusFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(prometheusFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestQueries: a Prometheus with the configuration of deploy/ finds data for each query of
// the dashboard, and for each series of the alerts.
func TestQueries(t *testing.T) {
	needs(t, "prometheus", "prometheus")
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	defer trade(t, s.addr)()
	promtool(t, get(t, "http://"+s.admin+"/metrics"), "check", "metrics")
	nodes := startNodes(t)
	promtool(t, get(t, "http://"+nodes[0].admin+"/metrics"), "check", "metrics")
	p := startPrometheus(t, s.admin, nodes[0].admin, nodes[1].admin, nodes[2].admin)
	for _, query := range dashboardQueries(t) {
		p.mustFind(t, query)
	}
	for _, alert := range p.alerts(t) {
		for _, series := range seriesOf(alert.Query) {
			p.mustFind(t, series)
		}
	}
}

// trade places orders, and opens and closes connections, until end.
func trade(t *testing.T, addr string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	order := func() error {
		c, err := client.Dial(ctx, addr, client.Options{Timeout: patience})
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Login(ctx, 100_001, client.DemoToken(100_001)); err != nil {
			return err
		}
		instruments, err := c.Quotes(ctx, nil, false)
		if err != nil {
			return err
		}
		for range 100 {
			if _, err := c.PlaceOrder(ctx, client.Order{Key: instruments[0].Key, Side: client.Buy, Quantity: 1}); err != nil {
				return err
			}
		}
		return nil
	}
	go func() {
		for {
			if err := order(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() {
		cancel()
		if err := <-ended; err == nil || ctx.Err() == nil {
			t.Error(err)
		}
	}
}

// monitor is a running Prometheus.
type monitor struct{ addr string }

var prometheusListens = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startPrometheus starts a Prometheus with the files of deploy/ that asks the servers at admin
// once a second, until the end of the test.
func startPrometheus(t *testing.T, admin ...string) monitor {
	t.Helper()
	dir := t.TempDir()
	config := prometheusFile(t, "prometheus.yml")
	for old, now := range map[string]string{"127.0.0.1:8889": strings.Join(admin, `", "`), "_interval: 5s": "_interval: 1s", "timeout: 4s": "timeout: 1s"} {
		if !strings.Contains(config, old) {
			t.Fatalf("%q is not in prometheus.yml", old)
		}
		config = strings.ReplaceAll(config, old, now)
	}
	for name, text := range map[string]string{"prometheus.yml": config, "alerts.yml": prometheusFile(t, "alerts.yml")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := newOutput()
	cmd := exec.CommandContext(t.Context(), "prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		_ = cmd.Process.Kill()
		<-ended
	})
	for {
		if m := prometheusListens.FindStringSubmatch(out.String()); m != nil {
			return monitor{m[1]}
		}
		select {
		case <-out.changed:
		case <-ended:
			t.Fatalf("prometheus ended: %s", out)
		}
	}
}

// ask returns the data that an address of the API answers with.
func (p monitor) ask(path string, query url.Values, data any) error {
	response, err := http.Get("http://" + p.addr + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Data  json.RawMessage
		Error string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// mustFind waits until a query has a result with numbers.
func (p monitor) mustFind(t *testing.T, query string) {
	t.Helper()
	var found struct {
		Result []struct{ Value [2]any }
	}
	var err error
	if !eventually(func() bool {
		err = p.ask("query", url.Values{"query": {query}}, &found)
		for _, r := range found.Result {
			if text, _ := r.Value[1].(string); text != "NaN" {
				_, err = strconv.ParseFloat(text, 64)
				return err == nil
			}
		}
		return false
	}) {
		t.Errorf("no data for %s: %v, %v", query, found.Result, err)
	}
}

// alert is an alert as Prometheus has loaded it.
type alert struct{ Name, Query, Health, LastError string }

// alerts returns the alerts, once all have been evaluated.
func (p monitor) alerts(t *testing.T) (all []alert) {
	t.Helper()
	if !eventually(func() bool {
		var loaded struct {
			Groups []struct{ Rules []alert }
		}
		all = nil
		if err := p.ask("rules", nil, &loaded); err != nil {
			t.Fatal(err)
		}
		for _, g := range loaded.Groups {
			all = append(all, g.Rules...)
		}
		for _, a := range all {
			if a.Health != "ok" {
				return false
			}
		}
		return len(all) > 0
	}) {
		t.Errorf("these alerts can't be evaluated: %+v", all)
	}
	return all
}

var seriesPattern = regexp.MustCompile(`\b(?:holdfast_\w+|process_\w+|go_\w+|up)\b(?:\{[^}]*\})?`)

// seriesOf returns the series of a query.
func seriesOf(query string) []string { return seriesPattern.FindAllString(query, -1) }

// dashboardQueries returns the queries of all panels. The first three panels are clients,
// requests and replies.
func dashboardQueries(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			all = append(all, strings.ReplaceAll(target.Expr, "$instance", ".*"))
		}
	}
	first := []string{`holdfast_client_connected{instance=~".*"}`, `rate(holdfast_req_recv_total{instance=~".*"}[15s])`, `rate(holdfast_rsp_send_total{instance=~".*"}[15s])`}
	for n, want := range first {
		if len(all) < 20 || all[n] != want {
			t.Fatalf("the dashboard begins with %q, want %q", all[:min(len(all), 3)], first)
		}
	}
	return all
}
