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
	json     bool // all output is events
	quitting bool
	line     int    // number of the line that is executed, from 1
	typed    string // that line

	again reconnecting

	mu         sync.Mutex              // guards client as well
	watching   []client.Key            // nil: none; no keys: all
	own        map[string]*ownOrder    // by client order id
	cancelling map[client.OrderID]bool // cancels of this shell without a push
	tape       tape
	dropped    uint64 // pushes that the present client has dropped, as far as that is shown
	ready      bool   // pushes are shown
	starting   bool   // pushes are shown after the account, in JSON mode

	marketUse sync.Mutex
	market    []client.Instrument // the last list of all, sorted; guarded by marketUse
}

// instruments returns the last list of all instruments, sorted.
func (sh *shell) instruments() []client.Instrument {
	sh.marketUse.Lock()
	defer sh.marketUse.Unlock()
	return sh.market
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
		{"buy", "CODE QUANTITY [PRICE] [TERMS]", "buy at the market price, or at PRICE or a lower one", (*shell).buy, true},
		{"sell", "CODE QUANTITY [PRICE] [TERMS]", "sell at the market price, or at PRICE or a higher one", (*shell).sell, true},
		{"orders", "[N [ID]] [FILTERS]", "the working orders, or those that match FILTERS, newest first", (*shell).orders, false},
		{"replace", "ID QUANTITY [PRICE] [TERMS]", "change an order; QUANTITY with what is filled", (*shell).replace, false},
		{"cancel", "ID|all", "cancel an order, or all", (*shell).cancel, false},
		{"holding", "", "cash, positions and their total market value", (*shell).holding, false},
		{"history", "[N [ID]] [FILTERS]", "the last N executions (default 20), or the last before ID; newest first", (*shell).history, false},
		{"quote", "[CODE...]", "last prices of these or all instruments", (*shell).quote, true},
		{"watch", "[CODE...|off]", "show each new price of these or all instruments", (*shell).watch, true},
		{"bust", "ID REASON", "bust an execution (operators)", (*shell).bust, false},
		{"chat", "TEXT", "say something to everybody, in the common room", (*shell).chat, false},
		{"say", "ROOM TEXT", "say something in a room", (*shell).sayIn, false},
		{"join", "[ROOM]", "show what is said in a room (without ROOM: in the common room)", (*shell).join, false},
		{"leave", "[ROOM]", "show it no longer", (*shell).leaveRoom, false},
		{"who", "[ROOM]", "who is in a room", (*shell).who, false},
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
	sh.typed = line
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

// complain shows the error of a command; line is that of the input, or 0.
func (sh *shell) complain(err error, line int) {
	sh.say(sh.style(Red, "error: "+OneLine(Advise(err).Error()))+"\n", errorEvent(Advise(err), line))
}

// print writes text in one piece, so that no other output comes between.
func (sh *shell) print(text string) { fmt.Fprint(sh.screen, text) }

func (sh *shell) help([]string) error {
	t := sh.table("COMMAND", "", "")
	var list []map[string]string
	for _, c := range shellCommands() {
		t.Add(c.name, c.usage, c.short)
		list = append(list, map[string]string{"name": c.name, "arguments": c.usage, "help": c.short})
	}
	sh.reply(t.String()+termsHelp+filterHelp, "help", list)
	return nil
}

func (sh *shell) quit([]string) error {
	sh.quitting = true
	sh.reply("", "quit", nil)
	return nil
}

// watched returns the instruments whose prices are shown; nil for none, no keys for all.
func (sh *shell) watched() []client.Key {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.watching
}
