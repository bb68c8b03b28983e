package terminal_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/codec/chat"
)

// pseudo is a pseudo-terminal: what the test types, and what a user would see.
type pseudo struct {
	keys  *os.File // the test's end
	tty   *os.File // the program's end
	shown *output
}

func openTerminal(t *testing.T) *pseudo {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	raw, err := keys.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	err = raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	})
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &pseudo{keys: keys, tty: tty, shown: newOutput()}
	var work sync.WaitGroup
	work.Go(func() { io.Copy(term.shown, keys) })
	t.Cleanup(func() {
		tty.Close()
		keys.Close()
		work.Wait()
	})
	return term
}

func (term *pseudo) press(keys string) { term.keys.WriteString(keys) }

// settings are the terminal's, to see that they come back.
func (term *pseudo) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(term.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// run starts a client at the terminal.
func (term *pseudo) run(t *testing.T, addr string, reconnect bool) (ends chan error) {
	t.Helper()
	o := options(addr, 100020)
	o.Stdin, o.Stdout, o.Style, o.Reconnect = term.tty, term.tty, terminal.NewStyle(true), &reconnect
	ends = make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() { ends <- terminal.Run(t.Context(), o) })
	t.Cleanup(work.Wait)
	return ends
}

// The keys a user presses, and pushes that come while a line is typed.
func TestClientAtATerminal(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	term := openTerminal(t)
	before := term.settings(t)
	ends := term.run(t, addr, true)
	term.shown.await(t, ">>> ")

	term.press("buy\talfa/6\t") // a complete word, and an instrument as far as it is unambiguous
	term.shown.await(t, "ALFA/60010")
	typed(t, addr, 100020, "buy 300103 10\n") // another client trades meanwhile
	term.shown.await(t, "bought 10 BETA/300103 @ 6.56 = 65.60 (100020-1)")
	term.press("0 100\r") // the line is still there
	term.shown.await(t, "bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100020-2)")

	term.press("\x1b[A\r") // arrow up: the same order again
	term.shown.await(t, "(100020-3)")
	term.press("h\t") // ambiguous: the candidates
	term.shown.await(t, "  holding  history  help")
	term.press("\x15sel 1 1\r")
	term.shown.await(t, "\x1b[31merror: unknown command \"sel\" (did you mean \"sell\"?)")
	term.press("\x04")
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if term.settings(t) != before {
		t.Error("the terminal was not put back")
	}
}

func TestClientLeavesTheTerminal(t *testing.T) {
	for name, tc := range map[string]struct {
		leave func(term *pseudo, s *served)
		again bool
		says  string // the error; "": none
	}{
		"Ctrl-C":           {func(term *pseudo, _ *served) { term.press("half a line\x03") }, true, ""},
		"quit":             {func(term *pseudo, _ *served) { term.press("quit\r") }, true, ""},
		"server goes away": {func(_ *pseudo, s *served) { s.stop() }, false, "the server closed the connection: "},
		"Ctrl-C without a server": {func(term *pseudo, s *served) {
			s.stop()
			term.shown.await(t, "reconnecting")
			term.press("\x03")
		}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testServer(t)
			term := openTerminal(t)
			before := term.settings(t)
			ends := term.run(t, s.addr, tc.again)
			term.shown.await(t, ">>> ")
			tc.leave(term, s)
			if err := <-ends; (err == nil) != (tc.says == "") || err != nil && !strings.HasPrefix(err.Error(), tc.says) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
			if term.settings(t) != before {
				t.Error("the terminal was not put back")
			}
		})
	}
}

// TestChatAtATerminal: a message that comes while a line is typed does not break it.
func TestChatAtATerminal(t *testing.T) {
	t.Parallel()
	s := startChat(t, "tcp", "127.0.0.1:0", &chatServer{})
	term := openTerminal(t)
	before := term.settings(t)
	ends := make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() {
		ends <- terminal.Chat(t.Context(), terminal.ChatOptions{Addr: s.addr, Stdin: term.tty, Stdout: term.tty, Style: terminal.NewStyle(true)})
	})
	t.Cleanup(work.Wait)
	term.shown.await(t, "> ")
	term.press("good ")
	term.shown.await(t, "good")
	s.say(chat.Frame{Type: chat.TypeMessage, Address: "::1", Port: "9", Text: "日本\x1b[2J"})
	term.shown.await(t, "\x1b[2m[::1]:9\x1b[0m 日本\\x1b[2J\r\n")
	term.press("morning\r") // the line is still there
	term.shown.await(t, " good morning\r\n")
	s.stop()
	term.shown.await(t, "reconnecting")
	term.press("\x03")
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if term.settings(t) != before {
		t.Error("the terminal was not put back")
	}
}

// TestCommandsOfEarlierRuns: the arrow keys offer the commands of an earlier run, but not what was
// no command, such as a password typed at the wrong prompt.
func TestCommandsOfEarlierRuns(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	file := filepath.Join(t.TempDir(), "commands")
	run := func(keys ...string) {
		term := openTerminal(t)
		o := options(addr, 100020)
		o.Stdin, o.Stdout, o.Style, o.PastFile = term.tty, term.tty, terminal.NewStyle(false), file
		ends := make(chan error, 1)
		var work sync.WaitGroup
		work.Go(func() { ends <- terminal.Run(t.Context(), o) })
		t.Cleanup(work.Wait)
		term.shown.await(t, ">>> ")
		for i := 0; i < len(keys); i += 2 {
			term.press(keys[i])
			term.shown.await(t, keys[i+1])
		}
		term.press("\x04")
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	run("quote 600100\r", "Northern Tin", "hunter2\r", "unknown command")
	run("\x1b[A\r", "Northern Tin")
	if text, err := os.ReadFile(file); err != nil || string(text) != "quote 600100\n" {
		t.Errorf("%q, %v", text, err)
	}
}
