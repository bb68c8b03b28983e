package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/client"
	main "holdfast/cmd/holdfast"
)

// output is a stream that a test may read while a program writes to it.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// served is a program that runs "serve".
type served struct {
	addr, admin string
	out, errs   *output
	ended       chan int
	stop        func() int
}

var servingLine = regexp.MustCompile(`serving on (\S+), metrics and pprof on (\S+)`)

func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	s := launchServe(t, args...)
	s.await(t)
	return s
}

// launchServe starts a server, and does not wait until it serves.
func launchServe(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &served{out: newOutput(), errs: newOutput(), ended: make(chan int, 1)}
	p := &main.Program{Args: append([]string{"serve"}, args...), Stdout: s.out, Stderr: s.errs}
	go func() { s.ended <- p.Run(ctx) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-s.ended })
	t.Cleanup(func() { s.stop() })
	return s
}

// await waits until the server serves.
func (s *served) await(t *testing.T) {
	t.Helper()
	for {
		if m := servingLine.FindStringSubmatch(s.out.String()); m != nil {
			s.addr, s.admin = m[1], m[2]
			return
		}
		select {
		case <-s.out.changed:
		case code := <-s.ended:
			t.Fatalf("serve ended with %d: %s", code, s.errs)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, response.Status, err, body)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(body)
}

func TestServeTradesCountsAndRestarts(t *testing.T) {
	args := []string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error"}
	s := startServe(t, args...)
	for _, want := range []string{"open files", "customers    101", "  journal      never trimmed (journal_keep)\n", "  history      SQLite file " + filepath.Join(args[5], "history.db") + "\n", "published password and token"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("%q is missing from the first lines:\n%s", want, s.out)
		}
	}
	order := client.Order{ClientOrderID: "once", Side: client.Buy, Quantity: 10}
	first := place(t, s.addr, &order)
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/cmdline"} {
		get(t, "http://"+s.admin+path)
	}
	metrics := get(t, "http://"+s.admin+"/metrics")
	for range 1000 { // replies are counted after they are sent
		if strings.Contains(metrics, "holdfast_rsp_send_total 4\n") {
			break
		}
		metrics = get(t, "http://"+s.admin+"/metrics")
	}
	for _, want := range []string{
		"holdfast_req_recv_total 4\n", "holdfast_rsp_send_total 4\n", "holdfast_client_connected ",
		"holdfast_committed_records_total 1\n", `holdfast_closes_total{reason="panic"} 0`, `holdfast_closes_total{reason="memory"} 0`,
		"holdfast_pushes_conflated_total 0\n", "holdfast_heartbeats_total 0\n", "holdfast_unsent_bytes 0\n",
		"holdfast_unsent_sessions 0\n", "holdfast_lane_bytes 0\n", "holdfast_lane_pieces 0\n", "holdfast_memory_limit_bytes ",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is missing from the metrics", want)
		}
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.errs)
	}
	again := place(t, startServe(t, args...).addr, &order)
	if !again.Duplicate || again.Executions[0].ID != first.Executions[0].ID {
		t.Errorf("after a restart the same order gave %+v, first %+v", again, first)
	}
}

// place logs in as the first customer and places an order, in the first
// instrument unless it names one: four requests in all.
func place(t *testing.T, addr string, o *client.Order) client.Placed {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, client.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Login(t.Context(), 100_001, client.DemoToken(100_001)); err != nil {
		t.Fatal(err)
	}
	instruments, err := c.Quotes(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	o.Key = instruments[0].Key
	placed, err := c.PlaceOrder(t.Context(), *o)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

// Somebody who takes a profile does not hold up a stop.
func TestServeStopsBesideAProfile(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	taken := make(chan struct{})
	conn, err := net.Dial("tcp", s.admin)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(taken)
		_, _ = io.WriteString(conn, "GET /debug/pprof/trace?seconds=60 HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.ReadAll(conn)
	}()
	for !strings.Contains(get(t, "http://"+s.admin+"/debug/pprof/goroutine?debug=2"), "pprof.Trace") {
		continue
	}
	if code := s.stop(); code != 0 {
		t.Errorf("stopped with %d: %s", code, s.errs)
	}
	conn.Close()
	<-taken
}

// A history that is damaged anywhere, or missing, is rebuilt from the journal.
func TestServeMakesHistoryAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "history.db")
	args := []string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error"}
	order := client.Order{ClientOrderID: "once", Side: client.Buy, Quantity: 10}
	for round := range 6 {
		s := startServe(t, args...)
		if placed := place(t, s.addr, &order); placed.Duplicate != (round > 0) {
			t.Errorf("round %d: duplicate %v", round, placed.Duplicate)
		}
		if code := s.stop(); code != 0 {
			t.Fatalf("round %d ended with %d: %s", round, code, s.errs)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 16; i < 64; i++ { // round 0 hits the header, the others a page each
			content[(round*len(content)/6&^4095)+i] ^= 0x5a
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if round == 4 {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestServeNamesAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "serve.json")
	data := t.TempDir()
	content := "{\n  \"data\": \"" + data + "\",\n  \"PORT\": \"" + l.Addr().String() + "\",\n  \"FREE\": \"127.0.0.1:0\"\n}\n"
	for port, free := range map[string]string{"listen": "admin", "admin": "listen"} {
		t.Run(port, func(t *testing.T) {
			text := strings.NewReplacer("PORT", port, "FREE", free).Replace(content)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			p := &main.Program{Args: []string{"serve", "--config", file, "--log-level", "error"}, Stderr: &stderr}
			code := p.Run(t.Context())
			want := "holdfast: " + file + ":3: " + port + " " + l.Addr().String() + ": the address is in use; choose another one"
			if code != 2 || !strings.HasPrefix(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("code %d\ngot  %s\nwant %s", code, &stderr, want)
			}
			if files, err := os.ReadDir(data); err != nil || len(files) > 0 {
				t.Errorf("left in the data folder: %v, %v", files, err)
			}
		})
	}
}

// TestFlagsNameAPortInUse: a flag is named as it was written, without the key of the file.
func TestFlagsNameAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := l.Addr().String()
	for flag, value := range map[string]string{"listen": address, "admin": address, "console": address, "listener": "tlv=" + address} {
		args := []string{"serve", "--data", t.TempDir()}
		for _, other := range []string{"listen", "admin"} {
			if other != flag {
				args = append(args, "--"+other, "127.0.0.1:0")
			}
		}
		code, _, stderr := run(t, append(args, "--"+flag, value)...)
		want := "holdfast: --" + flag + " " + address + ": the address is in use; choose another one, or see \"holdfast doctor\"\n"
		if code != 2 || stderr != want {
			t.Errorf("code %d\ngot  %s\nwant %s", code, stderr, want)
		}
	}
}

// TestConsoleNamesItsNextPort: if the port for the page's WebSocket is in use, the error is that of the console.
func TestConsoleNamesItsNextPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	next := l.Addr().(*net.TCPAddr).Port
	console := "127.0.0.1:" + strconv.Itoa(next-1)
	code, _, stderr := run(t, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--console", console)
	want := "holdfast: --console " + l.Addr().String() + " (the next port, for the page's WebSocket): the address is in use; "
	if other := "holdfast: --console " + console + ": the address is in use; "; code != 2 || !strings.HasPrefix(stderr, want) && !strings.HasPrefix(stderr, other) {
		t.Errorf("code %d\ngot  %s\nwant %s", code, stderr, want)
	}
}

// TestDemoBesideAServer: the demo says which other address it uses.
func TestDemoBesideAServer(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:8888"); err == nil { // else another program listens there
		defer l.Close()
	}
	code, stdout, stderr := run(t, "demo", "--for", "1ms")
	if code != 0 || !strings.HasPrefix(stdout, "127.0.0.1:8888 is in use; this demo uses 127.0.0.1:") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

func TestTwoServersOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	var stderr bytes.Buffer
	p := &main.Program{Args: []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir}, Stderr: &stderr}
	if code := p.Run(t.Context()); code != 1 || !strings.Contains(stderr.String(), dir) {
		t.Errorf("code %d: %s", code, &stderr)
	}
}

func TestDemoRunsForAWhile(t *testing.T) {
	t.Parallel()
	var text string
	for _, limit := range []string{"4s", "20s", "1m"} { // a busy machine needs longer for a round
		var stdout, stderr bytes.Buffer
		p := &main.Program{Args: []string{"demo", "--for", limit}, Stdout: &stdout, Stderr: &stderr}
		if code := p.Run(t.Context()); code != 0 {
			t.Fatalf("code %d: %s\n%s", code, &stderr, &stdout)
		}
		if text = stdout.String(); strings.Contains(text, "all as expected") {
			break
		}
	}
	for _, want := range []string{"serving on", "buys", "is busted", "all as expected", "on disk"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}
