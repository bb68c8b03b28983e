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

Without a terminal it reads commands from standard input, one a line, and ends
with code 1 when one of them failed.`

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
	defer func() { _ = sh.client.Close() }() // always nil
	if sh.screen, err = p.openScreen(sh.complete); err != nil {
		return err
	}
	defer sh.screen.close()
	stop := interruptWith(ctx, sh)
	defer stop()
	if err := sh.login(client.Customer(a.customer), credential); err != nil {
		return fmt.Errorf("log in as %d: %w", a.customer, advised(err))
	}
	return sh.run()
}

// interruptWith ends the reading of lines when ctx ends or the connection does.
func interruptWith(ctx context.Context, sh *shell) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			sh.screen.interrupt()
		case <-sh.client.Done():
			sh.screen.interrupt()
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		<-ended
	}
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
	if err := sh.ctx.Err(); err != nil {
		return err
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
	_ = sh.client.Logout(ctx) // the connection ends next
}
