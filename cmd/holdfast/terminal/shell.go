package terminal

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
)

// shell is a running terminal client.
//
// Goroutines: the one that reads and executes lines, the client's that calls
// pushed, and the one of keep; mu guards what they share.
type shell struct {
	ctx      context.Context
	client   *client.Client
	screen   *screen
	style    Style
	quitting bool

	market []client.Instrument // the last list of all; sorted
	again  reconnecting

	mu       sync.Mutex      // guards client as well
	watching []client.Key    // nil: none; no keys: all
	own      map[string]bool // client order ids whose replies are shown, so their pushes are not
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

// shellCommands returns the commands in the order of the help.
func shellCommands() []shellCommand {
	return []shellCommand{
		{"buy", "CODE QUANTITY", "buy at the market price", (*shell).buy, true},
		{"sell", "CODE QUANTITY", "sell at the market price", (*shell).sell, true},
		{"holding", "", "cash, positions and their total market value", (*shell).holding, false},
		{"history", "[N [ID]]", "the last N executions (default 20), or the last before ID; newest first", (*shell).history, false},
		{"quote", "[CODE...]", "last prices of these or all instruments", (*shell).quote, true},
		{"watch", "[CODE...|off]", "show each new price of these or all instruments", (*shell).watch, true},
		{"bust", "ID REASON", "bust an execution (operators)", (*shell).bust, false},
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

// nearCommand returns the command that a wrong word was most likely meant to be.
func nearCommand(word string) string {
	commands := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, c := range shellCommands() {
		commands.AddCommand(&cobra.Command{Use: c.name, Run: func(*cobra.Command, []string) {}})
	}
	if near := commands.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return ""
}

// complain shows the error of a command.
func (sh *shell) complain(err error) {
	sh.print(sh.style(Red, "error: "+OneLine(Advise(err).Error())) + "\n")
}

// print writes text in one piece, so that no other output comes between.
func (sh *shell) print(text string) { fmt.Fprint(sh.screen, text) }

func (sh *shell) help([]string) error {
	t := sh.table("COMMAND", "", "")
	for _, c := range shellCommands() {
		t.Add(c.name, c.usage, c.short)
	}
	sh.print(t.String() + "  CODE is for example 600100, or MARKET/CODE if two markets have that code\n")
	return nil
}

func (sh *shell) quit([]string) error {
	sh.quitting = true
	return nil
}

// watched returns the instruments whose prices are shown; nil for none, no keys for all.
func (sh *shell) watched() []client.Key {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.watching
}
