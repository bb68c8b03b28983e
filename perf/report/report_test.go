package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/perf/flame"
	"holdfast/perf/load"
	"holdfast/perf/report"
)

// result is a server with a rate of requests a second and microseconds of CPU for one.
func result(name string, rate, cpu float64) load.ServerResult {
	metric := func(name string, v float64) load.Metric {
		return load.Metric{Name: name, Median: v, Min: v * 0.9, Max: v * 1.1, Ratio: v, ToBaseline: v * 2}
	}
	return load.ServerResult{Name: name, Reports: []*load.Report{{PerSecond: rate}}, Metrics: []load.Metric{
		metric(load.MetricRate, rate), metric(load.MetricCPU, cpu),
		metric(load.MetricP50, 120), metric(load.MetricP99, 4500), metric(load.MetricIdle, 1234), metric(load.MetricPushes, 77),
		metric(load.MetricCPUPerPush, 1.5),
	}}
}

func comparison(workload load.Workload, cells ...load.CellResult) *load.Comparison {
	for i := range cells {
		cells[i].Workload = workload
	}
	return &load.Comparison{Reference: "c", Baseline: "readwriter", Rounds: 3, Cells: cells}
}

func compare() *report.Compare {
	broken := load.ServerResult{Name: "zinx", Failures: []string{"it fell over"}}
	cell := load.CellResult{
		Name: "submit 10x1", Connections: 10, Depth: 1,
		Servers: []load.ServerResult{result("c", 100, 1), result("reactor", 90, 1.2), result("readwriter", 10, 9), broken},
	}
	c := &report.Compare{
		Environment: report.Environment{Command: "holdfast bench compare", Program: "devel", Date: time.Unix(1e9, 0)},
		Notes:       []string{"nbio was left out"},
	}
	for _, name := range report.Sections() {
		c.Set(name, comparison(load.Submit, cell))
	}
	return c
}

func response(workload string) *report.Response {
	var cells []load.CellResult
	for _, interval := range []load.Interval{{Min: time.Second, Max: 2 * time.Second}, {}} {
		for _, clients := range []int{10, 5000} {
			cells = append(cells, load.CellResult{
				Name: "cell", Connections: clients, Interval: interval,
				Servers: []load.ServerResult{result("reactor", 1000, 1), result("readwriter-sql", 50, 9)},
			})
		}
	}
	cells[3].Servers[1] = load.ServerResult{Name: "readwriter-sql", Failures: []string{"too slow"}}
	return &report.Response{Workload: workload, Comparison: comparison(load.Orders, cells...)}
}

// open makes a folder for results.
func open(t *testing.T) (folder report.Folder, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "today")
	folder, err := report.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return folder, dir
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// saveAll fills a folder with all kinds of results.
func saveAll(t *testing.T) (dir string) {
	t.Helper()
	folder, dir := open(t)
	graphs := flame.Result{Loads: []flame.Load{{Name: "full", Title: "Full load", Diff: "diff-full.html"}}}
	text, err := json.Marshal(graphs)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		folder.SaveCompare(compare()), folder.SaveResponse(response("orders")), folder.SaveResponse(response("submit")),
		os.Mkdir(folder.Flame(), 0o755), os.WriteFile(filepath.Join(folder.Flame(), "shares.json"), text, 0o644),
		os.WriteFile(filepath.Join(folder.Flame(), "diff-full.html"), nil, 0o644), folder.SavePage(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPageHoldsEverything(t *testing.T) {
	dir := saveAll(t)
	page := read(t, dir, "README.md")
	for _, want := range []string{
		"# Results: today", "holdfast bench compare", "nbio was left out", "it fell over", "too slow",
		"## Submit: networking alone", "## Durable orders", "## Lists of positions", "## Pushes",
		"## Memory of an idle connection", "## Memory of an idle session", "## Response times of orders", "## Response times of submit",
		"## Flame graphs", "### Full load", "**Incomplete** (comparison, response times of orders, response times of submit, flame graphs)",
		"## Dialects: Submit", "## Dialects: durable orders", "## WebSocket: one message and its answer", "## WebSocket: memory of an idle connection",
		"## Dialects: memory of an idle session", "## WebSocket: memory of a half-open handshake", "## Chat", "## Chat over WebSocket",
		"## Broadcast of quotes", "Interval 1s-2s", "| 5,000 | 120 us | 4.5 ms | 1,000 | failed | failed | failed |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1)
	if len(links) < 9+6 {
		t.Fatalf("the page has %d links", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(dir, link[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestChartsAreDrawn(t *testing.T) {
	dir := saveAll(t)
	want := map[string][]string{
		"submit-cpu.svg":        {"CPU for one Submit, c = 1", "1.20x", "reactor", "zinx", "submit 10x1", "plain C", "libraries"},
		"submit-rate.svg":       {"readwriter = 1", "180x"}, // to the baseline
		"orders-rate.svg":       {"Durable orders a second", "90"},
		"positions-cpu.svg":     {"1.20x"},
		"push-rate.svg":         {"77"},
		"idle-memory.svg":       {"1,234", "bytes"},
		"idle-login-memory.svg": {"logged in"},

		"dialects-submit-cpu.svg": {"1.20x"}, "dialects-orders-rate.svg": {"by dialect", "90"}, "websocket-submit-cpu.svg": {"1.20x"},
		"websocket-idle-memory.svg": {"1,234"}, "websocket-idle-login-memory.svg": {"1,234"}, "websocket-half-open-memory.svg": {"1,234"},
		"chat-cpu.svg": {"1.50x"}, "chat-p99.svg": {"4.50 ms"}, "chat-websocket-cpu.svg": {"1.50x"}, "broadcast-p50.svg": {"120 us"},
		"response-orders.svg": {"reactor p50", "readwriter-sql p99", "interval none", "interval 1s-2s"},
		"response-submit.svg": {"Response time of submit"},
	}
	for file, parts := range want {
		t.Run(file, func(t *testing.T) {
			svg := read(t, dir, "plots", file)
			for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			for _, part := range parts {
				if !strings.Contains(svg, part) {
					t.Errorf("%q is missing", part)
				}
			}
		})
	}
}

// Every server has the colour of its kind.
func TestClasses(t *testing.T) {
	for class, servers := range map[string]string{
		"this product":               "reactor reactor-loop reactor-tlv reactor-websocket reactor-json reactor-mixed reactor-fix",
		"a goroutine per connection": "textbook buffered pooled readwriter readwriter-sql coalescing",
		"libraries":                  "gnet netpoll nbio zinx gorilla nbiows quickfix quickfix-memory",
		"plain C":                    "c",
	} {
		for _, server := range strings.Fields(servers) {
			if got := report.ClassOf(server); got != class {
				t.Errorf("%s is one of %q, want %q", server, got, class)
			}
		}
	}
}

func TestNothingToDrawHasNoChart(t *testing.T) {
	folder, dir := open(t)
	var c report.Compare
	c.Set("submit", comparison(load.Submit, load.CellResult{Name: "cell", Servers: []load.ServerResult{{Name: "c"}}}))
	if err := folder.SaveCompare(&c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "plots", "submit-cpu.svg")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a chart without figures: %v", err)
	}
	if strings.Contains(read(t, dir, "README.md"), "](plots") {
		t.Error("the page shows a chart that is not there")
	}
}

func TestCompareCanBeReadBack(t *testing.T) {
	dir := saveAll(t)
	var got report.Compare
	if err := json.Unmarshal([]byte(read(t, dir, "compare.json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Workloads) != len(report.Sections()) || got.Workloads[1].Name != "orders" || got.Workloads[1].Comparison.Cells[0].Servers[1].Name != "reactor" {
		t.Errorf("got %+v", got)
	}
	if text := read(t, dir, "compare.txt"); !strings.Contains(text, "== push\n") || !strings.Contains(text, "reactor") {
		t.Errorf("the tables are %s", text)
	}
}

func TestSetReplaces(t *testing.T) {
	c := compare()
	c.Set("orders", comparison(load.Orders))
	if len(c.Workloads) != len(report.Sections()) || len(c.Workloads[1].Comparison.Cells) != 0 {
		t.Errorf("got %d workloads, orders with %d cells", len(c.Workloads), len(c.Workloads[1].Comparison.Cells))
	}
}

func TestPartsStayWhenOthersAreMadeAgain(t *testing.T) {
	folder, dir := open(t)
	if err := folder.SaveCompare(compare()); err != nil {
		t.Fatal(err)
	}
	again, err := report.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := response("orders")
	r.Complete = true
	if err := again.SaveResponse(r); err != nil {
		t.Fatal(err)
	}
	page := read(t, dir, "README.md")
	if !strings.Contains(page, "## Durable orders") || !strings.Contains(page, "## Response times of orders") {
		t.Error("a part is gone from the page")
	}
	if !strings.Contains(page, "**Incomplete** (comparison):") {
		t.Error("the page does not say what is incomplete")
	}
}

// TestPartsFromOtherEditors: a part that an editor has saved may start with a byte order
// mark; in another encoding than UTF-8 its error names the file.
func TestPartsFromOtherEditors(t *testing.T) {
	folder, dir := open(t)
	if err := folder.SaveCompare(compare()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "compare.json")
	for _, tt := range []struct{ text, problem string }{
		{"\xef\xbb\xbf" + read(t, dir, "compare.json"), ""},
		{"\xff\xfe{\x00}\x00", "report: compare.json can't be read: it is UTF-16; save it as UTF-8; remove it, or choose another folder"},
		{"{", "report: compare.json can't be read: unexpected end of JSON input; remove it, or choose another folder"},
	} {
		if err := os.WriteFile(name, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := folder.SavePage(); (err == nil) != (tt.problem == "") || err != nil && err.Error() != tt.problem {
			t.Errorf("%q: %v, want %q", tt.text[:3], err, tt.problem)
		}
	}
}

func TestTextOfResponses(t *testing.T) {
	text := string(response("orders").AppendText(nil))
	for _, want := range []string{"orders, interval 1s-2s\n", "orders, interval none\n", "reactor p50", "readwriter-sql p50", "4.5 ms", "5,000", "failed", "too slow"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if got := strings.Count(text, "\n  5,000 "); got != 2 {
		t.Errorf("%d rows for 5,000 clients, want one for each interval:\n%s", got, text)
	}
	empty := report.Response{Workload: "orders"}
	if got := empty.AppendText(nil); len(got) != 0 {
		t.Errorf("nothing measured gives %q", got)
	}
}

// Response times say if the run lost requests or was not pinned.
func TestResponsesNameTheirTrouble(t *testing.T) {
	r := response("orders")
	r.Comparison.Notes = "only one core"
	first := r.Comparison.Cells[0].Servers[0].Reports[0]
	first.Errors, first.Results = map[string]uint64{"reset": 2}, map[string]uint64{"REJECTED": 3}
	folder, dir := open(t)
	if err := folder.SaveResponse(r); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"README.md", "response-orders.txt"} {
		text := read(t, dir, file)
		for _, want := range []string{"- only one core\n", "reactor: errors: reset 2\n", "reactor: refused: REJECTED 3\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in\n%s", file, want, text)
			}
		}
	}
}

func TestZeroFolderSavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	var folder report.Folder
	if err := errors.Join(folder.SaveEnvironment(report.Environment{}), folder.SaveCompare(compare()), folder.SaveResponse(response("orders")), folder.SavePage()); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestEmptyFolder(t *testing.T) {
	folder, dir := open(t)
	if empty, err := folder.Empty(); err != nil || !empty {
		t.Errorf("new: %v, %v", empty, err)
	}
	if err := folder.SavePage(); err != nil {
		t.Fatal(err)
	}
	if empty, err := folder.Empty(); err != nil || empty {
		t.Errorf("with a page: %v, %v", empty, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "compare.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := folder.SavePage(); err == nil || !strings.Contains(err.Error(), "compare.json") {
		t.Errorf("half a file: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	e := report.ReadEnvironment(t.TempDir())
	if e.Go == "" || e.System == "" || e.Cores < 1 {
		t.Errorf("got %+v", e)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	wd, _ := os.Getwd()
	for _, secret := range []string{host, wd, os.TempDir()} {
		if len(secret) > 3 && strings.Contains(string(text), secret) {
			t.Errorf("%s names %q", text, secret)
		}
	}
}

func TestFileSystem(t *testing.T) {
	mounts := []byte(`22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /tmp rw,nosuid shared:5 - tmpfs tmpfs rw
31 22 8:1 / /tmp/disk rw - xfs /dev/sda1 rw
nonsense
`)
	for folder, want := range map[string]string{"/var/data": "ext4", "/tmp": "tmpfs", "/tmp/x": "tmpfs", "/tmp/disk/a": "xfs", "/tmpfile": "ext4"} {
		if got := report.FileSystem(mounts, folder); got != want {
			t.Errorf("%s: got %q, want %q", folder, got, want)
		}
	}
	if got := report.FileSystem(nil, "/"); got != "" {
		t.Errorf("without mounts: %q", got)
	}
}
