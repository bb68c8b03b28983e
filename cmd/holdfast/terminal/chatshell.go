package terminal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"holdfast/biz/client"
	"holdfast/codec/chat"
	"holdfast/perf/table"
)

// ChatOptions are the chat listener of a chat, its streams, and its style.
type ChatOptions struct {
	Addr      string      // a list, as for client.Dial
	TLS       *tls.Config // nil: without
	Stdin     io.Reader
	Stdout    io.Writer
	Style     Style
	Reconnect *bool  // reconnect after a lost connection; nil: only at a terminal
	JSON      bool   // Stdout gets a JSON object per line, and no prompt
	PastFile  string // file of the lines typed in earlier runs; "": only those of this run
}

const (
	// chatPrompt is the start of a line that is being typed.
	chatPrompt = "> "
	// maxUnseen is how many messages from a stream may be on their way at the same time.
	maxUnseen = 32
	// unseenTime is how long a message from a stream may take until it comes back.
	unseenTime = 10 * time.Second
)

var (
	errChatLines    = errors.New("not all lines succeeded")
	errNotConnected = errors.New("not connected: the line was not sent")
	errNotSeen      = errors.New("the last message has not come back: the server may not have relayed it")
	errNoAnswer     = errors.New("the server does not answer: check that the address is that of a chat listener")
)

// chatShell is a running chat.
//
// Goroutines: the one that reads lines, that of the connection which calls handle, and the
// one of keep; mu guards what they share.
type chatShell struct {
	ctx      context.Context
	screen   *screen
	style    Style
	json     bool
	again    bool // reconnect
	quitting bool
	line     int // number of the present line, from 1

	mu    sync.Mutex
	conn  *chatConn
	away  bool  // the connection is lost and there is no new one yet
	lost  error // why the chat ends with its connection
	ended bool  // nothing more is shown at the terminal
	wait  waiting
}

// waiting is what a chat without a terminal waits for, so that it does not end before the
// server has relayed all of it. The server answers in the order of what it gets.
type waiting struct {
	on      bool
	unseen  []string      // own texts, in the order in which they were sent; limit: maxUnseen
	lists   int           // lists of members that were asked for
	hidden  bool          // the first of them is not shown: it marks the end of earlier messages
	failed  bool          // something was refused, or the connection was lost
	changed chan struct{} // receives a value when something has come back, or never will
}

// Chat sends lines to a chat listener and shows what comes from there, until the input ends,
// "/quit", ctx ends, or the connection is lost and not restored. Without a terminal it first
// waits until the server has relayed the last line, and returns an error if a line failed.
func Chat(ctx context.Context, o ChatOptions) error {
	err := runChat(ctx, &o)
	if o.JSON && err != nil && !errors.Is(err, errChatLines) && ctx.Err() == nil {
		fmt.Fprint(o.Stdout, JSONLine(chatEvent{Event: "error", Message: err.Error()}))
		return reportedError{err}
	}
	return err
}

func runChat(ctx context.Context, o *ChatOptions) (err error) {
	sh := &chatShell{ctx: ctx, style: o.Style, json: o.JSON}
	addrs, err := client.ParseAddresses(o.Addr)
	if err != nil {
		return err
	}
	switch sh.conn, err = dialChat(ctx, addrs, 0, o.TLS); {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: nothing listens there: start the server with \"holdfast serve --listener chat=%s\", or correct the address", err, addrs[0])
	case err != nil:
		return Advise(err)
	}
	defer func() { sh.connection().close() }()
	start := chatPrompt
	if o.JSON {
		start = ""
	}
	if sh.screen, err = openScreen(o.Stdin, o.Stdout, start, func(string) (string, bool) { return "", false }); err != nil {
		return err
	}
	defer sh.screen.close()
	sh.screen.usePast(o.PastFile, "", nil, o.Style)
	sh.again = sh.screen.interactive
	if o.Reconnect != nil {
		sh.again = *o.Reconnect
	}
	sh.wait.on, sh.wait.changed = !sh.screen.interactive, make(chan struct{}, 1)
	addr := sh.conn.addr()
	sh.say(fmt.Sprintf("connected to %s; \"/help\" lists the commands\n", addr), chatEvent{Event: "connected", Server: addr})
	sh.join(sh.conn)
	stop := sh.keep(ctx)
	defer func() {
		stop()
		sh.connection().close() // before the terminal is restored
	}()
	return sh.run()
}

// join starts to show what comes from a connection.
func (sh *chatShell) join(c *chatConn) {
	sh.mu.Lock()
	sh.conn, sh.away = c, false
	if sh.wait.on {
		sh.wait.unseen, sh.wait.lists, sh.wait.hidden = nil, 1, true
	}
	sh.mu.Unlock()
	c.start(sh.handle)
	if sh.wait.on {
		c.send(chat.Frame{Type: chat.TypeWho})
	}
}

func (sh *chatShell) connection() *chatConn {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.conn
}

// run reads and executes lines until the end.
func (sh *chatShell) run() error {
	if err := sh.caughtUp(errNoAnswer, func(w *waiting) bool { return !w.hidden }); err != nil {
		return err
	}
	for !sh.quitting {
		line, err := sh.screen.readLine()
		if err != nil {
			sh.endLine()
			if over := sh.over(); over != nil || !errors.Is(err, io.EOF) {
				return errors.Join(over, ignoreEOF(err))
			}
			break
		}
		sh.line++
		if err := sh.execute(line); err != nil {
			if over := sh.over(); over != nil {
				return over
			}
			sh.fail(err, sh.line)
		}
	}
	if err := sh.caughtUp(errNotSeen, func(w *waiting) bool { return len(w.unseen)+w.lists == 0 }); err != nil {
		return err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.wait.failed {
		return errChatLines
	}
	return nil
}

// endLine leaves the prompt.
func (sh *chatShell) endLine() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ended = sh.screen.interactive
	sh.screen.endLine()
}

// over returns why no further line can succeed, or nil.
func (sh *chatShell) over() error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := sh.ctx.Err(); err != nil {
		return err
	}
	return sh.lost
}

// caughtUp waits until enough of what was sent has come back; late is the error if that
// takes too long. At a terminal it does not wait.
func (sh *chatShell) caughtUp(late error, enough func(*waiting) bool) error {
	timer := time.NewTimer(unseenTime)
	defer timer.Stop()
	for {
		sh.mu.Lock()
		done := !sh.wait.on || enough(&sh.wait)
		sh.mu.Unlock()
		if done {
			return nil
		}
		if over := sh.over(); over != nil {
			return over
		}
		select {
		case <-sh.wait.changed:
		case <-sh.ctx.Done():
		case <-timer.C:
			return late
		}
	}
}

// wake wakes caughtUp. The caller holds mu.
func (sh *chatShell) wake() {
	select {
	case sh.wait.changed <- struct{}{}:
	default:
	}
}

// execute sends a line, or executes the command in it.
func (sh *chatShell) execute(line string) error {
	text, escaped := strings.CutPrefix(line, "/")
	switch command := strings.TrimSpace(text); {
	case strings.TrimSpace(line) == "":
		return nil
	case !escaped:
		return sh.sendText(line)
	case strings.HasPrefix(text, "/"):
		return sh.sendText(text)
	case command == "who":
		return sh.send(chat.Frame{Type: chat.TypeWho})
	case command == "quit":
		sh.quitting = true
		return nil
	case command == "help":
		sh.help()
		return nil
	default:
		return fmt.Errorf("unknown command %q; \"/help\" lists them, and \"//\" starts a message with a /", "/"+command)
	}
}

func (sh *chatShell) sendText(text string) error {
	switch n := len(text); {
	case n > chat.MaxTextBytes:
		return fmt.Errorf("the message has %d bytes, and the limit is %d: send it in parts", n, chat.MaxTextBytes)
	case !utf8.ValidString(text):
		return errNoText
	}
	return sh.send(chat.Frame{Type: chat.TypeMessage, Text: text})
}

// send sends a frame and records what has to come back.
func (sh *chatShell) send(f chat.Frame) error {
	if err := sh.caughtUp(errNotSeen, func(w *waiting) bool { return len(w.unseen)+w.lists < maxUnseen }); err != nil {
		return err
	}
	sh.mu.Lock()
	if sh.away {
		sh.mu.Unlock()
		return errNotConnected
	}
	switch {
	case !sh.wait.on:
	case f.Type == chat.TypeWho:
		sh.wait.lists++
	default:
		sh.wait.unseen = append(sh.wait.unseen, f.Text)
	}
	conn := sh.conn
	sh.mu.Unlock()
	conn.send(f)
	return nil
}

func (sh *chatShell) help() {
	t := NewTable(sh.style, "COMMAND", "")
	t.Add("/who", "who is there")
	t.Add("/quit", "leave (also Ctrl-D)")
	t.Add("/help", "this list")
	t.Add("//TEXT", "send /TEXT")
	sh.say(t.String()+"  everything else is sent to everybody who is there\n",
		chatEvent{Event: "help", Text: "/who, /quit, /help, //TEXT sends /TEXT"})
}

// handle shows a frame. The connection calls it for one frame at a time.
func (sh *chatShell) handle(f chat.Frame) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if hidden := sh.cameBack(f); hidden || sh.ended {
		return
	}
	place := placeText(f.Address, f.Port)
	e := chatEvent{Address: f.Address, Port: f.Port, Text: f.Text}
	switch f.Type {
	case chat.TypeMessage:
		e.Event = "message"
		sh.say(sh.style(Faint, place)+" "+table.Escape(f.Text)+"\n", e)
	case chat.TypeJoined:
		e.Event = "joined"
		sh.say(sh.style(Faint, "* ")+place+" joined\n", e)
	case chat.TypeLeft:
		e.Event = "left"
		sh.say(sh.style(Faint, "* ")+place+" left\n", e)
	case chat.TypeError:
		sh.say(sh.style(Red, "server: "+table.Escape(f.Text))+"\n", chatEvent{Event: "error", Message: f.Text})
	case chat.TypeWho:
		if f.Address != "" {
			e.Event = "member"
			sh.say("  "+place+"\n", e)
			return
		}
		count, _ := strconv.Atoi(f.Text) // 0 if the server does not say
		sh.say("  "+table.Escape(f.Text)+" here\n", chatEvent{Event: "members", Count: count})
	default: // a newer server
	}
}

// cameBack records what has come back. It returns true for frames that are not shown. The
// caller holds mu.
func (sh *chatShell) cameBack(f chat.Frame) (hidden bool) {
	w := &sh.wait
	if !w.on {
		return false
	}
	defer sh.wake()
	switch {
	case f.Type == chat.TypeMessage && len(w.unseen) > 0 && f.Text == w.unseen[0]:
		w.unseen = w.unseen[1:]
	case f.Type == chat.TypeWho && f.Address == "" && w.lists > 0:
		hidden, w.hidden = w.hidden, false
		w.lists--
	case f.Type == chat.TypeWho:
		return w.hidden
	case f.Type == chat.TypeError:
		w.failed = true // it is about one of those that wait, or it is the reason for the end
		switch {
		case len(w.unseen) > 0 && !w.hidden:
			w.unseen = w.unseen[1:]
		case w.lists > 0:
			w.lists, w.hidden = w.lists-1, false
		}
	}
	return hidden
}

// fail shows the error of a line; 0: of no line.
func (sh *chatShell) fail(err error, line int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.wait.failed = sh.wait.on
	sh.say(sh.style(Red, "error: "+OneLine(err.Error()))+"\n", chatEvent{Event: "error", Line: line, Message: err.Error()})
}

// say prints text, or in JSON mode the event.
func (sh *chatShell) say(text string, e chatEvent) {
	if sh.json {
		text = JSONLine(e)
	}
	fmt.Fprint(sh.screen, text)
}

// placeText returns "127.0.0.1:4000", or "unix" for a client of a socket file.
func placeText(address, port string) string {
	if port == "" || port == "0" {
		return table.Escape(address)
	}
	return table.Escape(net.JoinHostPort(address, port))
}

// chatEvent is one line of a chat's JSON output. Fields are only added, never renamed.
type chatEvent struct {
	Event   string `json:"event"`             // connected, message, joined, left, member, members, error, help, lost, reconnected
	Line    int    `json:"line,omitempty"`    // of error: the line of input, from 1
	Server  string `json:"server,omitempty"`  // of connected: its address
	Address string `json:"address,omitempty"` // of message, joined, left, member
	Port    string `json:"port,omitempty"`    // the same; "0" for a client of a socket file
	Text    string `json:"text,omitempty"`    // of message and help
	Count   int    `json:"count,omitempty"`   // of members
	Message string `json:"message,omitempty"` // for people
}
