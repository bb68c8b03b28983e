package host_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/console"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

// page is a browser at the console of a server.
type page struct {
	t    *testing.T
	base string
	http.Client
}

// open starts a server with a console and logs the operator in.
func open(t *testing.T, c *config.Config) (*host.Server, *page) {
	t.Helper()
	c.Admin, c.Data = "127.0.0.1:0", t.TempDir()
	s, err := host.Start(t.Context(), c, host.Options{Version: "1.2.3"}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, s.Stop()) })
	jar, err := cookiejar.New(nil)
	must(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // a certificate of the test
	t.Cleanup(transport.CloseIdleConnections)
	p := &page{t: t, base: "http://" + s.Console, Client: http.Client{Jar: jar, Transport: transport}}
	if c.ConsoleTLS {
		p.base = "https://" + s.Console
	}
	return s, p
}

// ask sends a request, a POST if it has a body, and returns the answer; got, unless nil, gets its JSON.
func (p *page) ask(path, body string, got any) *http.Response {
	p.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	must(p.t, err)
	r.Header.Set("Origin", p.base)
	r.Header.Set("Content-Type", "application/json")
	answer, err := p.Do(r)
	must(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(p.t, err)
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	if got != nil {
		must(p.t, json.Unmarshal(text, got))
	}
	return answer
}

const operatorLogin = `{"customer":900001,"password":"` + seed.DemoPassword + `"}`

func TestConsole(t *testing.T) {
	c := config.Default()
	c.Listen, c.Console = "127.0.0.1:0", "127.0.0.1:0"
	s, p := open(t, c)
	var about struct {
		Version       string
		WebSocketPort int
		WebSocketTLS  bool
		Demo          bool
	}
	p.ask("/api/console", "", &about)
	if _, port, _ := net.SplitHostPort(s.Addrs[1]); about.Version != "1.2.3" || strconv.Itoa(about.WebSocketPort) != port || about.WebSocketTLS || !about.Demo {
		t.Errorf("%+v with listeners %v", about, s.Addrs)
	}
	if cookie := p.ask("/api/login", operatorLogin, nil).Header.Get("Set-Cookie"); strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %s", cookie)
	}
	conn, err := client.Dial(t.Context(), s.Addrs[0], client.Options{})
	must(t, err)
	defer conn.Close()
	_, err = conn.Login(t.Context(), 100003, client.DemoToken(100003))
	must(t, err)
	other, err := client.Dial(t.Context(), client.WebSocketAddress(s.Addrs[1]), client.Options{})
	must(t, err)
	defer other.Close()

	var first, next console.Figures
	p.ask("/api/figures", "", &first)
	if !first.Ready || first.Sessions != 2 || first.RequestsTotal < 3 || first.RepliesTotal < 3 || first.MaxSessions == 0 || first.Memory.UsedBytes == 0 ||
		first.Journal.LastBatch == 0 || first.Market.Clock != "wall" || first.LatencySeconds != 0 || len(first.Latency) == 0 {
		t.Errorf("figures %+v", first)
	}
	p.ask("/api/figures", "", &next)
	if next.LatencySeconds <= 0 || len(next.Latency) != 0 {
		t.Errorf("there were no requests since: %+v", next)
	}

	rows := func(query string) (ids []string, matches int) {
		t.Helper()
		var found console.SessionList
		p.ask("/api/sessions?"+query, "", &found)
		for _, row := range found.Sessions {
			ids = append(ids, row.Dialect+" "+strconv.Itoa(int(row.Customer)))
			if row.Connected.IsZero() || !strings.HasPrefix(row.Address, "127.0.0.1:") {
				t.Errorf("row %+v", row)
			}
		}
		return ids, found.Matches
	}
	for query, want := range map[string]string{
		"": "websocket 0,packet 100003", "search=100003": "packet 100003", "search=WEBS": "websocket 0", "search=nobody": "", "search=127.0": "websocket 0,packet 100003",
	} {
		if ids, matches := rows(query); strings.Join(ids, ",") != want || matches != len(ids) {
			t.Errorf("%q: %v, %d", query, ids, matches)
		}
	}
	if ids, matches := rows("limit=1"); len(ids) != 1 || matches != 2 {
		t.Errorf("limit 1: %v, %d", ids, matches)
	}
}

// TestConsoleTLS: the cookie is only for TLS, and the page connects with TLS, to the listener that there is.
func TestConsoleTLS(t *testing.T) {
	c := encrypted(t, writePair(t, "good", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	c.Console, c.ConsoleTLS = "127.0.0.1:0", true
	c.Listeners = []config.Listener{{Dialect: config.DialectWebSocket, Address: "127.0.0.1:0"}, {Dialect: config.DialectWebSocket, Address: "127.0.0.1:0", TLS: true}}
	s, p := open(t, c)
	if len(s.Addrs) != 3 {
		t.Fatalf("listeners %v", s.Addrs)
	}
	_, port, _ := net.SplitHostPort(s.Addrs[2])
	answer := p.ask("/api/login", operatorLogin, nil)
	if cookie := answer.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-holdfast-") || !strings.Contains(cookie, "; Secure; ") {
		t.Errorf("cookie %s", cookie)
	}
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self' wss://127.0.0.1:"+port+";") {
		t.Errorf("policy %s", policy)
	}
	p.ask("/api/session", "", nil)
}

// TestConsolePortStaysFree: a start that fails leaves the port of the console free.
func TestConsolePortStaysFree(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := config.Default()
	c.Listen, c.Admin, c.Console, c.Data = "127.0.0.1:0", "192.0.2.1:1", l.Addr().String(), t.TempDir() // no address of this machine
	must(t, l.Close())
	c.AllowPlaintext = true
	var log bytes.Buffer
	if _, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.NewTextHandler(&log, nil))); err == nil {
		t.Fatal("it started")
	}
	l, err = net.Listen("tcp", c.Console)
	must(t, err)
	must(t, l.Close())
}

func TestPercentiles(t *testing.T) {
	bounds := []float64{1, 2, 4}
	for _, tc := range []struct {
		name       string
		since, now []uint64
		share      float64
		want       float64
	}{
		{"nothing", nil, []uint64{0, 0, 0, 0}, 0.5, 0},
		{"nothing since", []uint64{5, 0, 0, 1}, []uint64{5, 0, 0, 1}, 0.99, 0},
		{"half of the first", nil, []uint64{10, 0, 0, 0}, 0.5, 0.5},
		{"end of a bucket", nil, []uint64{5, 5, 0, 0}, 0.5, 1},
		{"inside the third", nil, []uint64{0, 0, 4, 0}, 0.5, 3},
		{"above all", nil, []uint64{0, 0, 0, 3}, 0.5, 4},
		{"only what came since", []uint64{1000, 0, 0, 0}, []uint64{1000, 4, 0, 0}, 0.25, 1.25},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := host.PercentileOf(bounds, tc.since, tc.now, tc.share); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
