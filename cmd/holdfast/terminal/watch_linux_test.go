package terminal_test

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/codec"
	"holdfast/codec/pb"
	text "holdfast/perf/table"
)

// watch starts a watch at the terminal.
func (term *pseudo) watch(t *testing.T, addr string, environ ...string) (ends chan error, cancel func()) {
	t.Helper()
	o := options(addr, 100020)
	o.Stdin, o.Stdout = term.tty, term.tty
	ctx, cancel := context.WithCancel(t.Context())
	ends = make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() { ends <- terminal.Watch(ctx, o, append([]string{"TERM=xterm"}, environ...)) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
	})
	term.shown.await(t, "connected")
	return ends, cancel
}

// resize changes the size of the terminal. This process gets the signal that a shell's job would.
func (term *pseudo) resize(t *testing.T, columns, lines uint16) {
	t.Helper()
	term.setSize(t, columns, lines)
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
}

func (term *pseudo) setSize(t *testing.T, columns, lines uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(term.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// TestClientAtFortyColumns: no line of a table is wider than the terminal.
func TestClientAtFortyColumns(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	typed(t, addr, 100020, "buy 600100 1000\nsell 600100 300 99\n")
	term := openTerminal(t)
	term.setSize(t, 40, 24)
	ends := term.run(t, addr, false)
	term.shown.await(t, ">>> ")
	term.press("holding\rorders\rhistory\r")
	term.shown.await(t, "100020-1") // of the history
	term.press("quit\r")
	if err := <-ends; err != nil {
		t.Error(err)
	}
	shown := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]").ReplaceAllString(term.shown.String(), "")
	for line := range strings.Lines(shown) {
		if line = strings.TrimRight(line, "\r\n"); strings.HasPrefix(line, "  ") && text.Width(line) > 40 {
			t.Errorf("%d columns: %q", text.Width(line), line)
		}
	}
	if !regexp.MustCompile(`sellable 700\s+frozen 300`).MatchString(shown) {
		t.Errorf("sellable and frozen are not in\n%s", shown)
	}
}

// awaitScreen draws the screen again until it has what a pattern matches. A watch draws only what
// has changed, so what it has written before may be in parts.
func (term *pseudo) awaitScreen(t *testing.T, pattern string) string {
	t.Helper()
	shown := regexp.MustCompile("(?s)" + pattern)
	end := time.After(patience)
	for again := time.NewTicker(100 * time.Millisecond); ; {
		from := len(term.shown.String())
		term.press("\x0c")
		for drawn := false; !drawn; {
			select {
			case <-term.shown.changed:
			case <-again.C:
				drawn = true
			case <-end:
				t.Fatalf("%q is not in\n%q", pattern, term.shown.String()[from:])
			}
			if screen := term.shown.String()[from:]; shown.MatchString(screen) {
				return screen
			}
		}
	}
}

// operator returns a client that may bust and correct.
func operator(t *testing.T, addr string) *client.Client {
	t.Helper()
	c, err := terminal.Login(t.Context(), options(addr, 900001))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // always nil
	return c
}

// TestWatchAtATerminal: orders by keys, pushes, a bust, a correction, and another size.
func TestWatchAtATerminal(t *testing.T) {
	addr := testServer(t).addr
	term := openTerminal(t)
	before := term.settings(t)
	ends, _ := term.watch(t, addr)
	term.awaitScreen(t, "no executions")
	typed(t, addr, 100020, "buy 600100 100\nbuy 600100 40\n") // another client
	term.awaitScreen(t, "ALFA/600100.*140")
	term.press("b5\r")
	term.awaitScreen(t, "send: buy 5 ALFA/600100, market, day, value 50.00")
	term.press("y")
	term.awaitScreen(t, "order #3: buy 5 ALFA/600100, filled")
	term.press("s9999\ry")
	term.awaitScreen(t, "refused: ")
	term.press("\x151\t999\ry") // it can be changed
	term.awaitScreen(t, "order #4: sell 1 ALFA/600100 @ 999.00, new")
	term.press("c")
	term.awaitScreen(t, "select an order")
	term.press("cy")
	term.awaitScreen(t, "order #4: .*cancelled: at the request of a client")

	desk := operator(t, addr)
	if _, err := desk.Bust(t.Context(), client.NewExecutionID(100020, 1), "keyed in by mistake"); err != nil {
		t.Fatal(err)
	}
	term.awaitScreen(t, `BUSTED.*\x1b\[[0-9;]*\b9m#1`)
	if _, err := desk.Correct(t.Context(), client.Correction{ID: client.NewExecutionID(100020, 2), Quantity: 20, Price: 9_5000, Reason: "price"}); err != nil {
		t.Fatal(err)
	}
	term.awaitScreen(t, `was #2.*now #4.*\x1b\[[0-9;]*\b9m#2`)
	term.resize(t, 40, 20)
	term.awaitScreen(t, "BUSTED")
	term.resize(t, 10, 3)
	if screen := term.awaitScreen(t, "connected"); strings.Contains(screen, "TAPE") {
		t.Errorf("a tape in three lines: %q", screen)
	}
	term.resize(t, 120, 40)
	term.awaitScreen(t, `was #2`)
	term.press("q")
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if term.settings(t) != before {
		t.Error("the terminal was not put back")
	}
	for _, sequence := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"} { // main screen, cursor, no marks around what is pasted
		term.shown.await(t, sequence)
	}
}

// TestWatchWithoutColours: NO_COLOR takes the colours, not what is struck out.
func TestWatchWithoutColours(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	typed(t, addr, 100020, "buy 600100 100\n")
	typed(t, addr, 900001, "bust 100020-1 keyed in by mistake\n")
	term := openTerminal(t)
	term.watch(t, addr, "NO_COLOR=yes")
	screen := term.awaitScreen(t, `BUSTED.*\x1b\[[0-9;]*\b9m#1`)
	if regexp.MustCompile(`\x1b\[([0-9;]*;)?3[0-7][;m]`).MatchString(screen) {
		t.Errorf("there are colours in %q", screen)
	}
}

// TestWatchReconnects: the server goes away and comes back, first with its data and then without.
func TestWatchReconnects(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serve(t, "127.0.0.1:0", data)
	typed(t, first.addr, 100020, "buy 600100 100\n")
	term := openTerminal(t)
	ends, _ := term.watch(t, first.addr)
	term.awaitScreen(t, "TAPE 1")
	first.stop()
	term.awaitScreen(t, "reconnecting")
	term.awaitScreen(t, "notice: the server is stopping")

	elsewhere := serve(t, "127.0.0.1:0", data)
	typed(t, elsewhere.addr, 100020, "buy 600100 50\n")
	typed(t, elsewhere.addr, 900001, "bust 100020-1 keyed in by mistake\n")
	elsewhere.stop()

	second := serve(t, first.addr, data)
	term.awaitScreen(t, "connected, resumed")
	term.awaitScreen(t, "TAPE 2.*BUSTED")
	second.stop()
	term.awaitScreen(t, "reconnecting")
	serve(t, first.addr, t.TempDir())
	term.awaitScreen(t, "connected, snapshot")
	term.awaitScreen(t, "the server was reset: earlier orders and executions are gone")
	term.awaitScreen(t, "no executions")
	term.press("q")
	if err := <-ends; err != nil {
		t.Error(err)
	}
}

// TestWatchLeavesTheTerminal: whatever ends a watch, it puts the terminal back.
func TestWatchLeavesTheTerminal(t *testing.T) {
	for name, tc := range map[string]struct {
		leave func(t *testing.T, term *pseudo, s *served, cancel func())
		want  error
	}{
		"Ctrl-C": {func(_ *testing.T, term *pseudo, _ *served, _ func()) { term.press("b12\x03") }, nil},
		"Ctrl-C without a server": {func(t *testing.T, term *pseudo, s *served, _ func()) {
			s.stop()
			term.awaitScreen(t, "reconnecting")
			term.press("\x03")
		}, nil},
		"a signal": {func(_ *testing.T, _ *pseudo, _ *served, cancel func()) { cancel() }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testServer(t)
			term := openTerminal(t)
			before := term.settings(t)
			ends, cancel := term.watch(t, s.addr)
			tc.leave(t, term, s, cancel)
			if err := <-ends; !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if term.settings(t) != before {
				t.Error("the terminal was not put back")
			}
			term.shown.await(t, "\x1b[?1049l")
		})
	}
}

// TestWatchWithoutItsTerminal: a terminal that is gone ends the watch, also if nothing changes.
func TestWatchWithoutItsTerminal(t *testing.T) {
	t.Parallel()
	s := testServer(t)
	term := openTerminal(t)
	ends, _ := term.watch(t, s.addr)
	term.keys.Close()
	if err := <-ends; err != nil {
		t.Errorf("ended with %v", err) // the command has the error of its stream
	}
}

// TestWatchRevoked: a watch whose credential is revoked ends and says so.
func TestWatchRevoked(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandHistory {
			c.reply(m, codec.ResultOK, &pb.HistoryReply{})
			return
		}
		c.push(codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_REVOKED, Text: "the credential of this login was revoked"})
		c.Close()
	})
	term := openTerminal(t)
	ends, _ := term.watch(t, s.addr)
	term.press("b600100\t1\ry")
	if err := <-ends; err == nil || !strings.Contains(err.Error(), "was revoked (REVOKED): log in with") {
		t.Errorf("ended with %v", err)
	}
}

// TestWatchWithoutHistory: a server that can't read its history has a tape all the same.
func TestWatchWithoutHistory(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandHistory {
			c.reply(m, codec.ResultUnavailable, &pb.Error{Message: "the history is away"})
			return
		}
		trades(c, m)
	})
	term := openTerminal(t)
	ends, _ := term.watch(t, s.addr)
	term.awaitScreen(t, "earlier executions: the history is away")
	term.press("b600100\t1\ry")
	term.awaitScreen(t, "TAPE 1")
	term.press("q")
	if err := <-ends; err != nil {
		t.Error(err)
	}
}

// TestWatchFollowsPrices: the pane of prices asks for pushes, and shows them.
func TestWatchFollowsPrices(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandPlaceOrder {
			c.push(codec.PushQuote, 0, &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 11_2500, Time: 5})
		}
		trades(c, m)
	})
	term := openTerminal(t)
	ends, _ := term.watch(t, s.addr)
	term.press("p")
	term.awaitScreen(t, "PRICES 1.*ALFA/600100.*10.00.*0.00")
	term.press("b1\ry")
	term.awaitScreen(t, `PRICES 1.*11.25.*\+1.25`)
	term.press("pq")
	if err := <-ends; err != nil {
		t.Error(err)
	}
}

// TestWatchNeedsAScreen: streams and dumb terminals are refused, before a login.
func TestWatchNeedsAScreen(t *testing.T) {
	t.Parallel()
	term := openTerminal(t)
	o := options("127.0.0.1:1", 100020)
	for name, tc := range map[string]struct {
		stdin  io.Reader
		stdout io.Writer
		termIs string
	}{
		"input from a stream": {strings.NewReader("q"), term.tty, "xterm"},
		"output to a stream":  {term.tty, io.Discard, "xterm"},
		"dumb":                {term.tty, term.tty, "dumb"},
		"no TERM":             {term.tty, term.tty, ""},
	} {
		o.Stdin, o.Stdout = tc.stdin, tc.stdout
		if err := terminal.Watch(t.Context(), o, []string{"TERM=xterm", "TERM=" + tc.termIs}); !errors.Is(err, terminal.ErrNoScreen) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
