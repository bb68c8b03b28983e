package terminal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/codec/chat"
)

// chatServer is a chat listener that the test plays.
type chatServer struct {
	addr     string
	earlier  []chat.Frame               // sent to each client that connects
	handle   func(net.Conn, chat.Frame) // nil: relay
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	conns    []net.Conn
	received []chat.Frame
}

// startChat starts a server with the fields that s has.
func startChat(t *testing.T, network, addr string, s *chatServer) *chatServer {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.addr = l, l.Addr().String()
	if network == "unix" {
		s.addr = "unix:" + s.addr
	}
	s.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.work.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(s.stop)
	return s
}

// stop closes all connections.
func (s *chatServer) stop() {
	s.listener.Close()
	s.mu.Lock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

func (s *chatServer) serve(conn net.Conn) {
	defer conn.Close()
	for _, f := range s.earlier {
		conn.Write(chat.AppendFrame(nil, f))
	}
	serveFrames(conn, func(b []byte) int {
		f, used, _ := chat.ParseFrame(b)
		if used == 0 {
			return 0
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.received = append(s.received, f)
		if s.handle != nil {
			s.handle(conn, f)
		} else {
			s.relay(conn, f)
		}
		return used
	})
}

// relay does what a server does. The caller holds mu.
func (s *chatServer) relay(conn net.Conn, f chat.Frame) {
	address, port, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		address, port = "unix", "0"
	}
	switch {
	case f.Type == chat.TypeWho:
		conn.Write(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeWho, Address: address, Port: port}))
		conn.Write(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeWho, Text: "1"}))
	case f.Text != "":
		for _, to := range s.conns {
			to.Write(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeMessage, Address: address, Port: port, Text: f.Text}))
		}
	}
}

// say sends a frame to all clients.
func (s *chatServer) say(f chat.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		conn.Write(chat.AppendFrame(nil, f))
	}
}

// texts returns the messages that came, without heartbeats.
func (s *chatServer) texts() (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.received {
		if f.Text != "" {
			texts = append(texts, f.Text)
		}
	}
	return texts
}

// piped runs a chat that gets these lines on standard input.
func piped(t *testing.T, addr, lines string, asJSON bool) (stdout string, err error) {
	t.Helper()
	out := newOutput()
	err = terminal.Chat(t.Context(), terminal.ChatOptions{
		Addr: addr, Stdin: strings.NewReader(lines), Stdout: out, Style: terminal.NewStyle(false), JSON: asJSON,
	})
	return out.String(), err
}

// startChatting is startClient for a chat.
func startChatting(t *testing.T, addr string, reconnect bool) *running {
	t.Helper()
	reader, writer := io.Pipe()
	r := &running{out: newOutput(), in: writer, ends: make(chan error, 1)}
	var work sync.WaitGroup
	work.Go(func() {
		r.ends <- terminal.Chat(t.Context(), terminal.ChatOptions{Addr: addr, Stdin: reader, Stdout: r.out, Style: terminal.NewStyle(false), Reconnect: &reconnect})
		reader.Close()
	})
	t.Cleanup(func() {
		writer.Close()
		work.Wait()
	})
	return r
}

// own returns the address that a chat's own lines show.
func own(stdout string) string {
	for line := range strings.Lines(stdout) {
		if place, _, ok := strings.Cut(line, " "); ok && strings.HasPrefix(place, "127.0.0.1:") {
			return place
		}
	}
	return "?"
}

// TestChatFromAPipe: all lines are sent, and the chat ends when the last one is back.
func TestChatFromAPipe(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{earlier: []chat.Frame{{Type: chat.TypeMessage, Address: "::1", Port: "9", Text: "last"}}})
	var lines strings.Builder
	for i := range 500 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	stdout, err := piped(t, s.addr, lines.String()+"\n  \n/who\n//who\n 你好 \nlast\n", false)
	if err != nil {
		t.Fatal(err, stdout)
	}
	me := own(stdout)
	for _, want := range []string{
		"connected to " + s.addr + "; \"/help\" lists the commands\n[::1]:9 last\n" + me + " line 0\n" + me + " line 1\n",
		me + " line 499\n  " + me + "\n  1 here\n" + me + " /who\n" + me + "  你好 \n" + me + " last\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	if got := s.texts(); len(got) != 503 || got[502] != "last" {
		t.Errorf("sent %d texts, %q", len(got), got)
	}
}

func TestChatLines(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{})
	longest := strings.Repeat("é", chat.MaxTextBytes/2)
	cases := []struct {
		name  string
		lines string
		fails bool
		want  string // a part of the standard output
	}{
		{"longest text", longest + "\n", false, " " + longest + "\n"},
		{"text too long", longest + "x\nafter\n", true, "error: the message has 4097 bytes, and the limit is 4096: send it in parts\n"},
		{"unknown command", "/nick me\n", true, "error: unknown command \"/nick me\"; \"/help\" lists them, and \"//\" starts a message with a /\n"},
		{"quit", "/quit\nnot sent\n", false, "connected to"},
		{"help", "/help\n", false, "everything else is sent to everybody who is there\n"},
		{"no lines", "", false, "connected to"},
		{"not UTF-8", "a\xffb\n", true, "error: the message is not UTF-8\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			stdout, err := piped(t, s.addr, tc.lines, false)
			if (err != nil) != tc.fails || !strings.Contains(stdout, tc.want) {
				t.Errorf("%v:\n%s", err, stdout)
			}
		})
	}
	for _, text := range s.texts() {
		if text == "not sent" || len(text) > chat.MaxTextBytes {
			t.Errorf("%q was sent", text)
		}
	}
}

// TestChatInterrupted: the end of the context ends a chat that waits for input.
func TestChatInterrupted(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, ends := newOutput(), make(chan error, 1)
	go func() {
		ends <- terminal.Chat(ctx, terminal.ChatOptions{Addr: s.addr, Stdin: reader, Stdout: out, Style: terminal.NewStyle(false)})
	}()
	writer.WriteString("hello\n")
	out.await(t, " hello\n")
	cancel()
	if err := <-ends; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestChatOverASocketFile: there is no port.
func TestChatOverASocketFile(t *testing.T) {
	t.Parallel()
	s := startChat(t, "unix", filepath.Join(t.TempDir(), "s"), &chatServer{})
	if stdout, err := piped(t, s.addr, "hello\n", false); err != nil || !strings.HasSuffix(stdout, "\nunix hello\n") {
		t.Errorf("%v:\n%s", err, stdout)
	}
}

// TestChatRefused: a line that the server refuses makes the run fail, and the chat does not
// wait for it.
func TestChatRefused(t *testing.T) {
	t.Parallel()
	s := &chatServer{}
	s.handle = func(conn net.Conn, f chat.Frame) {
		if f.Text == "bad" {
			conn.Write(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeError, Text: "too fast"}))
			return
		}
		s.relay(conn, f)
	}
	startChat(t, "tcp", "127.0.0.1:0", s)
	stdout, err := piped(t, s.addr, "good\nbad\ngood again\n", false)
	if err == nil || err.Error() != "not all lines succeeded" || !strings.Contains(stdout, "server: too fast\n") || !strings.HasSuffix(stdout, " good again\n") {
		t.Errorf("%v:\n%s", err, stdout)
	}
}

// TestChatEnds: what the error says when the server does not go on.
func TestChatEnds(t *testing.T) {
	t.Parallel()
	closing := func(last ...byte) func(net.Conn, chat.Frame) {
		return func(conn net.Conn, f chat.Frame) {
			if f.Text != "" {
				conn.Write(last)
				conn.Close()
			}
		}
	}
	cases := []struct {
		name   string
		handle func(net.Conn, chat.Frame)
		want   string
	}{
		{"with a reason", closing(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeError, Text: "idle\x1b[2J"})...), "the server closed the connection: idle\x1b[2J: connect again"},
		{"after an earlier refusal", closing(chat.AppendFrame(chat.AppendFrame(nil, chat.Frame{Type: chat.TypeError, Text: "too fast"}), chat.Frame{Type: chat.TypeJoined})...),
			"the server closed the connection: connect again"},
		{"without", closing(), "the server closed the connection: connect again"},
		{"other dialect", closing(0, 0, 0, 14), "does not speak the chat dialect: "},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := &chatServer{}
			s.handle = func(conn net.Conn, f chat.Frame) {
				s.relay(conn, chat.Frame{Type: f.Type})
				tc.handle(conn, f)
			}
			startChat(t, "tcp", "127.0.0.1:0", s)
			stdout, err := piped(t, s.addr, "hello\nmore\n", false)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v:\n%s", err, stdout)
			}
			if strings.Contains(stdout, "\x1b") {
				t.Errorf("%q", stdout)
			}
		})
	}
	if stdout, err := piped(t, "127.0.0.1:1", "hello\n", false); err == nil || !strings.HasPrefix(err.Error(), "cannot connect to 127.0.0.1:1: connection refused: nothing listens there: start the server with \"holdfast serve --listener chat=127.0.0.1:1\"") || stdout != "" {
		t.Errorf("%v, %q", err, stdout)
	}
}

// TestChatShows: frames of all types, from others and hostile.
func TestChatShows(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{})
	r := startChatting(t, s.addr, false)
	io.WriteString(r.in, "ready\n")
	r.out.await(t, " ready\n")
	s.say(chat.Frame{Type: chat.TypeJoined, Address: "::1", Port: "80"})
	s.say(chat.Frame{Type: chat.TypeMessage, Address: "::1", Port: "80", Text: "x\n127.0.0.1:1 forged\x1b[2J\u009b31m\u202e 日本"})
	s.say(chat.Frame{Type: chat.TypeMessage, Address: "a\x1b[2J\n", Port: "b\r", Text: "y"})
	s.say(chat.Frame{Type: 9, Address: "::1", Port: "80", Text: "of a newer server"})
	s.say(chat.Frame{Type: chat.TypeLeft, Address: "::1", Port: "80"})
	r.out.await(t, "* [::1]:80 joined\n"+`[::1]:80 x\n127.0.0.1:1 forged\x1b[2J\u009b31m\u202e 日本`+"\n"+`a\x1b[2J\n:b\r y`+"\n* [::1]:80 left\n")
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}

// TestChatReconnects: the chat goes on after the server was away. Lines of that time are
// refused.
func TestChatReconnects(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{})
	r := startChatting(t, s.addr, true)
	io.WriteString(r.in, "before\n")
	r.out.await(t, " before\n")
	s.stop()
	r.out.await(t, "the server closed the connection; reconnecting\n")
	io.WriteString(r.in, "meanwhile\n")
	r.out.await(t, "error: not connected: the line was not sent\n")
	next := startChat(t, "tcp", s.addr, &chatServer{})
	r.out.await(t, "reconnected to "+s.addr+"\n")
	io.WriteString(r.in, "after\n")
	r.out.await(t, " after\n")
	r.in.Close()
	if err := <-r.ends; err == nil || err.Error() != "not all lines succeeded" {
		t.Error(err)
	}
	if got := next.texts(); len(got) != 1 || got[0] != "after" {
		t.Errorf("sent again: %q", got)
	}
}

// TestChatUnseen: a connection that is lost before a message came back is an error.
func TestChatUnseen(t *testing.T) {
	t.Parallel()
	s := &chatServer{}
	s.handle = func(conn net.Conn, f chat.Frame) {
		if f.Text != "" {
			conn.Close()
			return
		}
		s.relay(conn, f)
	}
	startChat(t, "tcp", "127.0.0.1:0", s)
	r := startChatting(t, s.addr, true)
	io.WriteString(r.in, "lost\n")
	r.out.await(t, "; reconnecting; messages that may not have arrived: 1\n")
	r.in.Close()
	if err := <-r.ends; err == nil || err.Error() != "not all lines succeeded" {
		t.Error(err)
	}
}

// TestChatJSON: what programs read. These lines are a promise.
func TestChatJSON(t *testing.T) {
	t.Parallel()
	s := startChat(t, "unix", filepath.Join(t.TempDir(), "s"), &chatServer{earlier: []chat.Frame{
		{Type: chat.TypeMessage, Address: "::1", Port: "9", Text: "<earlier>\u202e\x1b"}, {Type: chat.TypeJoined, Address: "::1", Port: "10"},
		{Type: chat.TypeLeft, Address: "::1", Port: "10"},
	}})
	got, err := piped(t, s.addr, "hello\n/who\n\n/nick\n/help\n", true)
	want := strings.ReplaceAll(`{"event":"connected","server":"ADDR"}
{"event":"message","address":"::1","port":"9","text":"<earlier>\u202e\u001b"}
{"event":"joined","address":"::1","port":"10"}
{"event":"left","address":"::1","port":"10"}
{"event":"message","address":"unix","port":"0","text":"hello"}
{"event":"member","address":"unix","port":"0"}
{"event":"members","count":1}
{"event":"error","line":4,"message":"unknown command \"/nick\"; \"/help\" lists them, and \"//\" starts a message with a /"}
{"event":"help","text":"/who, /quit, /help, //TEXT sends /TEXT"}
`, "ADDR", s.addr)
	if sortedInput(got) != sortedInput(want) || err == nil {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	got, err = piped(t, "127.0.0.1:1", "", true)
	if err == nil || !strings.HasPrefix(got, `{"event":"error","message":"cannot connect to 127.0.0.1:1: connection refused: nothing`) {
		t.Errorf("%v, %s", err, got)
	}
}

// sortedInput puts the answers to lines that are not sent last: they don't wait for others.
func sortedInput(lines string) string {
	var others, local string
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, `{"event":"error"`) || strings.HasPrefix(line, `{"event":"help"`) {
			local += line
		} else {
			others += line
		}
	}
	return others + local
}
