package conformance_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"holdfast/perf/conformance"
)

// listenEcho starts an echo endpoint that a public library serves, and returns its URL.
// The library leaves it to its user to check that text is UTF-8.
func listenEcho(t *testing.T, checkText bool) string {
	t.Helper()
	return listen(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if checkText && kind == websocket.MessageText && !utf8.Valid(message) {
				_ = c.Close(websocket.StatusInvalidFramePayloadData, "")
				return
			}
			if c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	})
}

func listen(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/echo"
}

// TestRun: a library passes all cases on TCP but those of text that is not UTF-8, and with
// a check of whole messages is only less strict. It echoes a wrong reason of a close frame.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("skip: seconds of work: leave out -short")
	}
	tests := []struct {
		name              string
		checkText         bool
		cases             []string
		failed, nonStrict string
	}{
		{"text as it is", false, nil, wrongText + " 7.5.1", ""},
		{"text checked", true, []string{"5", "6.*", "7"}, "7.5.1", "6.4"},
		{"large messages", true, []string{"9.1.6", "9.2.5", "9.4.1"}, "", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			limit := 0
			if tc.cases == nil {
				limit = 1100 << 10 // "large messages" has some of the others
			}
			var reported []string
			report, err := conformance.Run(t.Context(), conformance.Options{
				URL: listenEcho(t, tc.checkText), Parallel: 4, Cases: tc.cases, MaxBytes: limit,
				Settings: conformance.Settings{Pause: 50 * time.Millisecond, Timeout: time.Minute},
				Report:   func(r conformance.Result) { reported = append(reported, r.Number) },
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(reported)
			if got, want := len(slices.Compact(reported)), len(report.Results); got != want || tc.cases == nil && want != 301 {
				t.Errorf("%d results, %d reported", want, got)
			}
			if got, want := with(report, conformance.Failed), numbers(t, tc.failed); !slices.Equal(got, want) {
				t.Errorf("failed: got %v, want %v", got, want)
			}
			if got, want := with(report, conformance.NonStrict), numbers(t, tc.nonStrict); !slices.Equal(got, want) {
				t.Errorf("non-strict: got %v, want %v", got, want)
			}
		})
	}
}

// with lists the cases that have a verdict.
func with(report *conformance.Report, v conformance.Verdict) []string {
	var list []string
	for _, r := range report.Results {
		if r.Verdict == v {
			list = append(list, r.Number)
		}
	}
	return list
}

// TestMaxBytes: cases that send more are skipped, and not counted as passed. All others
// pass byte by byte.
func TestMaxBytes(t *testing.T) {
	report, err := conformance.Run(t.Context(), conformance.Options{
		URL: listenEcho(t, true), Parallel: 2, MaxBytes: 1000, Cases: []string{"1", "2", "5", "10"},
		Settings: conformance.Settings{Pieces: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1.1.6", "1.1.7", "1.1.8", "1.2.6", "1.2.7", "1.2.8", "10.1.1"}
	if got := with(report, conformance.Skipped); !slices.Equal(got, want) {
		t.Errorf("skipped %v, want %v", got, want)
	}
	if got, want := report.Summary(), "48 cases: 41 passed, 7 skipped (more than 1000 bytes)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRunRefuses: wrong options and a server that accepts no connection are errors.
func TestRunRefuses(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	answer := func(header ...string) string {
		return listen(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, strings.Join(header, "\r\n")+"\r\n\r\n")
			_ = conn.Close()
		})
	}
	const switching, upgrade, connection = "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
	tests := []struct {
		name, url string
		cases     []string
		want      error  // nil: any
		text      string // part of the error
	}{
		{"no URL", "", nil, conformance.ErrURL, "such as ws://"},
		{"another scheme", "http://127.0.0.1/echo", nil, conformance.ErrURL, `got "http://127.0.0.1/echo"`},
		{"no host", "ws:///echo", nil, conformance.ErrURL, ""},
		{"no such case", "ws://127.0.0.1/echo", []string{"1.*", "8.*"}, conformance.ErrNoCase, `"8.*"`},
		{"malformed pattern", "ws://127.0.0.1/echo", []string{"[1"}, conformance.ErrNoCase, ""},
		{"nobody listens", "ws://" + closed.Addr().String(), nil, nil, "connect: "},
		{"not found", listen(t, http.NotFound), nil, conformance.ErrHandshake, "404 Not Found"},
		{"no upgrade", answer(switching, connection), nil, conformance.ErrHandshake, "Upgrade"},
		{"wrong key", answer(switching, upgrade, connection, "Sec-WebSocket-Accept: x"), nil, conformance.ErrHandshake, "Sec-WebSocket-Accept"},
		{"wrong key, two options", answer(switching, upgrade, "Connection: keep-alive, upgrade", "Sec-WebSocket-Accept: x"), nil, conformance.ErrHandshake, "Sec-WebSocket-Accept"},
		{"other option", answer(switching, upgrade, "Connection: keep-alive"), nil, conformance.ErrHandshake, "no Upgrade"},
		{"no HTTP", answer("SSH-2.0"), nil, nil, "handshake: "},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := conformance.Run(t.Context(), conformance.Options{URL: tc.url, Cases: tc.cases})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %v with %q", err, tc.want, tc.text)
			}
		})
	}
}

// TestUnwantedExtension: a server must not choose what the client did not offer.
func TestUnwantedExtension(t *testing.T) {
	for _, header := range []string{"Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"} {
		url := listen(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(header, "x")
			if c, err := websocket.Accept(w, r, nil); err == nil {
				_ = c.CloseNow()
			}
		})
		if _, err := conformance.Run(t.Context(), conformance.Options{URL: url}); !errors.Is(err, conformance.ErrHandshake) {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// TestRunEnds: the end of the context ends Run in the middle of a case.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := listen(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		if _, _, err := c.Read(r.Context()); err != nil {
			return // the connection before all cases
		}
		cancel()
		_, _, _ = c.Read(r.Context())
	})
	_, err := conformance.Run(ctx, conformance.Options{URL: url, Settings: conformance.Settings{Timeout: time.Hour}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRunEndsInTheHandshake: so does its end before the server has answered.
func TestRunEndsInTheHandshake(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := listen(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := conformance.Run(ctx, conformance.Options{URL: url}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTimeout: a case fails when no byte moves for the timeout, and not before.
func TestTimeout(t *testing.T) {
	const timeout = 10 * time.Second
	tests := []struct {
		name   string
		number string
		conn   slowConn
		want   conformance.Verdict
		took   time.Duration
	}{
		// The echo has 127 bytes, the close frame 4.
		{"slow server", "1.1.2", slowConn{write: timeout - time.Second}, conformance.OK, 131 * (timeout - time.Second)},
		{"silent server", "1.1.2", slowConn{write: time.Hour}, conformance.Failed, timeout},
		// 256 reads of 4 KiB each, one of the rest and one of the close frame.
		{"slow reader", "9.1.3", slowConn{read: 100 * time.Millisecond}, conformance.OK, 258 * 100 * time.Millisecond},
		{"no reader", "9.1.3", slowConn{read: time.Hour}, conformance.Failed, timeout},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				tc.conn.Conn = server
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					serve(tc.conn, faults{})
				}()
				r := find(t, tc.number).Run(t.Context(), client, conformance.Settings{Timeout: timeout})
				if r.Verdict != tc.want || r.Duration != tc.took {
					t.Errorf("%s after %v: %s", r.Verdict, r.Duration, r.Got)
				}
				<-stopped
			})
		})
	}
}

// slowConn reads after a pause, at most 4 KiB, and writes single bytes, each after a pause.
type slowConn struct {
	net.Conn
	read, write time.Duration // pauses; 0: none, as a usual connection
}

func (c slowConn) Read(b []byte) (int, error) {
	time.Sleep(c.read)
	return c.Conn.Read(b[:min(len(b), 4<<10)])
}

func (c slowConn) Write(b []byte) (int, error) {
	if c.write == 0 {
		return c.Conn.Write(b)
	}
	for i := range b {
		time.Sleep(c.write)
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// TestBytesAfterTheHandshake: bytes that come with the server's answer are the start of
// its first frame.
func TestBytesAfterTheHandshake(t *testing.T) {
	client, server := net.Pipe()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		_, _ = io.WriteString(server, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n\x81\x05early")
		serve(server, faults{})
	}()
	conn, err := conformance.Upgrade(client, "host", "/echo", conformance.Settings{Pieces: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := find(t, "1.1.1").Run(t.Context(), conn, conformance.Settings{})
	<-stopped
	if !strings.HasPrefix(r.Got, `text "early"`) {
		t.Errorf("got %q", r.Got)
	}
}

// accept returns the server's answer to a key, RFC 6455 section 4.2.2.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestReport: the table has the cases that did not pass, the summary all.
func TestReport(t *testing.T) {
	report := &conformance.Report{MaxBytes: 100, Results: []conformance.Result{
		{Number: "1.1.1", Verdict: conformance.OK, Sent: "a", Expected: "b", Got: "b"},
		{Number: "3.2", Verdict: conformance.NonStrict, Sent: "text", Expected: "text, close 1002", Got: "close 1002"},
		{Number: "6.3.1", Verdict: conformance.Failed, Sent: "text 0xff", Expected: "close 1007", Got: "text \x1b[31m"},
		{Number: "9.1.1", Verdict: conformance.Skipped},
	}}
	want := `case   verdict
3.2    NON-STRICT  sent      text
                   expected  text, close 1002
                   got       close 1002
6.3.1  FAILED      sent      text 0xff
                   expected  close 1007
                   got       text \x1b[31m

4 cases: 1 passed, 1 non-strict, 1 failed, 1 skipped (more than 100 bytes)
`
	if got := report.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	short := &conformance.Report{Results: report.Results[:1]}
	if got, want := short.String(), "1 cases: 1 passed\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	text, err := json.Marshal(report.Results[1])
	if want := `{"number":"3.2","verdict":"NON-STRICT","duration_ns":0,"sent":"text","expected":"text, close 1002","got":"close 1002"}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
}
