package host_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/engine"
)

// start starts a server with free ports and a new data folder until the end of the test.
func start(t testing.TB) *host.Server {
	t.Helper()
	c := config.Default()
	c.Listen, c.Admin, c.Data, c.EventLoops = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data"), 2
	s, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func readyz(t *testing.T, s *host.Server) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + s.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// TestReadyz: a server is ready; one whose drain begins is not, and says why. Asking adds
// nothing to the journal.
func TestReadyz(t *testing.T) {
	s := start(t)
	before := s.Desk.Stats()
	for range 3 {
		if status, body := readyz(t, s); status != http.StatusOK || body != "ready\n" {
			t.Errorf("%d %q", status, body)
		}
	}
	if after := s.Desk.Stats(); after != before {
		t.Errorf("the journal grew from %+v to %+v", before, after)
	}
	s.Core.StartDrain()
	if status, body := readyz(t, s); status != http.StatusServiceUnavailable || body != "the server is stopping\n" {
		t.Errorf("while it stops: %d %q", status, body)
	}
}

// TestReadyzAsksTheParts: the loops, their lanes and the committer are asked. While one of
// them does not answer, the server is not ready and says which one.
func TestReadyzAsksTheParts(t *testing.T) {
	s := start(t)
	var names []string
	for _, p := range s.Parts() {
		names = append(names, p.Name)
	}
	if got, want := strings.Join(names, ", "), "event loop 0, lane 0, event loop 1, lane 1, committer"; got != want {
		t.Errorf("asks %s, want %s", got, want)
	}
	stuck := make(chan struct{})
	health := engine.NewHealth(append(s.Parts(), engine.Part{
		Name: "event loop 7", Ask: func(context.Context) error { <-stuck; return nil },
	})...)
	defer health.Close()
	if err := s.Ready(t.Context(), health); err == nil || err.Error() != "event loop 7 did not answer within 1s" {
		t.Errorf("got %v", err)
	}
	close(stuck)
	if err := s.Ready(t.Context(), health); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// pipes is a listener whose clients connect with dial.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// asker is a client of the admin port.
type asker struct {
	net.Conn
	in *bufio.Reader
}

func (p *pipes) dial(t *testing.T) *asker {
	t.Helper()
	near, far := net.Pipe()
	p.conns <- far
	t.Cleanup(func() { near.Close() })
	return &asker{near, bufio.NewReader(near)}
}

func (a *asker) ask(t *testing.T, path string) {
	t.Helper()
	if _, err := io.WriteString(a, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// answered reads an answer. It reports whether one came, rather than the end of the
// connection.
func (a *asker) answered(t *testing.T) bool {
	t.Helper()
	_ = a.SetReadDeadline(time.Now().Add(time.Minute))
	response, err := http.ReadResponse(a.in, nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("neither an answer nor the end of the connection")
	}
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil
}

// TestAdminConnections: at the limit, a new connection is served at once. It takes the place
// of the one that is idle longest, with or without an earlier request, and if none is idle,
// of the one whose request runs longest.
func TestAdminConnections(t *testing.T) {
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	running, ended := make(chan struct{}), make(chan struct{}, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/profile", func(_ http.ResponseWriter, r *http.Request) {
		running <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	})
	conns := host.NewAdminConns(l, 3)
	idle, gone := make(chan struct{}, 10), make(chan struct{}, 10)
	server := &http.Server{Handler: mux, ConnState: func(conn net.Conn, state http.ConnState) {
		conns.Changed(conn, state)
		switch state {
		case http.StateIdle:
			idle <- struct{}{}
		case http.StateClosed:
			gone <- struct{}{}
		case http.StateNew, http.StateActive, http.StateHijacked:
		}
	}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(conns) })
	defer serving.Wait()
	defer server.Close()

	alive := func(a *asker, name string) {
		t.Helper()
		if a.ask(t, "/healthz"); !a.answered(t) {
			t.Fatalf("%s was closed", name)
		}
		<-idle // after the answer
	}
	closed := func(a *asker, name string) {
		t.Helper()
		if a.answered(t) {
			t.Errorf("%s was not closed", name)
		}
	}
	silent, first, second := l.dial(t), l.dial(t), l.dial(t)
	alive(first, "the first client")
	alive(second, "the second client")
	third := l.dial(t)
	closed(silent, "a client that never asked")
	alive(third, "the third client")
	alive(first, "the first client")
	fourth := l.dial(t)
	closed(second, "the one that is idle longest")
	var profiles []*asker
	for _, a := range []*asker{third, first, fourth} {
		a.ask(t, "/profile")
		<-running
		profiles = append(profiles, a)
	}
	probe := l.dial(t)
	alive(probe, "a probe while all others are busy")
	closed(profiles[0], "the request that runs longest")
	<-ended
	again := l.dial(t)
	closed(probe, "the idle probe")
	alive(again, "another probe")
	profiles[1].Close()
	<-ended
	for range 5 { // the silent one, the second, the probe, two profiles
		<-gone // from the table too
	}
	spare := l.dial(t)
	alive(spare, "a client within the limit")
	alive(again, "its neighbour")
}

// TestProfilesOnlyOverLoopback: profiles are refused to other machines.
func TestProfilesOnlyOverLoopback(t *testing.T) {
	profile := host.ForLoopback(func(http.ResponseWriter, *http.Request) {})
	for from, want := range map[string]int{
		"127.0.0.1:5000": http.StatusOK, "[::1]:5000": http.StatusOK, "[::ffff:127.0.0.1]:5000": http.StatusOK,
		"192.0.2.7:5000": http.StatusForbidden, "[2001:db8::7]:5000": http.StatusForbidden, "": http.StatusForbidden,
	} {
		answer := httptest.NewRecorder()
		profile(answer, &http.Request{RemoteAddr: from})
		if answer.Code != want {
			t.Errorf("from %q: %d", from, answer.Code)
		}
	}
}
