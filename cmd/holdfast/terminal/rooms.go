package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// errNoText refuses bytes that no other client could show.
var errNoText = errors.New("the message is not UTF-8")

// chat sends a text to the common room.
func (sh *shell) chat([]string) error {
	text := afterWords(sh.typed, 1)
	if text == "" {
		return errors.New("usage: chat TEXT")
	}
	return sh.sendTo(client.CommonRoom, text)
}

// sayIn sends a text to a room.
func (sh *shell) sayIn(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: say ROOM TEXT")
	}
	return sh.sendTo(args[0], afterWords(sh.typed, 2))
}

func (sh *shell) sendTo(name, text string) error {
	if !utf8.ValidString(name + text) {
		return errNoText
	}
	err := sh.connection().Say(sh.ctx, name, text)
	if err == nil {
		sh.reply("", "Chat", nil) // the message comes back as a push
	}
	return err
}

func (sh *shell) join(args []string) error {
	name, err := roomOf("join", args)
	if err != nil {
		return err
	}
	if err := sh.connection().JoinRoom(sh.ctx, name); err != nil {
		return err
	}
	sh.reply("", "Chat", nil)
	return nil
}

func (sh *shell) leaveRoom(args []string) error {
	name, err := roomOf("leave", args)
	if err != nil {
		return err
	}
	if err := sh.connection().LeaveRoom(sh.ctx, name); err != nil {
		return err
	}
	sh.reply("", "Chat", nil)
	return nil
}

func (sh *shell) who(args []string) error {
	name, err := roomOf("who", args)
	if err != nil {
		return err
	}
	page, err := sh.connection().Members(sh.ctx, name, 0)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, m := range page.Members {
		fmt.Fprintf(&text, "  %s\n", personText(m.Sender, m.Address, m.Port))
	}
	shown := ""
	if page.More {
		shown = fmt.Sprintf("; the first %d are shown", len(page.Members))
	}
	fmt.Fprintf(&text, "  %d in the room%s\n", page.Count, shown)
	sh.reply(text.String(), "Chat", page)
	return nil
}

// roomOf returns the room that the arguments of a command name.
func roomOf(command string, args []string) (string, error) {
	switch len(args) {
	case 0:
		return client.CommonRoom, nil
	case 1:
		return args[0], nil
	}
	return "", fmt.Errorf("usage: %s [ROOM]", command)
}

// afterWords returns what follows the first n words of a line, with its blanks.
func afterWords(line string, n int) string {
	for range n {
		line = strings.TrimSpace(line)
		blank := strings.IndexFunc(line, unicode.IsSpace)
		if blank < 0 {
			return ""
		}
		line = line[blank:]
	}
	return strings.TrimSpace(line)
}

// chatText returns "100001 (127.0.0.1:4000) in metals: hello". Who says it comes first: the
// server states that, while the name of the room and the text are those of clients.
func chatText(m client.ChatMessage) string {
	text := personText(m.Sender, m.Address, m.Port)
	if m.Earlier {
		text = m.Time.Local().Format("15:04:05 ") + text
	}
	name := table.Escape(m.Room)
	switch m.Event {
	case client.ChatJoined:
		return text + " joined " + cmp.Or(name, "the common room")
	case client.ChatLeft:
		return text + " left " + cmp.Or(name, "the common room")
	}
	if name != "" {
		text += " in " + name
	}
	return text + ": " + table.Escape(m.Text)
}

// personText returns "100001 (127.0.0.1:4000)", or the address of somebody who is not logged
// in.
func personText(sender, address string, port uint16) string {
	place := address
	if port != 0 {
		place = net.JoinHostPort(address, strconv.Itoa(int(port)))
	}
	if sender == "" {
		return table.Escape(place)
	}
	return table.Escape(fmt.Sprintf("%s (%s)", sender, place))
}
