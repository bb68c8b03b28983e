package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const clientLong = `client logs in as a customer and shows the account: positions, executions, and
prices as they change. Type commands at the ">>>" prompt; "help" lists them. Pushes
appear above the line that you are typing. The commands chat, say, join, leave and who
are for talking with others.

While the server is busy it tries to log in for about a minute. After a lost connection
it reconnects and shows the executions and busts that it missed, or says that the
server was reset. With the addresses of several nodes of a cluster it goes on at the next one.

At a terminal the arrow keys offer the commands of earlier runs, which are stored in
~/.local/state/holdfast (XDG_STATE_HOME). Passwords are not, nor are lines that start with a
blank; --no-history stores nothing.

Without a terminal it reads commands from standard input, one per line. It ends with
code 1 if a command failed or the connection is lost. With --reconnect it reconnects
also without a terminal.

With --json each line of standard output is a JSON object, and there is no prompt. Its
field "event" says what happened:

  connected    the session; "server" is the address, "body" a ConnReply
  account      the account after a login; "body" is a PositionsReply with all positions
  reply        the result of the command in line "line" of the input: "command" is the
               protocol's name (PlaceOrder), "result" OK or DUPLICATE, "body" the reply
  error        the failure of the command in line "line", or without "line" that of the
               client; "message" is for people. "result" and "body" are there if the
               server refused a request: the result, and an Error
  push         "command" is the protocol's name (Execution), "sequence" its number in the
               account, "body" the push
  break        pushes were lost or repeated; "message" says which
  lost         the connection is lost, and the client reconnects
  reconnected  the next session; if "resumed" is true, the missed pushes follow,
               otherwise an account; "server" is its address if that is another

Bodies are messages of codec/pb/holdfast.proto in their canonical JSON mapping: 64-bit
numbers are strings, fields with a zero value are omitted. Prices and amounts are in
1/10000; docs/commands.md has all fields. Each command gets one reply or error, in order;
the pushes of an order may come before or after its reply.`

const clientExample = `  holdfast client
  holdfast client --addr 192.0.2.7:8888 --customer 100002 --password -
  holdfast client --addr a.example:8888,b.example:8888,c.example:8888
  holdfast client --door websocket
  holdfast client --addr trading.example:8888 --tls-ca ca.pem --tls-cert 100002.pem --tls-key 100002.key --customer 100002
  echo "buy 600100 100" | holdfast client --customer 100003
  echo holding | holdfast client --json | jq -r 'select(.event=="reply").body.marketValue'`

// newClientCommand returns the command of the terminal client.
func newClientCommand(p *Program) *cobra.Command {
	var a access
	var o terminal.Options
	cmd := &cobra.Command{
		Use: "client", Short: "trade and watch an account in the terminal",
		Long: clientLong, Example: clientExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runClient(cmd.Context(), &a, o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	a.add(f, "customer", 100001, "customer `number`")
	addReconnect(f, &o.Reconnect)
	p.addPast(f, &o.PastFile, "client-commands")
	addJSON(f, &o.JSON)
	return cmd
}

func (p *Program) runClient(ctx context.Context, a *access, o terminal.Options) (err error) {
	if o.Addr, err = a.address(); err != nil {
		return err
	}
	if o.TLS, err = a.encryption.config(); err != nil {
		return err
	}
	if o.Credential, err = a.credential(p); err != nil {
		return err
	}
	if a.demo {
		fmt.Fprintln(p.Stderr, "holdfast: using the published demo password; for other accounts set --password or --token")
	}
	o.Secret = a.secret
	o.Customer = client.Customer(a.customer)
	o.Stdin, o.Stdout, o.Stderr, o.Style = p.Stdin, p.Stdout, p.Stderr, p.style()
	if o.JSON {
		o.Style = terminal.NewStyle(false)
	}
	return a.advise(terminal.Run(ctx, o))
}
