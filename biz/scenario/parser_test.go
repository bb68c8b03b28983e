package scenario_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/scenario"
)

const orderUsage = "; write: buy 3000 600100 [market] [limit 9.90] [stop 9.80] [day | gtc | gtd 1h | ioc | fok] [with parts=3] [as a1]"

// mistakes are lines after a head of three lines that names alice, bob and the order a1, and the
// mistake in the last of them.
var mistakes = []struct{ name, text, problem string }{
	{"statement", "alcie buy 100 600100", `unknown statement "alcie"; a step starts with its client, as in alice: buy 100 600100`},
	{"statement without a colon", "alice buy 100 600100", `unknown statement "alice" (did you mean "alice:"?); a step starts with its client, as in alice: buy 100 600100`},
	{"statement of the head", "sevrer clock stepped", `unknown statement "sevrer" (did you mean "server"?); a step starts with its client, as in alice: buy 100 600100`},
	{"client", "alise: buy 100 600100", `unknown client "alise" (did you mean "alice"?)`},
	{"client unlike any", "xyzzy: buy 100 600100", `unknown client "xyzzy"; the clients are alice, bob, operator`},
	{"nothing to do", "alice:", "want what the client does, such as buy 100 600100, got the end of the line"},
	{"verb", "alice: byu 100 600100", `unknown word "byu" (did you mean "buy"?)`},
	{"expectation", "alice: buy 100 600100\n  positon 600100 100", `unknown word "positon" (did you mean "position"?)`},
	{"no quantity", "alice: buy", "want a number of shares such as 100, got the end of the line" + orderUsage},
	{"quantity", "alice: buy 1.5 600100", `want a number of shares such as 100, got "1.5"` + orderUsage},
	{"no instrument", "alice: buy 100", "want an instrument such as 600100, got the end of the line" + orderUsage},
	{"option", "alice: buy 100 600100 limt 9.90", `unknown option of an order "limt" (did you mean "limit"?)`},
	{"option unlike any", "alice: buy 100 600100 xyzzy", `unknown option of an order "xyzzy"; it is one of market, limit, stop, with, as, day, fok, gtc, gtd, ioc`},
	{"price", "alice: buy 100 600100 limit 9,9x", `want a price such as 9.90, got "9,9x"` + orderUsage},
	{"five decimals", "alice: buy 100 600100 limit 9.90001", `want a price such as 9.90, got "9.90001"` + orderUsage},
	{"percentage", "alice: buy 100 600100 limit x%", `want a price such as 9.90, or -5% for 5% below the last price, got "x%"` + orderUsage},
	{"time", "alice: buy 100 600100 limit 9 gtd 25:00", `want a time such as 15:00, 2026-01-05T15:00:00+08:00, or a duration such as 1h from now on, got "25:00"` + orderUsage},
	{"name used twice", "bob: buy 100 600100 as a1", `order "a1" is there twice: every name is used once`},
	{"name of an order", "alice: buy 100 600100 as a/b", `order name "a/b": want up to 20 characters without / : !`},
	{"order", "alice: cancel a2", `unknown order "a2" (did you mean "a1"?)`},
	{"order unlike any", "alice: cancel xyzzy", `unknown order "xyzzy"; the orders so far are a1`},
	{"word too much", "alice: cancel a1 a1", `unexpected "a1"; write: cancel a1, or cancel all [600100] [of alice | of everyone]`},
	{"execution", "operator: bust a1/0", `want an execution such as a1/2, the second one of the order a1, got "a1/0"; write: bust a1 or bust a1/2 ["reason"] [reopen] [cascade] [dry-run]`},
	{"option of a bust", "operator: bust a1 \"x\" cacade", `unknown option of a bust "cacade" (did you mean "cascade"?)`},
	{"no end of a text", "operator: bust a1 \"x", `a text that starts with " has no end`},
	{"text with more", "operator: bust a1 \"x\"y", `a blank is missing after a text in ""`},
	{"not printable", "operator: bust a1 \"\x01\"", "not printable UTF-8"},
	{"not UTF-8", "operator: bust a1 \"\xff\"", "not printable UTF-8"},
	{"outcome", "alice: buy 100 600100\n  FILED", `unknown outcome "FILED" (did you mean "FILLED"?)`},
	{"outcome after or", "alice: buy 100 600100\n  NEW or", "want outcome, got the end of the line; write: FILLED average 9.90, or REJECTED NOT_ENOUGH_CASH \"text of the message\", or CANCELLED or REJECTED TOO_LATE"},
	{"reason", "alice: buy 100 600100\n  REJECTED NOT_ENOUGH_CSH", `unknown reason "NOT_ENOUGH_CSH" (did you mean "NOT_ENOUGH_CASH"?)`},
	{"field of an outcome", "alice: buy 100 600100\n  NEW leavs 100", `unknown word "leavs" (did you mean "leaves"?)`},
	{"field twice", "alice: buy 100 600100\n  NEW leaves 100 leaves 200", `"leaves" is there twice`},
	{"two outcomes", "alice: buy 100 600100\n  NEW\n  FILLED", `the step has an outcome already; write "or" between outcomes that are both right`},
	{"outcome of a check", "alice: orders none\n  OK", `an outcome needs an action, and "orders none" only checks`},
	{"cause", "alice: order a1 CANCELLED cause CLEINT", `unknown cause "CLEINT" (did you mean "CLIENT"?)`},
	{"status", "alice: order a1 CANCELED", `unknown status "CANCELED" (did you mean "CANCELLED"?)`},
	{"field of a position", "alice: position 600100 100 costt 9", `unknown word "costt" (did you mean "cost"?)`},
	{"no field", "alice: account", "want a field such as cash 970000.00, got the end of the line; write: account [cash 970000.00] [free-cash 970000.00] [frozen-cash 0.00] [fees 5.00] [orders 1]"},
	{"amount", "alice: account cash x", `want an amount such as 29707.43, got "x"; write: account [cash 970000.00] [free-cash 970000.00] [frozen-cash 0.00] [fees 5.00] [orders 1]`},
	{"no reason in quotes", "alice: execution a1 because x", `want the reason of the bust in "", got "x"; write: execution a1/2 [1000] [at 9.90] [fee 5.00] [valid | BUSTED | CORRECTED] [because "reason"]`},
	{"push", "alice: expects exection of a1", `unknown push "exection" (did you mean "execution"?)`},
	{"duration", "alice: expects order a1 within x", `want a duration such as 500ms, 1m or 2d, got "x"; write: expects execution of a1 [1000] [at 9.90], or order a1 CANCELLED, or bust of a1/1 ["reason"], or position 600100 100, or repriced [600100], or deposit 5000.00, or disconnect; "within 30s" at the end waits longer`},
	{"log", "alice: logs on", `unknown word "on" (did you mean "in"?)`},
	{"snapshot", "alice: reconnects with a snapshot because TOO_ODL", `unknown reason "TOO_ODL" (did you mean "TOO_OLD"?)`},
	{"session instead of a client", "operator: hold alice/x 1s", `unknown client "alice/x" (did you mean "alice"?)`},
	{"page", "alice: history in pages of 0", "a page has 1 to 1000 executions"},
	{"row", "alice: history\n  buy 100", `want an instrument such as 600100, got the end of the line; write: sell 100 600100 [at 9.90] [valid | BUSTED | CORRECTED] [because "reason"]`},
	{"row elsewhere", "alice: pulls\n  buy 100 600100", `unknown word "buy"; it is one of account, execution, expects, nothing, order, orders, position, positions, quote, OK, REJECTED, FORBIDDEN, UNAUTHENTICATED, MALFORMED, OVERLOADED, UNAVAILABLE, TOO_LARGE, NEW, PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED`},
	{"step of a client", "alice: step x", `want a duration such as 500ms, 1m or 2d, got "x"; write: step 1m, or step to 15:00`},
	{"step to a duration", "step to 1m", "step to wants a time such as 15:00, step alone a duration"},
	{"step without a clock", "step 1m", `step needs a stepped clock: write "server clock stepped"`},
	{"price for everybody", "operator: price 600100 9", `a price changes the market for everybody: the scenario needs a server for itself; write a "server" line`},
	{"halt for everybody", "operator: halt 600100", `a halt changes the market for everybody: the scenario needs a server for itself; write a "server" line`},
	{"and without a step", "and", "want a step after \"and\", such as alice: buy 100 600100, got the end of the line"},
	{"and after a check", "alice: orders none\nand alice: pulls", `"and" needs an action before it`},
	{"and a check", "and alice: orders none", "only an action can be done at the same time as another one"},
	{"late head", "clients carol", `"clients" must be before the first step`},
	{"second name", "scenario \"x\"", `"scenario" must be before the first step`},
}

const parserHead = "scenario \"x\"\nclients alice bob\nalice: buy 100 600100 as a1\n"

func TestMistakes(t *testing.T) {
	for _, tc := range mistakes {
		t.Run(tc.name, func(t *testing.T) {
			text := parserHead + tc.text
			wantErrors(t, text, fmt.Sprintf("test.scenario:%d: %s", lines(text), tc.problem))
		})
	}
}

// TestMistakesBeforeSteps are mistakes in whole files.
func TestMistakesBeforeSteps(t *testing.T) {
	const step = "alice: buy 100 600100\n"
	for name, tc := range map[string]struct{ text, want string }{
		"empty":                 {"", `1: the name is missing: scenario "partial fills"`},
		"no steps":              {"scenario \"x\"\n", "1: there are no steps, such as alice: buy 100 600100"},
		"no name":               {"clients alice\n" + step, `2: the first statement must be the name: scenario "partial fills"`},
		"empty name":            {"scenario \"\"", "1: the name is empty"},
		"name without quotes":   {"scenario x", `1: want the name of the scenario in "", got "x"; write: scenario "partial fills"`},
		"two names":             {"scenario \"x\"\nscenario \"y\"", "2: this is the second name: a file has one scenario"},
		"no clients":            {"scenario \"x\"\n" + step, `2: unknown client "alice"; name the clients before the first step: clients alice`},
		"client twice":          {"scenario \"x\"\nclients alice alice", `2: client "alice" is there twice`},
		"client in upper case":  {"scenario \"x\"\nclients Alice", `2: client "Alice": a name has small letters, digits and -, as in alice or alice/phone`},
		"bad number":            {"scenario \"x\"\nclients alice=x", `2: client "alice=x": want a customer number such as alice=100001`},
		"number of a session":   {"scenario \"x\"\nclients alice/x=100001", `2: client "alice/x=100001": want a customer number such as alice=100001`},
		"indented first":        {"  scenario \"x\"", "1: an indented line is an expectation of the step before it, but there is no step; remove the indentation"},
		"two servers":           {"scenario \"x\"\nserver\nserver", "3: the server is described twice: write one line"},
		"seed":                  {"scenario \"x\"\nserver seed mainlnd", `2: unknown seed "mainlnd" (did you mean "mainland"?)`},
		"clock":                 {"scenario \"x\"\nserver clock steped", `2: unknown clock "steped" (did you mean "stepped"?)`},
		"start":                 {"scenario \"x\"\nserver clock stepped start 9:30", `2: want a time such as 2026-01-05T09:30:00+08:00, got "9:30"; write: server seed mainland clock stepped start 2026-01-05T09:30:00+08:00 depth 1000`},
		"start without a clock": {"scenario \"x\"\nserver start 2026-01-05T09:30:00+08:00", "2: a start is for a stepped clock: add clock stepped"},
		"depth":                 {"scenario \"x\"\nserver depth 0", "2: the depth must be 1 or more; without it there is no limit"},
		"rate":                  {"scenario \"x\"\nserver moves -1", `2: want a number per second from 0 to 1000000, got "-1"; write: server seed mainland clock stepped start 2026-01-05T09:30:00+08:00 depth 1000`},
		"preset":                {"scenario \"x\"\nserver preset thick", `2: unknown preset "thick" (did you mean "thin"?)`},
		"stepped preset":        {"scenario \"x\"\nserver clock stepped preset thin", `2: the orders of the preset "thin" take time, which a stepped clock never has: remove one of both`},
		"option of a server":    {"scenario \"x\"\nserver sed default", `2: unknown option of the server "sed" (did you mean "seed"?)`},
		"account":               {"scenario \"x\"\nclients alice\naccount alice", `3: an account needs a server of its scenario: write a "server" line before it`},
		"account twice":         {"scenario \"x\"\nserver\nclients alice\naccount alice\naccount alice", "5: the account of alice is there twice"},
		"position":              {"scenario \"x\"\nserver\nclients alice\naccount alice 600100 0 at 10", "4: want a number of shares above 0"},
		"position without at":   {"scenario \"x\"\nserver\nclients alice\naccount alice 600100 1 10", `4: want "at", got "10"; write: account alice cash 500000.00 directives 601100 200 at 10.00`},
		"account of a session":  {"scenario \"x\"\nserver\nclients alice/x\naccount alice/x", `4: "alice/x" is a session: name the client "alice"`},
		"variable":              {"scenario \"x\"\ninstruments 600100", `2: variable "600100": want a name such as X`},
		"variable twice":        {"scenario \"x\"\ninstruments X X", `2: variable "X" is there twice`},
		"UTF-16":                {"\xff\xfes\x00", "1: is UTF-16; save it as UTF-8"},
	} {
		t.Run(name, func(t *testing.T) { wantErrors(t, tc.text, "test.scenario:"+tc.want) })
	}
}

func wantErrors(t *testing.T, text string, want ...string) {
	t.Helper()
	_, err := scenario.Parse("test.scenario", []byte(text))
	var found scenario.Errors
	if !errors.As(err, &found) || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got  %v\nwant %s", err, strings.Join(want, "\n     "))
	}
}

// TestAllMistakes: all mistakes of a file are reported in the order of their lines, and lines
// below a wrong step are not.
func TestAllMistakes(t *testing.T) {
	wantErrors(t, parserHead+"step 1m\nalice: byu\n  NEWW\n\nalice: buy x y\nalice: cancel a1 \"\n",
		`test.scenario:4: step needs a stepped clock: write "server clock stepped"`,
		`test.scenario:5: unknown word "byu" (did you mean "buy"?)`,
		`test.scenario:8: want a number of shares such as 100, got "x"`+orderUsage,
		`test.scenario:9: a text that starts with " has no end`)
}

func TestTooLong(t *testing.T) {
	wantErrors(t, strings.Repeat("#", scenario.MaxFileSize+1), "test.scenario:1: longer than 1048576 bytes")
	_, err := scenario.Parse("test.scenario", []byte(parserHead+strings.Repeat("alice: pulls\n", scenario.MaxSteps)))
	if err == nil || err.Error() != fmt.Sprintf("test.scenario:%d: more than 10000 steps", scenario.MaxSteps+3) {
		t.Errorf("got %v", err)
	}
}

// TestSpelling: what is written in different ways is the same.
func TestSpelling(t *testing.T) {
	s := parse(t, "\ufeff# About\n#  this.\n\nscenario \"a \\\"b\\\\\"  # name\r\nclients alice, bob\ninstruments X\n\n"+
		"alice: buys 3,000 X limit 1,009.90 as a-1\n\tNEW # still works\n"+
		"operator:   busts a-1/1 \"x # y\"\nbob: sell 1 ALFA/600100\nalice: repeats a-1\n")
	if s.Name != `a "b\` || s.About != "About\nthis." || !strings.HasPrefix(s.Text, "# About") {
		t.Errorf("name %q, about %q, text %q", s.Name, s.About, s.Text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range scenario.Library() {
		f.Add([]byte(s.Text))
	}
	for _, tc := range mistakes {
		f.Add([]byte(parserHead + tc.text))
	}
	f.Add([]byte("scenario \"x\"\nserver clock stepped start 2026-01-05T09:30:00+08:00\nclients a=1 a/b\naccount a cash 1 X 1 at 1\nstep to 15:00\nand step 1d1h\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := scenario.Parse("fuzz", text)
		var found scenario.Errors
		switch {
		case err == nil && s.Name == "":
			t.Error("no name")
		case err != nil && (!errors.As(err, &found) || len(found) == 0):
			t.Errorf("error %v", err)
		}
		last := 0
		for _, e := range found {
			if e.Line < max(last, 1) || e.Problem == "" || strings.Contains(e.Problem, "\n") {
				t.Errorf("line %d after %d: %q", e.Line, last, e.Problem)
			}
			last = e.Line
		}
	})
}
