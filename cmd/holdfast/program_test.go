package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	main "holdfast/cmd/holdfast"
	"holdfast/engine/carriertest"
)

// TestMain looks for goroutines that a command left behind; those that packages
// start when they are loaded (the ants default pool) are not counted. Neither is the goroutine of
// the full screen's library that stays if a key is pressed while the screen ends. In a child
// that a test has started it is the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("HOLDFAST_TEST_AS_PROGRAM") != "" {
		main.RunMain()
		return
	}
	goleak.VerifyTestMain(carriertest.Main{M: m}, goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents"))
}

// run executes a command line in-process. stderr is without the message about a slow login.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	p := &main.Program{Args: args, Stdout: &out, Stderr: &errs}
	code = p.Run(t.Context())
	return code, out.String(), withoutWait(errs.String())
}

var loginWait = regexp.MustCompile(`(?m)^holdfast: waiting for \S+ to let customer \d+ in; Ctrl-C ends the wait\n`)

// withoutWait removes the message about a slow login: whether it comes depends on the machine.
func withoutWait(stderr string) string { return loginWait.ReplaceAllString(stderr, "") }

func TestCommandLine(t *testing.T) {
	cases := []struct {
		name   string
		args   []string
		code   int
		stdout string // a part of it; "" for nothing at all
		stderr string // the whole
	}{
		{"nothing", nil, 0, "Available Commands:", ""},
		{"help flag", []string{"--help"}, 0, "Examples:", ""},
		{"help of a command", []string{"help", "version"}, 0, "holdfast version [flags]", ""},
		{"version", []string{"version"}, 0, "holdfast devel", ""},
		{"version flag", []string{"--version"}, 0, "holdfast devel", ""},
		{"slip in a command", []string{"versoin"}, 2, "", "holdfast: unknown command \"versoin\" (did you mean \"version\"?); see \"holdfast --help\"\n"},
		{"unknown command", []string{"xyzzy"}, 2, "", "holdfast: unknown command \"xyzzy\"; see \"holdfast --help\"\n"},
		{"unknown flag", []string{"--loud"}, 2, "", "holdfast: unknown flag: --loud; see \"holdfast --help\"\n"},
		{"unknown flag of a command", []string{"version", "--loud"}, 2, "", "holdfast: unknown flag: --loud; see \"holdfast version --help\"\n"},
		{"slip in a flag", []string{"load", "--conections", "3"}, 2, "", "holdfast: unknown flag: --conections (did you mean \"--connections\"?); see \"holdfast load --help\"\n"},
		{"word for a number", []string{"journal", "dump", "--from", "x"}, 2, "", "holdfast: --from wants a whole number from 1 to 2^64-1, got \"x\"; see \"holdfast journal dump --help\"\n"},
		{"number for a duration", []string{"load", "--duration", "3"}, 2, "", "holdfast: --duration wants a duration from 1ms to 8760h such as 20s or 1m30s, got \"3\"; see \"holdfast load --help\"\n"},
		{"flag without its value", []string{"load", "--duration"}, 2, "", "holdfast: flag needs an argument: --duration; see \"holdfast load --help\"\n"},
		{"slip in a subcommand", []string{"bench", "compre"}, 2, "", "holdfast: unknown command \"compre\" (did you mean \"compare\"?); see \"holdfast bench --help\"\n"},
		{"the nearest command", []string{"seve"}, 2, "", "holdfast: unknown command \"seve\" (did you mean \"serve\"?); see \"holdfast --help\"\n"},
		{"start of a command", []string{"doc"}, 2, "", "holdfast: unknown command \"doc\" (did you mean \"doctor\"?); see \"holdfast --help\"\n"},
		{"help of everything", []string{"help"}, 0, "Available Commands:", ""},
		{"help of a subcommand", []string{"help", "journal", "dump"}, 0, "holdfast journal dump [flags]", ""},
		{"help flag of help", []string{"help", "--help"}, 0, "help [command]", ""},
		{"unknown help topic", []string{"help", "nonsense"}, 2, "", "holdfast: unknown help topic \"nonsense\"; see \"holdfast --help\"\n"},
		{"empty help topic", []string{"help", ""}, 2, "", "holdfast: unknown help topic \"\"; see \"holdfast --help\"\n"},
		{"slip in a help topic", []string{"help", "jurnal"}, 2, "", "holdfast: unknown help topic \"jurnal\" (did you mean \"journal\"?); see \"holdfast --help\"\n"},
		{"slip in the second word", []string{"help", "journal", "dmp"}, 2, "", "holdfast: unknown help topic \"journal dmp\" (did you mean \"dump\"?); see \"holdfast journal --help\"\n"},
		{"help topic too long", []string{"help", "serve", "fast"}, 2, "", "holdfast: unknown help topic \"serve fast\"; see \"holdfast serve --help\"\n"},
		{"unknown flag of help", []string{"help", "--loud"}, 2, "", "holdfast: unknown flag: --loud; see \"holdfast help --help\"\n"},
		{"unknown shell", []string{"completion", "bsh"}, 2, "", "holdfast: unknown command \"bsh\" (did you mean \"bash\"?); see \"holdfast completion --help\"\n"},
		{"argument of a shell", []string{"completion", "bash", "now"}, 2, "", "holdfast: unexpected argument \"now\"; see \"holdfast completion bash --help\"\n"},
		{"completion", []string{"completion", "bash"}, 0, "bash completion", ""},
		{"argument too many", []string{"version", "now"}, 2, "", "holdfast: unexpected argument \"now\"; see \"holdfast version --help\"\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, tc.args...)
			if code != tc.code || stderr != tc.stderr {
				t.Errorf("code %d, stderr %q; want %d, %q", code, stderr, tc.code, tc.stderr)
			}
			if !strings.Contains(stdout, tc.stdout) || (tc.stdout == "") != (stdout == "") {
				t.Errorf("stdout %q, want %q", stdout, tc.stdout)
			}
		})
	}
}

func TestReport(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		name   string
		ctx    context.Context
		err    error
		code   int
		stderr string
	}{
		{"success", t.Context(), nil, 0, ""},
		{"failure", t.Context(), errors.New("port in use"), 1, "holdfast: port in use\n"},
		{"several lines", t.Context(), errors.Join(errors.New("one"), errors.New("two")), 1, "holdfast: one; two\n"},
		{"interrupted", ended, fmt.Errorf("load: %w", context.Canceled), 130, ""},
		{"failed while being stopped", ended, errors.New("disk full"), 1, "holdfast: disk full\n"},
		{"cancelled by something else", t.Context(), context.Canceled, 1, "holdfast: context canceled\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var stderr strings.Builder
			p := &main.Program{Stderr: &stderr}
			if code := p.Report(tc.ctx, tc.err); code != tc.code || stderr.String() != tc.stderr {
				t.Errorf("code %d, stderr %q; want %d, %q", code, stderr.String(), tc.code, tc.stderr)
			}
		})
	}
}

func TestExactArgs(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"right", []string{"100001-17", "typo"}, ""},
		{"second missing", []string{"100001-17"}, `missing argument REASON`},
		{"both missing", nil, `missing argument EXECUTION`},
		{"one too many", []string{"a", "b", "c"}, `unexpected argument "c"`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			err := main.ExactArgs("EXECUTION", "REASON")(new(cobra.Command), tc.args)
			if tc.want == "" && err == nil {
				return
			}
			if tc.want == "" || err == nil || !strings.HasPrefix(err.Error(), tc.want+"; see ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestGetenvTakesTheLast(t *testing.T) {
	p := &main.Program{Environ: []string{"A=1", "AB=2", "A=3=4", "B="}}
	for name, want := range map[string]string{"A": "3=4", "AB": "2", "B": "", "C": ""} {
		if got := p.Getenv(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestColours(t *testing.T) {
	if got := (&main.Program{Stdout: new(strings.Builder)}).Styled("bad"); got != "bad" {
		t.Errorf("off a terminal %q", got)
	}
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer file.Close()
	for variable, want := range map[string]string{"TERM=xterm": "\x1b[31mbad\x1b[0m", "NO_COLOR=1": "bad", "TERM=dumb": "bad"} {
		p := &main.Program{Stdout: file, Environ: []string{variable}}
		if got := p.Styled("bad"); got != want {
			t.Errorf("%s: got %q, want %q", variable, got, want)
		}
	}
}
