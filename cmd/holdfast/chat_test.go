package main_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/codec/chat"
)

// echoes is a chat listener that relays to the sender alone.
func echoes(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				length := make([]byte, 2)
				for {
					if _, err := io.ReadFull(conn, length); err != nil {
						return
					}
					frame := make([]byte, 2+(int(length[0])<<8|int(length[1])))
					copy(frame, length)
					if _, err := io.ReadFull(conn, frame[2:]); err != nil {
						return
					}
					if f, _, _ := chat.ParseFrame(frame); f.Text != "" || f.Type == chat.TypeWho {
						conn.Write(frame)
					}
				}
			})
		}
	})
	return l.Addr().String()
}

func TestChatCommand(t *testing.T) {
	t.Parallel()
	addr := echoes(t)
	cases := []struct {
		name   string
		args   []string
		lines  string
		code   int
		stdout string
		stderr string // its start
	}{
		{"text", []string{"--addr", addr}, "hello\n", 0, "connected to " + addr + "; \"/help\" lists the commands\n hello\n", ""},
		{"JSON", []string{"--addr", addr, "--json"}, "hello\n", 0, `{"event":"connected","server":"` + addr + `"}` + "\n" + `{"event":"message","text":"hello"}` + "\n", ""},
		{"refused line", []string{"--addr", addr, "--json"}, "/x\n", 1, `{"event":"connected","server":"` + addr + `"}` + "\n" +
			`{"event":"error","line":1,"message":"unknown command \"/x\"; \"/help\" lists them, and \"//\" starts a message with a /"}` + "\n", "holdfast: not all lines succeeded\n"},
		{"no server", []string{"--addr", "127.0.0.1:1"}, "", 1, "", "holdfast: cannot connect to 127.0.0.1:1: connection refused: nothing listens there"},
		{"WebSocket address", []string{"--addr", "ws://127.0.0.1:1/ws"}, "", 2, "", "holdfast: --addr wants an address such as 127.0.0.1:8888, got \"ws://127.0.0.1:1/ws\""},
		{"argument", []string{"hello"}, "", 2, "", "holdfast: unexpected argument \"hello\""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs strings.Builder
			p := &main.Program{Args: append([]string{"chat"}, tc.args...), Stdin: strings.NewReader(tc.lines), Stdout: &out, Stderr: &errs}
			if code := p.Run(t.Context()); code != tc.code || out.String() != tc.stdout || !strings.HasPrefix(errs.String(), tc.stderr) || tc.stderr == "" && errs.Len() > 0 {
				t.Errorf("code %d, stdout %q, stderr %q", code, out.String(), errs.String())
			}
		})
	}
}

// TestWebSocketDoor: the commands connect to the WebSocket listener.
func TestWebSocketDoor(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no upgrade at "+r.URL.Path, http.StatusUpgradeRequired)
	}))
	defer s.Close()
	addr := s.Listener.Addr().String()
	want := "cannot connect to ws://" + addr + "/ws: the server answers the WebSocket handshake with HTTP status 426 Upgrade Required: no upgrade at /ws: "
	for _, args := range []string{"client", "bust 100001-1 --reason x", "submit --connections 1"} {
		if code, stdout, stderr := run(t, append(strings.Fields(args), "--door", "websocket", "--addr", addr)...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s%s", args, code, stdout, stderr)
		}
	}
	if code, _, stderr := run(t, "client", "--door", "websocket", "--addr", "unix:/s"); code != 2 || !strings.Contains(stderr, `--door websocket wants a host and a port in --addr, got "unix:/s"`) {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// TestClientJSON: standard output has JSON alone, and the exit codes are those of the text.
func TestClientJSON(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	code, stdout, stderr := typed(t, addr, "100040", "buy 600100 1\n", "--json")
	lines := strings.SplitAfter(stdout, "\n")
	if code != 0 || !strings.HasPrefix(stderr, "holdfast: using the published demo password") || !strings.HasPrefix(lines[0], `{"event":"connected","server":"`+addr+`","body":{"uid":"`) {
		t.Errorf("code %d, %s%s", code, stderr, stdout)
	}
	for _, line := range lines[:len(lines)-1] {
		if !strings.HasPrefix(line, `{"event":"`) {
			t.Errorf("%q", line)
		}
	}
	code, stdout, stderr = typed(t, addr, "100040", "", "--json", "--password=guess")
	want := "log in as 100040: customer number and credential do not match: check the customer number and the password or token"
	if code != 1 || stderr != "holdfast: "+want+"\n" || !strings.HasPrefix(stdout, `{"event":"error","result":"UNAUTHENTICATED","message":"`+want+`","body":{`) {
		t.Errorf("code %d, %s%s", code, stderr, stdout)
	}
	if code, _, _ = typed(t, addr, "100040", "sell nothing\n", "--json"); code != 1 {
		t.Errorf("a failed command: code %d", code)
	}
}
