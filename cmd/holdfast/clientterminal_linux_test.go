package main_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	main "holdfast/cmd/holdfast"
)

// terminal is a pseudo-terminal: what the test types, and what a user would see.
type terminal struct {
	keys  *os.File // the test's end
	tty   *os.File // the program's end
	shown *output
}

func openTerminal(t *testing.T) *terminal {
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
	terminal := &terminal{keys: keys, tty: tty, shown: newOutput()}
	var work sync.WaitGroup
	work.Go(func() { io.Copy(terminal.shown, keys) })
	t.Cleanup(func() {
		tty.Close()
		keys.Close()
		work.Wait()
	})
	return terminal
}

func (term *terminal) press(keys string) { term.keys.WriteString(keys) }

// settings are the terminal's, to see that they come back.
func (term *terminal) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(term.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// run starts a client at the terminal.
func (term *terminal) run(t *testing.T, addr, flag string, environ ...string) (code chan int) {
	t.Helper()
	p := &main.Program{
		Args: []string{"client", "--addr", addr, "--customer", "100020", "--password", "holdfast-demo", flag}, Environ: environ,
		Stdin: term.tty, Stdout: term.tty, Stderr: term.tty,
	}
	code = make(chan int, 1)
	var work sync.WaitGroup
	work.Go(func() { code <- p.Run(t.Context()) })
	t.Cleanup(work.Wait)
	return code
}

// The keys a user presses, and pushes that come while a line is typed.
func TestClientAtATerminal(t *testing.T) {
	addr := testServer(t)
	term := openTerminal(t)
	before := term.settings(t)
	code := term.run(t, addr, "--reconnect", "TERM=xterm")
	term.shown.await(t, ">>> ")

	term.press("buy\talfa/6\t") // a whole word, and an instrument as far as it is certain
	term.shown.await(t, "ALFA/60010")
	typed(t, addr, "100020", "buy 300103 10\n") // another client trades meanwhile
	term.shown.await(t, "bought 10 BETA/300103 @ 6.56 = 65.60 (100020-1)")
	term.press("0 100\r") // the line is still there
	term.shown.await(t, "bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100020-2)")

	term.press("\x1b[A\r") // arrow up: the same order again
	term.shown.await(t, "(100020-3)")
	term.press("h\t") // not certain: the candidates
	term.shown.await(t, "  holding  history  help")
	term.press("\x15sel 1 1\r")
	term.shown.await(t, "\x1b[31merror: unknown command \"sel\" (did you mean \"sell\"?)")
	term.press("\x04")
	if c := <-code; c != 0 {
		t.Errorf("code %d", c)
	}
	if term.settings(t) != before {
		t.Error("the terminal was not put back")
	}
}

func TestClientLeavesTheTerminal(t *testing.T) {
	for name, tc := range map[string]struct {
		leave func(term *terminal, s *served)
		again string // --reconnect
		code  int
		says  string
	}{
		"Ctrl-C":           {func(term *terminal, _ *served) { term.press("half a line\x03") }, "true", 0, ""},
		"quit":             {func(term *terminal, _ *served) { term.press("quit\r") }, "true", 0, ""},
		"server goes away": {func(_ *terminal, s *served) { s.stop() }, "false", 1, "holdfast: the server closed the connection: "},
		"Ctrl-C without a server": {func(term *terminal, s *served) {
			s.stop()
			term.shown.await(t, "connecting again")
			term.press("\x03")
		}, "true", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
			term := openTerminal(t)
			before := term.settings(t)
			code := term.run(t, s.addr, "--reconnect="+tc.again)
			term.shown.await(t, ">>> ")
			tc.leave(term, s)
			if c := <-code; c != tc.code {
				t.Errorf("code %d, want %d", c, tc.code)
			}
			term.shown.await(t, tc.says)
			if term.settings(t) != before {
				t.Error("the terminal was not put back")
			}
		})
	}
}

func TestClientWithoutColours(t *testing.T) {
	addr := testServer(t)
	term := openTerminal(t)
	code := term.run(t, addr, "--reconnect", "NO_COLOR=1")
	term.shown.await(t, ">>> ")
	term.press("nonsense\r")
	term.shown.await(t, "error: unknown command")
	term.press("\x04")
	<-code
	if strings.Contains(term.shown.String(), "\x1b[31m") || strings.Contains(term.shown.String(), "\x1b[2m") {
		t.Error("coloured in spite of NO_COLOR")
	}
}
