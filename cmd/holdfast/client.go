package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

const clientLong = `client logs in as a customer and shows the account: positions, executions and
prices as they change. Commands are typed at the ">>>" prompt ("help" lists
them); what the server pushes appears above the line that is being typed.

A connection that is lost is made again, and what was missed meanwhile is shown:
trades, and executions that were taken back.

Without a terminal it reads commands from standard input, one a line, and ends
with code 1 when one of them failed or the connection is lost; --reconnect makes
it again there too.`

const clientExample = `  holdfast client
  holdfast client --addr 192.0.2.7:8888 --customer 100002 --password -
  echo "buy 600100 100" | holdfast client --customer 100003`

// newClientCommand is the terminal client.
func newClientCommand(p *Program) *cobra.Command {
	var a access
	cmd := &cobra.Command{
		Use: "client", Short: "trade and watch an account from the terminal",
		Long: clientLong, Example: clientExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runClient(cmd.Context(), &a) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	a.addAddr(f)
	a.addCustomer(f, "customer", 100001, "customer `number`")
	a.addReconnect(f)
	return cmd
}

func (p *Program) runClient(ctx context.Context, a *access) (err error) {
	credential, err := a.credential(p)
	if err != nil {
		return err
	}
	sh := &shell{ctx: ctx, style: func(style, text string) string { return p.styled(p.Stdout, style, text) }}
	if sh.client, err = a.dial(ctx, client.Options{OnPush: sh.pushed}); err != nil {
		return err
	}
	defer func() { _ = sh.connection().Close() }() // always nil
	if sh.screen, err = p.openScreen(sh.complete); err != nil {
		return err
	}
	defer sh.screen.close()
	sh.again.on = a.reconnects(sh.screen.interactive)
	sh.again.customer, sh.again.credential = client.Customer(a.customer), credential
	if err := sh.login(client.Customer(a.customer), credential); err != nil {
		return fmt.Errorf("log in as %d: %w", a.customer, advised(err))
	}
	stop := sh.keep(ctx)
	defer stop()
	return sh.run()
}

// errCommands is the end of a run without a terminal in which commands failed.
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
		if err := sh.execute(line); err != nil {
			if over := sh.over(); over != nil {
				return over
			}
			failed = true
			sh.complain(err)
		}
	}
	sh.leave()
	if failed && !sh.screen.interactive {
		return errCommands
	}
	return nil
}

// endLine stops showing pushes and leaves the prompt.
func (sh *shell) endLine() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ready = false
	sh.screen.endLine()
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// over is the reason why no further command makes sense, nil when there is none.
func (sh *shell) over() error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch err := sh.ctx.Err(); {
	case err != nil:
		return err
	case sh.again.on:
		return sh.again.lost
	}
	return advised(sh.client.Err())
}

// goodbye is how long a logout may take.
const goodbye = time.Second

// leave logs out, as a courtesy: the server notices the end of the connection
// anyway.
func (sh *shell) leave() {
	ctx, cancel := context.WithTimeout(sh.ctx, goodbye)
	defer cancel()
	_ = sh.connection().Logout(ctx) // the connection ends next
}
