package main

import (
	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/terminal"
)

// defaultChat is the address of the chat listener that the documentation uses.
const defaultChat = "127.0.0.1:8892"

const chatLong = `chat connects to a chat listener (holdfast serve --listener chat=` + defaultChat + `). It sends
each line that you type to everybody who is connected there, and shows what they say, with
their addresses. There is no login.

Lines that start with / are commands: /who lists who is there, /quit leaves, /help lists
the commands. A line that starts with // is sent with one / at its start. A message has at
most 4096 bytes.

At a terminal the arrow keys offer the lines of earlier runs, which are stored in
~/.local/state/holdfast (XDG_STATE_HOME), except those that start with a blank; --no-history
stores nothing.

After a lost connection it reconnects. Without a terminal it reads lines from standard
input and sends them. It ends when the server has relayed the last one, with code 1 if a
line was refused or the connection is lost. With --reconnect it reconnects also without a
terminal.

With --json each line of standard output is a JSON object. Its field "event" is connected,
message, joined or left (with "address", "port" and "text"), member (one of the list of
/who), members (the end of that list, with their number in "count"), help, error ("message", and
"line" if it is about a line of input), lost, or reconnected.`

const chatExample = `  holdfast chat
  holdfast chat --addr 192.0.2.7:8892
  holdfast chat --addr chat.example:8892 --tls-ca ca.pem
  echo "good morning" | holdfast chat
  holdfast chat --json < /dev/null | jq -r 'select(.event=="message").text'`

// newChatCommand returns the command of the chat terminal.
func newChatCommand(p *Program) *cobra.Command {
	var o terminal.ChatOptions
	var e encryption
	cmd := &cobra.Command{
		Use: "chat", Short: "talk with everybody on a chat listener",
		Long: chatLong, Example: chatExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.TLS, err = e.config(); err != nil {
				return err
			}
			o.Stdin, o.Stdout, o.Style = p.Stdin, p.Stdout, p.style()
			return terminal.Chat(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newAddresses(&o.Addr, defaultChat), "addr", "chat listener's `host:port`"+severalAddresses)
	e.add(f)
	addReconnect(f, &o.Reconnect)
	p.addPast(f, &o.PastFile, "chat-lines")
	addJSON(f, &o.JSON)
	return cmd
}
