package console_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"holdfast/biz/client"
	"holdfast/biz/console"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/codec/websocket"
	"holdfast/engine"
)

// patience is how long a test waits for an event. Only a failing test waits this long.
const patience = time.Minute

// Customers of the test seed, all with the password.
const (
	trader, second, operator = ledger.Customer(100001), ledger.Customer(100002), ledger.Customer(900001)
	password                 = "open sesame"
)

// service is a server with a console, in this process.
type service struct {
	t       testing.TB
	running *wiring.Server
	http    *httptest.Server
	console *console.Console
	seed    *seed.Seed
	elapsed atomic.Int64 // of its clock
}

// now is the clock of the server and of the console.
func (s *service) now() time.Time {
	return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).Add(time.Duration(s.elapsed.Load()))
}

// pass lets time pass.
func (s *service) pass(d time.Duration) { s.elapsed.Add(int64(d)) }

// start starts a server with a console that has some changes in its settings.
func start(t testing.TB, change func(*console.Config)) *service {
	t.Helper()
	s := &service{t: t, seed: cheap(t)}
	web := httptest.NewUnstartedServer(nil)
	port, _ := strconv.Atoi(web.Listener.Addr().String()[strings.LastIndexByte(web.Listener.Addr().String(), ':')+1:])
	running, err := wiring.Start(t.Context(), wiring.Config{
		Data: t.TempDir(), Seed: s.seed, EventLoops: 1, Drain: patience,
		Listeners: []engine.Listener{{Address: "127.0.0.1:0"}, {Address: "127.0.0.1:0", WebSocket: &engine.WebSocket{
			Binary: websocket.Packet{}, Text: websocket.JSON{}, Page: "http://:" + strconv.Itoa(port),
		}}},
		Gateway: gateway.Config{Version: "test", Now: s.now},
		Log:     slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, running.Stop()) })
	c := console.Config{
		Gateway: running.Gateway, Version: "test", Port: port, Now: s.now,
		Figures:  func(*console.Counts) (console.Figures, *console.Counts) { return console.Figures{}, &console.Counts{} },
		Sessions: func(string, int) console.SessionList { return console.SessionList{} },
	}
	if change != nil {
		change(&c)
	}
	s.running, s.http, s.console = running, web, console.New(c)
	t.Cleanup(s.console.Close)
	web.Config.Handler = s.console
	web.Config.ReadTimeout = time.Second
	web.Start()
	t.Cleanup(web.Close)
	return s
}

// door makes the WebSocket listener that of the page.
func (s *service) door() (port int) {
	address := s.running.Addrs[1]
	port, _ = strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	s.console.SetDoor(port, false)
	return port
}

// cheap returns the shipped seed with passwords that are quick to verify.
func cheap(t testing.TB) *seed.Seed {
	t.Helper()
	c, err := seed.Default()
	must(t, err)
	for n := range c.Customers {
		c.Customers[n].Password = hash(password)
	}
	return c
}

// hash returns the hash of a password, with the least memory and time.
func hash(password string) string {
	salt := []byte("salt of the test")
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
}

// reload reloads the seed after a change of one customer.
func (s *service) reload(number ledger.Customer, change func(*seed.Customer)) {
	s.t.Helper()
	next := *s.seed
	next.Customers = slices.Clone(next.Customers)
	i := slices.IndexFunc(next.Customers, func(c seed.Customer) bool { return c.Number == number })
	if change == nil {
		next.Customers = slices.Delete(next.Customers, i, i+1)
	} else {
		change(&next.Customers[i])
	}
	_, err := s.running.Gateway.Reload(&next)
	must(s.t, err)
	s.seed = &next
}

// browser is a client of the console with its cookies.
type browser struct {
	s *service
	http.Client
}

func (s *service) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	return &browser{s: s, Client: http.Client{Jar: jar, Transport: s.http.Client().Transport}}
}

// answer is an answer of the console.
type answer struct {
	status int
	header http.Header
	body   string
}

// get sends a GET.
func (b *browser) get(path string) answer {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), http.MethodGet, b.s.http.URL+path, http.NoBody)
	must(b.s.t, err)
	return b.send(r)
}

// post sends a POST as the page does; edit may change it.
func (b *browser) post(path, body string, edit ...func(*http.Request)) answer {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), http.MethodPost, b.s.http.URL+path, strings.NewReader(body))
	must(b.s.t, err)
	r.Header.Set("Origin", b.s.http.URL)
	r.Header.Set("Content-Type", "application/json")
	for _, e := range edit {
		e(r)
	}
	return b.send(r)
}

func (b *browser) send(r *http.Request) answer {
	b.s.t.Helper()
	got, err := b.Do(r)
	must(b.s.t, err)
	defer got.Body.Close()
	var text bytes.Buffer
	_, err = io.Copy(&text, got.Body)
	must(b.s.t, err)
	return answer{got.StatusCode, got.Header, text.String()}
}

// wants checks the status of an answer, and that a text is in its body.
func (a answer) wants(t testing.TB, status int, text string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		t.Errorf("%d %s; want %d and %q", a.status, a.body, status, text)
	}
}

// logIn logs in.
func (b *browser) logIn(c ledger.Customer) answer {
	b.s.t.Helper()
	a := b.post("/api/login", credentials(c, password))
	a.wants(b.s.t, http.StatusOK, `"customer":`+strconv.Itoa(int(c)))
	return a
}

func credentials(c ledger.Customer, password string) string {
	return fmt.Sprintf(`{"customer":%d,"password":%q}`, c, password)
}

// ticket returns a ticket of the session.
func (b *browser) ticket() []byte {
	b.s.t.Helper()
	a := b.post("/api/ticket", "")
	a.wants(b.s.t, http.StatusOK, "ticket")
	var got struct{ Ticket []byte }
	must(b.s.t, json.Unmarshal([]byte(a.body), &got))
	return got.Ticket
}

// connect connects to the packet listener and logs in with a token.
func (s *service) connect(c ledger.Customer, token []byte) (*client.Client, error) {
	s.t.Helper()
	conn, err := client.Dial(s.t.Context(), s.running.Addrs[0], client.Options{})
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Login(s.t.Context(), client.Customer(c), client.Token(token))
	return conn, err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// parsed parses an address.
func parsed(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u
}
