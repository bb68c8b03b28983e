package terminal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// Options are the account that a client shows, its streams, and its style.
type Options struct {
	Addr       string // a list of addresses for client.Dial
	Customer   client.Customer
	Credential client.Credential
	TLS        *tls.Config // nil: without
	Stdin      io.Reader
	Stdout     io.Writer // goroutine: any
	Stderr     io.Writer // says that a login takes long; nil: nothing does. Goroutine: any
	Style      Style
	Reconnect  *bool  // reconnect after a lost connection; nil: only at a terminal
	JSON       bool   // Stdout gets a JSON object per line, and no prompt
	PastFile   string // file of the lines typed in earlier runs; "": only those of this run
	Secret     string // a line that contains it is not stored there
}

// Run logs in and executes commands until the input ends, "quit", ctx ends, or the
// connection is lost and not restored. Without a terminal it returns an error if a
// command failed.
func Run(ctx context.Context, o Options) error {
	err := runShell(ctx, &o)
	if o.JSON && err != nil && !errors.Is(err, errCommands) && ctx.Err() == nil {
		fmt.Fprint(o.Stdout, JSONLine(errorEvent(err, 0)))
		return reportedError{err}
	}
	return err
}

func runShell(ctx context.Context, o *Options) (err error) {
	sh := &shell{ctx: ctx, style: o.Style, json: o.JSON, starting: o.JSON}
	var snapshot client.Snapshot
	if sh.client, snapshot, err = enter(ctx, o, sh.attempt); err != nil {
		return err
	}
	defer func() { _ = sh.connection().Close() }() // always nil
	start := prompt
	if o.JSON {
		start = ""
	}
	if sh.screen, err = openScreen(o.Stdin, o.Stdout, start, sh.complete); err != nil {
		return err
	}
	defer sh.screen.close()
	sh.again.on, sh.again.customer, sh.again.credential = sh.screen.interactive, o.Customer, o.Credential
	if o.Reconnect != nil {
		sh.again.on = *o.Reconnect
	}
	isCommand := func(line string) bool {
		return slices.ContainsFunc(shellCommands(), func(c shellCommand) bool { return strings.EqualFold(c.name, strings.Fields(line)[0]) })
	}
	sh.screen.usePast(o.PastFile, o.Secret, isCommand, o.Style)
	if err := sh.welcome(snapshot); err != nil {
		return Advise(err)
	}
	stop := sh.keep(ctx)
	defer stop()
	return sh.run()
}

// Login connects and logs in, for commands that show no pushes. While the server is busy it
// tries again, for about a minute. It uses Addr, TLS, Customer, Credential and Stderr.
func Login(ctx context.Context, o Options) (*client.Client, error) {
	c, _, err := enter(ctx, &o, func() client.Options { return client.Options{} })
	return c, err
}

// silence is how long a login may take before Stderr says that it takes long.
const silence = time.Second

// attempt returns the client's options for an attempt to log in. It forgets the pushes of
// earlier attempts: they are about connections that have ended.
func (sh *shell) attempt() client.Options {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.again.late, sh.again.dropped = nil, 0
	return client.Options{OnPush: sh.pushed}
}

// enter is Login with the client's options, which it asks for before each attempt, and also
// returns the account.
func enter(ctx context.Context, o *Options, how func() client.Options) (c *client.Client, s client.Snapshot, err error) {
	if o.Stderr != nil {
		late := time.AfterFunc(silence, func() {
			fmt.Fprintf(o.Stderr, "holdfast: waiting for %s to let customer %d in; Ctrl-C ends the wait\n", o.Addr, o.Customer)
		})
		defer late.Stop()
	}
	options := func() client.Options {
		one := how()
		one.TLS = o.TLS
		return one
	}
	err = client.Retry(ctx, func() (err error) {
		c, s, err = client.Enter(ctx, o.Addr, options, o.Customer, o.Credential)
		return err
	})
	if err != nil {
		return nil, client.Snapshot{}, Advise(err)
	}
	return c, s, nil
}

func loginError(customer client.Customer, err error) error {
	return fmt.Errorf("log in as %d: %w", customer, err)
}

// Advise adds advice to an error of the client.
func Advise(err error) error {
	if advice := client.Explain(err); advice != "" {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}

// OneLine joins the lines of text, because an error is shown as one line. It omits a line
// that an earlier one contains: each part of a stopping server reports the cause. The
// text may come from others, so it is escaped.
func OneLine(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if !slices.ContainsFunc(lines, func(earlier string) bool { return strings.Contains(earlier, line) }) {
			lines = append(lines, line)
		}
	}
	return table.Escape(strings.Join(lines, "; "))
}

// errCommands is the error of a run without a terminal in which a command failed.
var errCommands = errors.New("not all commands succeeded")

// run reads and executes lines until the end.
func (sh *shell) run() error {
	failed := false
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
			failed = true
			sh.complain(err, sh.line)
		}
	}
	sh.leave()
	if failed && !sh.screen.interactive {
		return errCommands
	}
	return nil
}

// endLine stops showing pushes, except to a program, and leaves the prompt.
func (sh *shell) endLine() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ready = sh.json
	sh.screen.endLine()
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// over returns why no further command can succeed, or nil.
func (sh *shell) over() error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch err := sh.ctx.Err(); {
	case err != nil:
		return err
	case sh.again.on:
		return sh.again.lost
	}
	return Advise(sh.client.Err())
}

// goodbye is how long a logout may take.
const goodbye = time.Second

// leave logs out, as a courtesy: the server also notices that the connection ends.
func (sh *shell) leave() {
	ctx, cancel := context.WithTimeout(sh.ctx, goodbye)
	defer cancel()
	_ = sh.connection().Logout(ctx) // the connection ends next
}
