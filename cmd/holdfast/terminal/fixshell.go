package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/biz/fixclient"
	codecfix "holdfast/codec/fix"
	"holdfast/perf/table"
)

// FIXOptions are the FIX session of a terminal, its streams, and its style.
type FIXOptions struct {
	Addr     string // a list, as for fixclient.Dial
	Session  fixclient.Options
	Command  string // executed instead of lines from Stdin; "": none
	Dump     bool   // show each message in both directions, with names
	Raw      bool   // show each message in both directions, as it is
	Stdin    io.Reader
	Stdout   io.Writer
	Style    Style
	PastFile string // file of the lines typed in earlier runs; "": only those of this run
	Secret   string // a line that contains it is not stored there
}

// fixAnswerTime is how long a command of a stream waits for its answer.
const fixAnswerTime = 10 * time.Second

var errFIXAnswer = fmt.Errorf("no answer in %s", fixAnswerTime)

// fixShell is a running FIX terminal.
//
// Goroutines: the one that reads and executes lines, and that of the client, which calls logged and
// arrived; mu guards what they share.
type fixShell struct {
	ctx        context.Context
	o          *FIXOptions
	client     *fixclient.Client
	screen     *screen
	dictionary *codecfix.Dictionary
	quitting   bool

	mu      sync.Mutex
	orders  []*fixOrder // in the order in which they were seen
	waiting fixRequest
	ended   bool // nothing more is shown at the terminal

	loggedOn bool
}

// fixRequest is what a command waits for.
type fixRequest struct {
	msgType  string
	id       string // in the answer
	number   string // of the request, which a reject names
	refused  bool
	answered chan struct{} // closed with the first answer; nil: nothing is awaited
}

// FIX logs on and executes commands until the input ends, "quit", ctx ends, or the connection is
// lost. Without a terminal each command waits for its first answer, and a command that fails or is
// refused leads to an error.
func FIX(ctx context.Context, o FIXOptions) (err error) {
	sh := &fixShell{ctx: ctx, o: &o, dictionary: codecfix.NewDictionary()}
	if o.Command == "" {
		sh.screen, err = openScreen(o.Stdin, o.Stdout, prompt, func(string) (string, bool) { return "", false })
	} else {
		sh.screen = plainScreen(strings.NewReader(o.Command+"\n"), o.Stdout, func() {}, func() {})
	}
	if err != nil {
		return err
	}
	defer sh.screen.close()
	sh.screen.usePast(o.PastFile, o.Secret, nil, o.Style)
	o.Session.Message, o.Session.Log = sh.arrived, sh.logged
	sh.client, err = fixclient.Dial(ctx, o.Addr, o.Session)
	switch {
	case errors.Is(err, fixclient.ErrEnded):
		return fmt.Errorf("log on as %s: %w; check the CompIDs and the password or token", o.Session.Session.Ours, err)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		first, _, _ := strings.Cut(o.Addr, ",")
		return fmt.Errorf("%w: nothing listens there: start the server with \"holdfast serve --listener fix=%s\", or correct the address", err, first)
	case err != nil:
		return Advise(err)
	}
	defer sh.client.Close()
	sh.say(fmt.Sprintf("logged on to %s at %s as %s\n", o.Session.Session.Theirs, sh.client.Addr(), o.Session.Session.Ours))
	if sh.screen.interactive {
		sh.say("\"help\" lists the commands\n")
	}
	stop := sh.keep()
	defer stop()
	return sh.run()
}

// keep ends the reading of lines when ctx or the connection ends.
func (sh *fixShell) keep() (stop func()) {
	stopped := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		select {
		case <-sh.ctx.Done():
		case <-sh.client.Done():
		case <-stopped:
			return
		}
		sh.screen.interrupt()
	})
	return func() {
		close(stopped)
		work.Wait()
	}
}

// run reads and executes lines until the end.
func (sh *fixShell) run() error {
	failed := false
	for !sh.quitting {
		line, err := sh.screen.readLine()
		if err != nil {
			sh.endLine()
			if over := sh.over(); over != nil || !errors.Is(err, io.EOF) {
				sh.leave()
				return errors.Join(over, ignoreEOF(err))
			}
			break
		}
		if err := sh.execute(line); err != nil {
			if over := sh.over(); over != nil {
				sh.leave()
				return over
			}
			failed = true
			sh.say(sh.o.Style(Red, "error: "+OneLine(err.Error())) + "\n")
		}
	}
	sh.leave()
	if failed && !sh.screen.interactive {
		return errCommands
	}
	return nil
}

func (sh *fixShell) endLine() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ended = sh.screen.interactive
	sh.screen.endLine()
}

// over returns why no further command can succeed, or nil.
func (sh *fixShell) over() error {
	if err := sh.ctx.Err(); err != nil {
		return err
	}
	return sh.client.Err()
}

// leave logs out, also after the end of ctx.
func (sh *fixShell) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(sh.ctx), goodbye)
	defer cancel()
	sh.client.Logout(ctx, "")
}

// say writes text in one piece, so that no other output comes between.
func (sh *fixShell) say(text string) { fmt.Fprint(sh.screen, text) }

// send sends a message. id is in its answer. Without a terminal it waits for the answer.
func (sh *fixShell) send(msgType, id string, body func(w *codecfix.Writer)) error {
	answered := make(chan struct{})
	sh.mu.Lock()
	sh.waiting = fixRequest{msgType: msgType, id: id, answered: answered}
	sh.mu.Unlock()
	_, err := sh.client.Send(msgType, body)
	if err != nil || sh.screen.interactive || id == "" {
		return err
	}
	timer := time.NewTimer(fixAnswerTime)
	defer timer.Stop()
	select {
	case <-answered:
	case <-sh.client.Done():
		return sh.client.Err()
	case <-sh.ctx.Done():
		return sh.ctx.Err()
	case <-timer.C:
		return errFIXAnswer
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.waiting.refused {
		return errRefused
	}
	return nil
}

var errRefused = errors.New("refused")

// requestIDs are the tags by which answers name their requests.
var requestIDs = []int{codecfix.ClOrdID, 112, 262, 320, 568, 584, 710}

// answer records the first answer to what is awaited. The caller holds mu.
func (sh *fixShell) answer(m *codecfix.Message) {
	w := &sh.waiting
	if w.answered == nil {
		return
	}
	mine := false
	for _, tag := range requestIDs {
		v, _ := m.Get(tag)
		mine = mine || len(v) > 0 && string(v) == w.id
	}
	refers, _ := m.Get(45)
	if mine = mine || w.number != "" && string(refers) == w.number; !mine {
		return
	}
	execType, _ := m.Get(codecfix.ExecType)
	w.refused = slices.Contains([]string{"3", codecfix.OrderCancelReject, "j"}, string(m.Type)) || string(execType) == "8"
	close(w.answered)
	w.answered = nil
}

// logged shows a message of either direction if that is wanted, and what the session keeps to itself.
func (sh *fixShell) logged(sent bool, frame []byte) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.ended {
		return
	}
	arrow := "< "
	if sent {
		arrow = "> "
	}
	if sh.o.Raw {
		sh.trace(arrow + table.Escape(string(bytes.ReplaceAll(frame, []byte{codecfix.SOH}, []byte("|")))))
	}
	if sh.o.Dump {
		sh.trace(arrow + string(sh.dictionary.AppendDump(nil, frame)))
	}
	var m codecfix.Message
	if m.Parse(frame) != nil {
		return
	}
	if sent {
		if w := &sh.waiting; w.number == "" && w.msgType == string(m.Type) {
			number, _ := m.Get(codecfix.MsgSeqNum)
			w.number = string(number)
		}
		return
	}
	switch string(m.Type) {
	case "3":
		sh.answer(&m)
		sh.say(sh.o.Style(Red, "  rejected: "+textOf(&m)) + "\n")
	case "5":
		if text := textOf(&m); text != "" && sh.loggedOn { // else it is why the Logon was refused
			sh.say("  logout: " + text + "\n")
		}
	case codecfix.Logon:
		sh.loggedOn = true
	case "0":
		sh.answer(&m)
	}
}

// trace shows a message as text, without the password.
func (sh *fixShell) trace(text string) {
	if sh.o.Secret != "" {
		text = strings.ReplaceAll(text, sh.o.Secret, "***")
	}
	sh.say(sh.o.Style(Faint, text) + "\n")
}

// arrived shows an application message.
func (sh *fixShell) arrived(m *codecfix.Message) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.answer(m)
	if text := sh.show(m); !sh.ended {
		sh.say(text)
	}
}

func textOf(m *codecfix.Message) string {
	v, _ := m.Get(codecfix.Text)
	return table.Escape(string(v))
}
