package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

// shell is a terminal client at work.
//
// Goroutines: the one that reads and executes lines, the client's that calls
// pushed, and the one of keep; mu guards what they share.
type shell struct {
	ctx      context.Context
	client   *client.Client
	screen   *screen
	style    func(style, text string) string
	quitting bool

	market []client.Instrument // as of the login; sorted
	again  reconnecting

	mu       sync.Mutex // guards client as well
	watching []client.Key
	own      map[string]bool // client order ids of this shell that are being placed
	tape     tape
	ready    bool // pushes are shown
}

// shellCommand is one command of the prompt.
type shellCommand struct {
	name  string
	usage string // arguments
	short string
	run   func(sh *shell, args []string) error
	keys  bool // its arguments are instruments
}

// shellCommands are in the order of the help.
func shellCommands() []shellCommand {
	return []shellCommand{
		{"buy", "CODE QUANTITY", "buy at the market price", (*shell).buy, true},
		{"sell", "CODE QUANTITY", "sell at the market price", (*shell).sell, true},
		{"holding", "", "cash, positions and their total market value", (*shell).holding, false},
		{"history", "[N]", "the last N executions (20), newest first", (*shell).history, false},
		{"quote", "[CODE...]", "last prices; without a code all", (*shell).quote, true},
		{"watch", "[CODE...|off]", "show each new price; without a code all", (*shell).watch, true},
		{"bust", "ID REASON", "take an execution back (operators)", (*shell).bust, false},
		{"help", "", "this list", (*shell).help, false},
		{"quit", "", "log out and leave (also Ctrl-D)", (*shell).quit, false},
	}
}

// execute executes a line; an empty one does nothing.
func (sh *shell) execute(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	for _, c := range shellCommands() {
		if strings.EqualFold(c.name, words[0]) {
			return c.run(sh, words[1:])
		}
	}
	return fmt.Errorf("unknown command %q%s; \"help\" lists them all", words[0], nearCommand(words[0]))
}

// nearCommand gives the command that a wrong word was most likely meant to be.
func nearCommand(word string) string {
	known := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, c := range shellCommands() {
		known.AddCommand(&cobra.Command{Use: c.name, Run: func(*cobra.Command, []string) {}})
	}
	if near := known.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return ""
}

// complain shows an error of a command.
func (sh *shell) complain(err error) {
	sh.print(sh.style(styleRed, "error: "+oneLine(advised(err).Error())) + "\n")
}

// print writes text in one piece, so that nothing comes in between.
func (sh *shell) print(text string) { fmt.Fprint(sh.screen, text) }

func (sh *shell) help([]string) error {
	t := sh.table("COMMAND", "", "")
	for _, c := range shellCommands() {
		t.add(c.name, c.usage, c.short)
	}
	sh.print(t.String() + "  CODE is 600100 or, where two markets have it, MARKET/CODE\n")
	return nil
}

func (sh *shell) quit([]string) error {
	sh.quitting = true
	return nil
}

// watched gives the instruments whose prices are shown; nil for none.
func (sh *shell) watched() []client.Key {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.watching
}

func (sh *shell) setWatched(keys []client.Key) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.watching = keys
}
