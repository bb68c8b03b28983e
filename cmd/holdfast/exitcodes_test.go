package main_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	main "holdfast/cmd/holdfast"
)

// eachCommand calls do with every command that a person can run, by its name as in
// docs/commands.md.
func eachCommand(do func(name string, cmd *cobra.Command)) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "holdfast ")
		switch {
		case cmd.Hidden || slices.Contains([]string{"help", "completion"}, name):
			return
		case !cmd.HasSubCommands() || cmd.Use != cmd.Name(): // one with arguments is no group
			do(name, cmd)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(main.Commands())
}

// TestEveryCommandHasExamples: the help of each command, and of each group, has an example that
// calls it.
func TestEveryCommandHasExamples(t *testing.T) {
	check := func(name string, cmd *cobra.Command) {
		if !strings.Contains(cmd.Example, "holdfast "+name) || cmd.Short == "" {
			t.Errorf("%s: examples %q", name, cmd.Example)
		}
	}
	eachCommand(func(name string, cmd *cobra.Command) {
		check(name, cmd)
		for group := cmd.Parent(); group.HasParent(); group = group.Parent() {
			check(strings.TrimPrefix(group.CommandPath(), "holdfast "), group)
		}
	})
}

// TestExitCodesPage: docs/commands.md says for each command what code 1 means, and for no other.
func TestExitCodesPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "What code 1 means:")
	table, _, _ = strings.Cut(table, "\n## ")
	listed := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		listed[m[1]] = true
	}
	there := map[string]bool{}
	eachCommand(func(name string, cmd *cobra.Command) {
		if cmd.Parent().Name() == "chaos" && cmd.Name() != "all" && cmd.Name() != "list" {
			name = "chaos NAME"
		}
		if there[name] = true; !listed[name] {
			t.Errorf("the exit codes of %q are not in docs/commands.md", name)
		}
	})
	for name := range listed {
		if !there[name] {
			t.Errorf("there is no command %q", name)
		}
	}
}

// TestExitCodes: a mistake on the command line of any command is code 2, and what a command can't
// do is code 1. Both are one line on standard error.
func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	eachCommand(func(name string, _ *cobra.Command) {
		code, stdout, stderr := run(t, append(strings.Fields(name), "--no-such-flag")...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s --no-such-flag: code %d, %q, %q", name, code, stdout, stderr)
		}
	})
	const nobody = " --addr 127.0.0.1:1"
	for _, args := range []string{
		"account deposit 100001 5" + nobody, "account reset 100001" + nobody, "account show 100001" + nobody, "account withdraw 100001 5" + nobody,
		"backup new --data none", "cluster copy --source none --cluster-node n1 --cluster-listen 127.0.0.1:1 --cluster-peer n1=127.0.0.1:1 --cluster-peer n2=127.0.0.1:2 --cluster-peer n3=127.0.0.1:3", "cluster status --admin 127.0.0.1:1", "cluster move HF0 n1 --admin 127.0.0.1:1", "cluster drain n1 --admin 127.0.0.1:1", "cluster undrain n1 --admin 127.0.0.1:1", "bust 100001-1 --reason x" + nobody, "chat" + nobody, "client" + nobody,
		"chaos kill --out none/x", "conformance websocket --url ws://127.0.0.1:1/echo", "correct 100001-1 --quantity 1 --price 1 --reason x" + nobody,
		"fix buy X 1" + nobody, "fix dump none", "journal dump --data none", "journal stats --data none", "journal verify --data none", "load" + nobody,
		"market clock" + nobody, "market halt ALFA" + nobody, "market jump ALFA/600100 5" + nobody, "market resume ALFA" + nobody, "market step 1s" + nobody,
		"order cancel 100001-1" + nobody, "order fill 100001-1" + nobody, "order list 100001" + nobody, "order reject 100001" + nobody,
		"restore none --data new", "scenario" + nobody, "script example wild --out none/x", "seed --out none/x",
		"session disconnect 100001" + nobody, "session fault 100001 drop" + nobody, "session hold 100001 1s" + nobody, "submit --count 1" + nobody,
		"bench compare --json none/x", "bench response --json none/x",
	} {
		code, _, stderr := run(t, strings.Fields(args)...)
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		if code != 1 || !strings.HasPrefix(lines[len(lines)-1], "holdfast: ") {
			t.Errorf("%s: code %d, %q", args, code, stderr)
		}
	}
}
